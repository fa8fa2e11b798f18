// Package proto is the protocol of Peer2Peer Connector: the frames that clients
// and gateways exchange over a WebSocket. This comment, which goes on in doc_rooms.go and
// doc_sessions.go, is the specification; the rest of the package states the same in code,
// and its tests hold the two together. The package needs nothing but the standard library,
// so that client libraries may import it. Package bus, in a folder below, has the messages
// that gateways, room services and back ends exchange over NATS.
//
// A peer is one connected client, known by an id that the server gives it. A room is a
// named set of peers; its creator may change and end it. A signal is an offer, an answer
// or a candidate: the server passes it on and does not read it. The media and the data
// channels that peers agree on never touch the server.
//
// # Connecting
//
// A client opens a WebSocket on / or /ws. (A plain HTTP GET of / answers a page
// of documentation.) Each text frame holds one JSON object; binary frames are
// not accepted. The server sends the first frame:
//
//	{"type":"info","event":"Client_Details","data":{
//	    "id":"5f0c3a9e-6b1d-8e42-9a77-30d1c2b4a5f6",
//	    "session":"…","resumed":false,
//	    "ice_servers":[{"urls":["turn:turn.example.org"],"username":"…","credential":"…"}],
//	    "limits":{"max_message_bytes":65536,"messages_per_second":0,"max_rooms":64,"max_room_members":10000},
//	    "heartbeat_seconds":20,"versions":[1]},
//	 "timestamp":"2026-01-02T15:04:05.123456789Z","message_id":"6a2e…"}
//
// data.id is the peer's id: hand it to others by any means, and they can reach the peer.
// Treat it as opaque text. data.session is a resume token (see Sessions), ice_servers a
// list that can be handed to RTCPeerConnection as it is, limits what the server enforces
// (messages_per_second 0: no limit), and heartbeat_seconds how often the server pings; a
// WebSocket library answers those pings by itself. session and ice_servers are absent
// where the server has none to give. Besides those above, limits names message_burst
// (frames at once; absent: no limit), max_depth (of a frame), max_id_bytes,
// max_room_id_bytes, max_room_name_bytes, max_metadata_bytes (of a room),
// max_member_metadata_bytes, and those of Rooms, Bytes and Sessions. Members may be
// added to data later, so ignore unknown ones.
//
// # Frames
//
// There are three shapes.
//
//	client to server  {"event":E, "to"?:peer, "room"?:room, "data"?:any, "id"?:string or number}
//	server to client  {"type":"info"|"update"|"error", "event":E, "data":{…}, "timestamp":T, "message_id":M, "id"?:echo}
//	peer to peer      {"event":E, "from":peer, …the sender's other members}
//
// A frame that has `type` comes from the server, one that has `from` from a
// peer; no frame has both at its top.
//
// event matches in any case: create_room, Create_Room and CREATE_ROOM are one event.
// Create_Rom is read as Create_Room, because early documents spelled it so. What the
// server writes is always the canonical spelling.
//
// id is the client's own: a string or number of at most 256 bytes as JSON.
// Every answer and every error that a frame causes carries the same id. A frame
// without one works the same.
//
// timestamp is RFC 3339 in UTC, message_id a UUID.
//
// In a relayed frame the server writes event and from, leaves out to, and passes
// all other members on byte for byte, unknown ones included. The members that
// only the server may write (from, type, timestamp, message_id) are taken out in
// any case in which a client may have written them, and so is every other
// spelling of event and to: a receiver whose JSON library does not look at case
// cannot be deceived either.
//
// A frame is valid when it is one JSON object in UTF-8, at most 32 levels deep,
// without duplicate member names in any object, and with nothing but white space
// around it. A string that is null counts as absent.
//
// The frames of one connection are handled in the order in which they were
// sent, and what one peer sends to another arrives in that order. Room requests,
// which wait for the room service, are the exception: see Rooms.
//
// # Relayed events
//
// Offer, Answer and Candidate go to the peer named by `to`. Message goes to the
// peer named by `to`, or to every other member of `room`, and then keeps `room`.
//
//	sent       {"event":"offer","to":"5f0c…","data":{"sdp":"v=0…"},"id":7}
//	delivered  {"event":"Offer","from":"91be…","data":{"sdp":"v=0…"},"id":7}
//
// Connect carries an offer and a candidate at once. Its target gets a frame of
// the server's, made from data.sdp and data.candidate, which must both be there:
//
//	sent       {"event":"Connect","to":"5f0c…","data":{"sdp":"v=0…","candidate":{…}}}
//	delivered  {"type":"info","event":"Offer","data":{"event":"Offer","from":"91be…",
//	            "data":{"sdp":"v=0…","candidate":{…}}},"timestamp":…,"message_id":…}
//
// A relayed frame ends in one of two ways, within 30 seconds at the latest, session
// grace included: it is handed to the receiver's connection, in the order in which its
// sender sent, or its sender gets one error. Errors: Missing_Fields without a target,
// Not_Found when there is no such peer, Not_Delivered when the peer is there but cannot
// take the frame, Unauthorised when the peer does not accept it, Unavailable when the bus
// is away or too much waits for it, Rate_Limited for too many frames to peers that must
// be looked for. For a Message to a room also Not_Found when there is no such room,
// Unauthorised for those who are not members of it, Invalid_Message when both `to` and
// `room` are given; when some members could not be reached, data.clients of the error
// lists them. Not_Delivered means that the frame may be lost: when a server or a network
// has failed, it may have arrived all the same. A receiver gets a frame at most once in
// any case, and never behind what its sender sent later.
//
// A peer may restrict whose frames it accepts, with accept_from in the address to which
// it connects, like wss://gateway.example/?accept_from=rooms:
//
//	anyone  those of every peer that knows its id
//	rooms   those of the members of its rooms
//	nobody  none
//
// This is about Connect, and about Offer, Answer, Candidate and Message with `to`.
// Messages to the rooms that a peer is in, what the server and its back ends send, and
// the peer's frames to itself always arrive. A sender whose frame is not accepted gets
// Unauthorised. A member of a room may send to another as soon as it sees it there.
//
// The choice belongs to the session, and a connection that resumes the session keeps it,
// unless its own address names another. A client that never chooses has the server's
// default. It may also choose more than that, because the default protects nobody but
// itself. Client_Details has the choice as accept_from; without it, anyone may send.
//
// The address may also have room=ID, a room that the client is about to join, or any other
// text that clients which talk to each other have in common. The server ignores it; a
// proxy in front of several gateways may bring connections with the same text to one of
// them, where frames between them take the shortest way. Nothing depends on it.
package proto
