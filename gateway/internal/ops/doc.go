// Package ops tells operators whether the gateway works. A [Watchdog] notices loops that
// hang, [Readiness] lists what keeps the gateway from being ready, and [Trim] gives memory
// back after a burst of connects. Package metrics has what is counted.
package ops
