// Package gateway is the thin edge of Peer2Peer Connector. It terminates
// WebSockets, maps each peer to a NATS subject, and relays subject to subject.
// It holds no truth: connections, sessions and room replicas may be lost at any
// moment. Package proto documents what it says to clients, package proto/bus what it says
// to other services.
//
// The root wires what the packages below it decide, and runs it. Each of them has one
// responsibility; e2e/test/arrows holds what they may import:
//
//	internal/admission  who may open a WebSocket, by page, address and limits
//	internal/auth       access tokens, session tokens and their keys, TURN credentials
//	internal/clock      moments and durations that nobody who sets the time of day changes
//	internal/directory  asks the session directory who owns what
//	internal/handshake  answers WebSocket handshakes, or says why not
//	internal/httpserver the listener that clients connect to, and its certificate
//	internal/link       relays to other gateways: numbered, acknowledged, resent, routed
//	internal/metrics    what the gateway counts, for Prometheus
//	internal/natsbus    the connection to NATS, who is alive, requests to the room service
//	internal/ops        whether the gateway works: watchdog, readiness
//	internal/ratelimit  token buckets
//	internal/replay     frames that wait for clients that are away
//	internal/room       rooms with a member here, and what members are sent of them
//	internal/session    which gateway owns a peer's session
//	internal/socket     one WebSocket: bytes in, frames out
//	web                 the page, the demo, connector.js and the documents
//
// A frame's way through the files, from one peer to another:
//
//	accept.go      a client whose handshake package internal/handshake has accepted gets a
//	               session
//	conn.go        a client's connection, on a WebSocket of package internal/socket, which
//	               validates what comes
//	dispatch.go    each event goes its way, at the rate that package internal/ratelimit allows
//	relay.go       to a peer of this gateway, or to the router
//	links.go       numbers relays and keeps them until they are acknowledged; package
//	               internal/natsbus never waits for NATS
//	inbound.go     what comes from NATS is handled and written, in turns
//	session.go     a peer's frames go to its connection, or wait for the next one
//	conn.go        the WebSocket queues them, within bounds, and writes all that waits at once
//
// Package internal/link decides which way a relay takes, when it is sent again and when
// it is given up; links.go gives it the clock, the lock and NATS. undelivered.go makes the
// error that the sender of a lost relay gets.
//
// A session moves between connections and gateways, as package internal/session decides:
// token.go issues what a client resumes with, signed by package internal/auth, resume.go
// attaches the client to a session of this gateway, taker.go takes one over from another,
// owner.go lends and gives up those that this gateway owns, compare.go compares
// them with the session directory, and drain.go sends everyone elsewhere. What a broken connection
// swallowed, package internal/socket keeps.
//
// Rooms belong to the room service. Package internal/room follows those that have a member
// here, sends members what has changed, and hands them what others say. member.go makes it
// of this gateway: a session is what rooms know as a member. roomevents.go reads what
// clients ask of rooms, and roomqueue.go sends one request of a connection after another:
// nothing else waits for them. reorder.go holds what was sent by a newer state of a room than
// has arrived.
//
// heartbeat.go tells and learns which gateways are alive, and watch.go looks after
// everything once a second. ops.go serves operators; snapshot.go reads what package
// internal/metrics does not count.
//
// # Locks
//
// Who takes more than one lock takes them in this order; each is held across calls of the
// next ones only:
//
//	links.receivedMu   what another gateway has sent is handled in order
//	the table of rooms of package internal/room: to drop a room that nothing needs
//	one room           of the same: no change comes between the choice of receivers and sending
//	links.mu           the router
//	session.mu         frames for one peer are in order
//	connection         of package internal/socket
//
// Any of them may be held while another table is looked up. None is held across a publish
// that may block: package internal/natsbus never waits for NATS.
package gateway
