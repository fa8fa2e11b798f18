// Package metrics counts what the gateway does and serves it to Prometheus.
//
// A [Metrics] holds one small struct of counters for each part of the gateway: a package
// that counts relays gets a *[Relays], and sees no other counter. Counters are fields that
// their owner increments from any goroutine, without a lock and without an allocation.
//
// Values that describe a moment, like the number of open connections, are in a [Snapshot].
// [Handler] takes one for each scrape, through a function that its caller provides.
//
// The table in table.go gives every metric its name, its help and its labels. No label
// names a peer or a room: their number has no bound, and their names are private. A counter
// begins at 0 with all its labels, so that a query finds it before the first event.
package metrics
