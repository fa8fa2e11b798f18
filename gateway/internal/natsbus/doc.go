// Package natsbus is the gateway's side of the message bus, and the only package of the
// gateway that knows NATS. Package proto/bus documents what is said on it.
//
// A [Conn] publishes, and collects what comes in its [Inbox]: everything that one read has
// brought makes one turn of the reader. Writing never waits for a server that hangs;
// dialer.go says how. [Requests] are sent to the room service, which also keeps the
// session directory, until they are answered. [Liveness] knows which gateways hold their
// leases, by a clock that stands still while this gateway could not have received one.
package natsbus
