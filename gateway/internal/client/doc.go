// Package client carries out what the clients of this gateway ask for. A [Conn] is the
// connection of a client, on a WebSocket of package socket; the [Table] has those that are
// open:
//
//	accept.go       a client whose handshake was accepted gets a connection and a session
//	conn.go         a connection from its first frame to its last
//	dispatch.go     calls the handler of each event, within the rates of the client
//	relay.go        sends signals and messages to peers and rooms
//	roomevents.go   reads the room requests of clients, and has them carried out
//	roomqueue.go    sends the requests of a connection one after another; only messages to
//	                the same rooms wait for them
//	roominfo.go     answers Room_Info
//	pay.go          what a room request costs
//	resume.go       reads the request of a client that comes back
//	authenticate.go a client renews its access token
//	uncovered.go    leaves the rooms that a new access token does not cover
//	dialect.go      connections of clients that speak another protocol
//	log.go          what is logged of a connection
//
// A connection's reader calls its handlers one after another. Everything else may happen
// concurrently.
package client
