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
// Rooms belong to the room service. roomevents.go asks it, by package internal/natsbus,
// one request of a connection after another: roomqueue.go holds what waits, and nothing else does. A
// replica.go follows each room that has a member here, change by change; what a change
// does to a room, and what members are sent of it, package internal/room knows. change.go,
// announce.go and updates.go act on that, roommessage.go passes on what members say, and
// rooms.go fetches what was missed. reorder.go holds what was sent by a newer state of a
// room than has arrived.
//
// heartbeat.go tells and learns which gateways are alive, and watch.go looks after
// everything once a second. ops.go serves operators; snapshot.go reads what package
// internal/metrics does not count.
package gateway
