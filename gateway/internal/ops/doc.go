// Package ops reports to operators whether the gateway works. A [Watchdog] detects loops
// that hang, [Readiness] lists what keeps the gateway from being ready, and [Trim] gives
// memory back after a burst of connects. Package metrics has the counters.
package ops
