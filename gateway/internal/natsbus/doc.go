// Package natsbus is the gateway's side of the message bus, and the only package of the
// gateway that imports NATS. Package proto/bus documents the messages on the bus.
//
// A [Conn] publishes messages, and collects received messages in its [Inbox]: all messages
// of one read from the network make one turn of the reader. Writing never waits for a server
// that hangs; dialer.go explains how. [Requests] sends requests to the room service, which
// also keeps the session directory, until they are answered. [Liveness] knows which gateways
// hold their leases, by a clock that stands still while this gateway could not have received
// one.
package natsbus
