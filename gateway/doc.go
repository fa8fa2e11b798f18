// Package gateway is the thin edge of Peer2Peer Connector. It terminates
// WebSockets, maps each peer to a NATS subject, and relays subject to subject.
// It keeps no durable state: connections, sessions and room replicas may be lost
// at any moment. Package proto documents the protocol with clients, package proto/bus
// the protocol with other services.
//
// The root package connects the packages below it and runs them. Each of them has one
// responsibility; e2e/test/arrows tests what they may import:
//
//	internal/admission  who may open a WebSocket, by page, address and limits
//	internal/auth       access tokens, session tokens and their keys
//	internal/background goroutines for clients that may be gone
//	internal/client     connections of clients: what they ask for, and what becomes of it
//	internal/clock      moments and durations that setting the time of day does not change
//	internal/config     the settings, their flags and their ranges
//	internal/dialect    client protocols other than our own: the seam, and below it each of them
//	internal/directory  asks the session directory which gateway owns a session
//	internal/drain      moves the peers of a gateway that ends to other gateways
//	internal/egress     how many bytes a client may send, and make the gateway send
//	internal/fairqueue  turns of clients at the room service
//	internal/frames     encodes the frames that the server itself sends
//	internal/handshake  accepts WebSocket handshakes, or refuses them with the reason
//	internal/heartbeat  publishes this gateway's lease, and receives those of the others
//	internal/httpserver the listener that clients connect to, and its certificate
//	internal/ice        ICE servers for clients, and TURN credentials
//	internal/inbound    handles the messages of other services
//	internal/link       relays to other gateways: numbered, acknowledged, resent, routed
//	internal/membudget  bounds the memory of the buffers for all clients
//	internal/metrics    what the gateway counts, for Prometheus
//	internal/names      asks the directory of names which peer has a name
//	internal/natsbus    the connection to NATS, liveness of gateways, requests to the room service
//	internal/ops        whether the gateway works: watchdog, readiness
//	internal/ownership  which gateway owns a peer's session
//	internal/quota      places in rooms, and clients that are away, of all sessions together
//	internal/ratelimit  token buckets
//	internal/relay      frames to the peers of other gateways, and from them
//	internal/replay     frames that wait for clients that are away
//	internal/room       rooms with a member here, and the frames that their members get
//	internal/session    peers' sessions, and their moves between connections and gateways
//	internal/socket     one WebSocket: bytes in, frames out
//	internal/topic      publish and subscribe, for clients of some dialects
//	internal/topicroom  the gateway as a member of the rooms of topics
//	web                 the page, the demo, connector.js and the documents
//
// The path of a frame through the files, from one peer to another:
//
//	internal/client   accept.go: a client whose handshake package internal/handshake has accepted
//	                  gets a session. conn.go: its connection, on a WebSocket of package
//	                  internal/socket, which validates incoming frames. dispatch.go: calls the
//	                  handler of each event. relay.go: to a peer of this gateway, or to the router
//	internal/relay    links.go: numbers relays and keeps them until they are acknowledged; package
//	                  internal/natsbus never waits for NATS
//	internal/inbound  handles messages from NATS and writes to connections, in turns
//	internal/relay    deliver.go: to the peer or the members of the room that are here
//	internal/session  deliver.go: a peer's frames go to its connection, or wait for the next one
//	internal/socket   queues them, within bounds, and writes all that waits at once
//
// A session moves between connections and gateways in package internal/session, as package
// internal/ownership decides; package internal/drain moves all
// peers to other gateways.
// Package internal/socket keeps the frames that were written to a broken connection.
//
// Rooms belong to the room service. Package internal/room follows those that have a member
// here, sends members the changes, and delivers the messages of other members. wiring.go
// connects it to the sessions, which are the members of rooms, and makes the other packages
// that refer to each other.
//
// Package internal/membudget counts what the buffers of all clients use, and gives up the
// largest when that is nearly all that they may use. Package internal/heartbeat publishes this
// gateway's lease and receives those of the others; package proto/agreement compares the
// settings in them, and those of room services. watch.go runs the periodic work. ops.go serves
// operators; snapshot.go reads the values that package internal/metrics does not count.
//
// Clients may speak another protocol, a dialect; package internal/dialect/registry has the
// list. Such a client's connection has a translator of a package below internal/dialect.
// Their sessions end with their connections, unless the translator is a dialect.Returner.
// Package internal/topicroom gives package internal/topic rooms whose members are gateways.
//
// # Locks
//
// A goroutine that takes more than one lock takes them in this order. Each is held only
// across calls that take later ones:
//
//	Conn.leaving       of package internal/session: a connection leaves its session once, and the
//	                   session may end then: it leaves its rooms and topics
//	Links.receivedMu   of package internal/relay: frames of another gateway are handled in order
//	the table of rooms of package internal/room: to drop a room that nothing needs
//	one room           of the same: no change comes between the choice of receivers and sending
//	topics             of package internal/topic: the table, then one topic
//	Links.mu           of package internal/relay: the router
//	a session          of package internal/session: frames for one peer are in order
//	translator         of a package below internal/dialect, for one connection
//	connection         of package internal/socket, or the rosters of package internal/room
//
// Any of them may be held while another table is looked up. None is held across a publish
// that may block: package internal/natsbus never waits for NATS.
package gateway
