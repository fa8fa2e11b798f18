// Package gateway is the thin edge of Peer2Peer Connector. It terminates
// WebSockets, maps each peer to a NATS subject, and relays subject to subject.
// It holds no truth: connections, sessions and room replicas may be lost at any
// moment. The wire protocol is documented in package proto.
//
// A frame's way through the files, from one peer to another:
//
//	accept.go      a handshake is let in: admission.go, lobby.go, origin.go, access.go say whether
//	guard.go       what the network brings is judged before the WebSocket library (ws.go) sees it
//	conn.go        a connection: its queue and its bounds; connend.go is its end
//	dispatch.go    each event goes its way; flood.go counts
//	relay.go       to a peer of this gateway, or to NATS
//	outbound.go    numbers relays and remembers them for a moment; busconn.go never waits for NATS
//	inbound.go     what comes from NATS is handled and written, in turns
//	session.go     a peer's frames go to its connection, or wait for the next one
//	writers.go     connections stand in line, and writer.go takes all that waits in one write
//
// A relay that does not arrive is told to its sender: lost.go (NATS or a gateway
// says so), links.go (a number is missing), pulse.go and outages.go (the way was
// broken), silences.go (the other gateway was not heard for a while), stalls.go (what
// waits for a gateway that may come back). words.go keeps what was said of it, and says
// it again when it may be lost too.
//
// A session moves between connections and gateways: token.go makes what a client
// resumes with, resume.go and takeover.go have it here, handover.go gives it away,
// claims.go says who holds it now, arrivals.go and farewells.go see to the frames
// that are under way meanwhile, eras.go refuses those that come late from a gateway
// that held it before, tail.go keeps what a broken connection swallowed, and
// drain.go sends everyone elsewhere.
//
// Rooms belong to the room service. roomevents.go asks it, by requests.go; a
// replica.go follows each room that has a member here, change by change
// (change.go), gather.go and announce.go tell the members, roommessage.go passes
// on what they say, and rooms.go fetches what was missed.
//
// leases.go follows which gateways live, and watch.go looks after everything once
// a second. Operators are served by ops.go; stats.go counts, families.go, measure.go
// and snapshot.go make metrics of it.
package gateway
