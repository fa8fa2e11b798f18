// Package metrics counts what the gateway does and serves it to Prometheus.
//
// A [Metrics] holds one small struct of counters for each part of the gateway: a package
// that counts relays is given a *[Relays], and sees no other counter. Counters are fields
// that their owner adds to, without a lock and without an allocation, from any goroutine.
//
// What is not counted but is so at a moment, like the open connections, is a [Snapshot].
// [Handler] takes one for each scrape, through a function that its caller gives.
//
// The table in table.go gives every metric its name, its help and its labels. No label
// names a peer or a room: their number has no bound, and who they are is nobody's business
// here. A counter begins at 0 with all its labels, so that a query finds it before the
// first event.
package metrics
