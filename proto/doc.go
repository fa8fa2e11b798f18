// Package proto is the protocol of Peer2Peer Connector: the frames that clients
// and gateways exchange over a WebSocket. This comment is the specification; the
// rest of the package states the same in code, and its tests hold the two
// together. The package needs nothing but the standard library, so that client
// libraries may import it. Package bus, in a folder below, has the messages that
// gateways, room services and back ends exchange over NATS.
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
// max_member_metadata_bytes, and the three of Bytes. Members may be added to data later,
// so ignore unknown ones.
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
// # Rooms
//
// A room id is any text of 1 to 128 bytes without control characters (Unicode's category
// Cc), direction marks (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069) and
// non-characters. A room's name is the same of up to 256 bytes, and may be empty. These
// events change a room or report on it; `data` is an object in all of them.
//
//	Create_Room    data.room (drawn when absent), name, capacity, locked, metadata: all optional.
//	               The sender becomes creator and first member. Answer: info Room_Created.
//	               Duplicate_Room, Missing_Fields, Invalid_Message, Limit_Exceeded.
//	Join_Room      data.room; data.create (true: make the room if it is not there) and
//	               data.metadata (about this member) optional.
//	               Every member, the joiner included, gets update Client_Added.
//	               Missing_Fields, Not_Found, Already_Exists, Room_Full, Room_Locked, Limit_Exceeded.
//	Leave_Room     data.room. The leaver gets info Room_Left, the others update Client_Removed.
//	               A room without members is gone. Missing_Fields, Not_Found.
//	End_Room       data.room; creator only. Every member gets update Room_Deleted.
//	               Missing_Fields, Not_Found, Unauthorised.
//	Remove_Client  data.room, data.client; creator only. The removed peer and every member
//	               get update Client_Removed. Missing_Fields, Not_Found, Unauthorised.
//	Update_Room    data.room and any of name, capacity, locked, metadata; creator only.
//	               Every member gets update Room_Updated.
//	               Missing_Fields, Not_Found, Unauthorised, Invalid_Message.
//	Room_Info      data.room; members only. Answer: info Room_Info.
//	               Missing_Fields, Not_Found, Unauthorised.
//
// Any of them, and Message to a room, may answer Unavailable. Bounds: a name 256
// bytes, a room's metadata 8192 and a member's 1024 bytes as JSON; beyond them the
// answer is Invalid_Message. A capacity of 0 means the server's limit, one above
// it is answered Limit_Exceeded, one below the number of members Invalid_Message.
// A locked room keeps those who are in it.
//
// Every frame about a room has this data:
//
//	{"room":"tea","name":"Tea","clients":["91be…","5f0c…"],"creator":"91be…",
//	 "capacity":8,"locked":true,"metadata":{…},"revision":12,
//	 "members":{"5f0c…":{"user":"ann","metadata":{…}}}}
//
// clients are the members in order of joining, as they are after the change (in
// Room_Deleted: as they were). revision grows with every change of the room, also
// when the room is made again after its end; it is an integer below 2^53.
// capacity, locked and metadata are absent when they are 0, false and nothing.
// members holds what is known of a member besides its id: user, the name that its
// access token gives it, and metadata, which it joined with. Only members that
// have one or the other are listed: all of those in Room_Created, Room_Info and
// the frame that reports to a newcomer that it has joined, those who joined in
// other updates. Room_Created repeats the id as roomId, which early documents
// show.
//
// Updates also say what changed:
//
//	client   whom it is about: who joined, left or was removed
//	added    everyone who joined since the last update
//	removed  everyone who left since the last update
//	reason   why client left: left, removed or disconnected
//	reasons  why each of removed left, unless reason says it of all of them
//
// When several members come or go at about the same time, one update may cover
// them all: two updates of a room to the same client are at least 20 ms apart, in
// rooms above 100 members 200 ms. Only what answers a frame of that client's comes
// at once. What happens in between is coalesced: the next update tells the net change.
// Then added and removed hold everyone and client is the first of them; the event is
// Client_Added when anybody joined, also if others left, and Client_Removed when
// members only left. So a client that keeps a list should take clients as it is, or
// apply added and removed of either event, and not look at client alone.
//
// A member that joins and leaves, or leaves and comes back, between two updates is not
// mentioned, nor are settings that have their old values again; revision shows them with
// the next update. One that left more than once left for the last reason. One that came
// back with another user name or metadata is in added, although it is known. Whoever
// acts gets its own answers in each case.
//
// Room_Deleted with reason lost means that the server has lost its rooms: the room
// has ended for all, and no member ended it. Create or join it again.
//
// When the creator goes, the longest-standing member becomes the creator; the same update
// names it in creator. If the creator leaves and comes back between two updates,
// Room_Updated without client says who the creator is now. A peer whose connection ends
// leaves all its rooms, with reason disconnected, after the grace period of its session.
//
// Room requests of one connection (Create_Room, Join_Room, Leave_Room, End_Room,
// Remove_Client, Update_Room, Room_Info) are carried out one after another, in the order
// in which they were sent. A Message to a room is handled after those for that room which
// were sent before it, so a client may send Join_Room and a Message at once. Nothing else
// waits for a room request: signals, messages to peers and to other rooms, Connect, Ping,
// Authenticate and Ice_Servers pass it. So a Pong means that what was sent before has been
// handled, except room requests that are not answered yet and the messages behind them.
//
// A request is given up 12 s after it was sent. At most 64 frames of a connection and
// one more for each of max_rooms wait like this, and no more bytes than four times
// max_message_bytes; beyond that the next is answered Rate_Limited at once: wait for
// answers first. Frames that wait need the rights of the newest access token. When a
// client closes, the server still carries out the frames that wait. When its session
// goes on elsewhere, on a newer connection, requests that were not begun are answered
// Unavailable there.
//
// # Bytes
//
// Three of limits are rates in bytes a second, of which 4 seconds' worth may come at once;
// one that is absent is no limit:
//
//	bytes_per_second              the frames that the client sends
//	egress_bytes_per_second       what is sent to others for the client: a Message to a room
//	                              costs its size for each other member, an Update_Room the
//	                              update's size for each member. Room_Info, and joining or
//	                              creating a room, cost the size of their answer.
//	room_egress_bytes_per_second  what is sent to one room for all clients of a gateway
//
// A frame that costs more is answered Rate_Limited, and nothing of it is sent. After
// data.retry_after_ms the same frame passes, unless others use up a limit that they share.
// A frame may cost more than the 4 seconds' worth: it passes when 3 seconds' worth are
// there, and later frames are refused until it is paid for. Frames to one peer are not part of the last
// two. A server also has a limit for all its clients together, which it does not announce.
//
// # Other events
//
//	Ping          answer: info Pong. For clients that cannot send WebSocket pings.
//	Resume        data.session, data.received optional; only as the first frame (see Sessions).
//	Authenticate  data.token: a fresh access token before the old one ends the connection.
//	              Answer: info Authenticated with data.expires (RFC 3339). Missing_Fields, Unauthorised,
//	              Rate_Limited when too many tokens from the client's address were refused.
//	Ice_Servers   answer: info Ice_Servers with data.ice_servers and credentials that work
//	              for a while yet: the same ones until an eighth of their life is over.
//
// # Errors
//
//	{"type":"error","event":"Not_Found","data":{"message":"…","event":"Offer","to":"5f0c…"},
//	 "timestamp":…,"message_id":…,"id":7}
//
// message is a sentence that tells the client what to do. data.event is the event that
// failed; to, room and field (the member at fault, as a path from the top of the frame: to,
// data.name) are there when they help. An error neither closes the connection nor affects
// other frames, except where Close codes says otherwise.
//
//	Missing_Fields     a needed member is absent or of the wrong type; data.field names it
//	Not_Found          there is no such peer or room
//	Not_Delivered      the peer exists, but the frame could not be handed to its connection
//	Duplicate_Room     the room id is taken
//	Already_Exists     the peer is in that room already
//	Unauthorised       not the creator, not a member, not a peer whose frames the receiver
//	                   accepts, or the token or the page's origin does not grant it
//	Room_Full          the room has reached its capacity
//	Room_Locked        the room is locked
//	Limit_Exceeded     one of the limits of Client_Details is reached, or the connections of
//	                   one address
//	Unsupported_Event  unknown event; data.events lists those that work
//	Invalid_Message    not JSON, not an object, or a value out of bounds
//	Rate_Limited       too many frames, bytes, or room requests that wait; wait
//	                   data.retry_after_ms
//	Unavailable        the room service or the bus did not answer in time: nothing was
//	                   changed, or the same request may be repeated safely
//
// # Close codes
//
//	1000  the client closed; its session ends at once
//	1001  the server is going away (drain): connect again and resume
//	1002  bytes that are not WebSocket frames
//	1003  a binary frame
//	1007  invalid UTF-8 in a text frame
//	1008  policy: flooding after Rate_Limited, too many fragments or pings, a message
//	      that took too long, an accept_from that is not known
//	1009  a message above max_message_bytes
//	1011  a fault of the server's own
//	1013  the client reads too slowly and its bounded queue is full, or its address
//	      has too many connections: connect again later
//	4001  access token missing, wrong or expired: connect again with a fresh one
//	4002  the session was taken over by a newer connection
//	4003  the page's origin is not allowed
//
// Before the upgrade, the server refuses with an HTTP status: 400 accept_from, 401 access
// token, 403 Origin, 421 a host that is not the server's, 429 too many connections or
// refused access tokens of one address, or too many a second, 503 draining, no bus or
// full. Browsers hide that answer from the page. A handshake that has an Origin, and whose
// accept_from (1008), access token (4001), Origin (4003) or number of connections (1013)
// is the reason, is therefore accepted: in place of Client_Details there comes one error
// frame whose message says what to do, then the close. What the client sends on such a
// connection is not read. A server has only some such connections open at a time; beyond
// that it answers with the HTTP status.
//
// # Sessions
//
// A session is a peer that survives its connection. Its tokens are opaque, and work as
// they were written only: no other spelling is accepted. The newest token is the one in
// Client_Details or, when the peer's set of rooms has changed since, in
//
//	{"type":"info","event":"Session","data":{"session":"…"},…}
//
// When a connection breaks, the peer stays a member of its rooms for 15 seconds,
// and the other members are not notified. In that time a new connection, to any
// gateway, may send as its first frame
//
//	{"event":"Resume","data":{"session":"…","received":41}}
//
// and becomes that peer: it gets a second Client_Details with the old id, resumed
// true, rooms (those the session kept), and recovered; then the frames that
// waited, in order. The server keeps up to 256 frames or 256 KiB for a peer that
// is away. recovered is false when any may have been lost: ask for Room_Info
// then. received, which is optional, is how many frames the client got on the
// connection that broke, from its first Client_Details on; with it the server
// also finds those frames that it wrote but that never arrived. If the old
// connection still looks alive, it is closed with 4002. A client that resumes the
// session that its own connection has already is answered with Client_Details, and
// nothing else changes.
//
// When the session cannot be resumed (Missing_Fields, Unauthorised for a token that
// is wrong, expired or replaced, Not_Found when the session is over, Unavailable) the
// connection goes on as the new peer that it is. A client that closes with 1000 ends
// its session at once. A close frame that answers the server's own does not, whatever
// its code. A session moves to another gateway only while the room service answers;
// resuming at the same one, and relays, need nothing but the gateways.
//
// A gateway that stops drains first. Each peer gets
//
//	{"type":"info","event":"Server_Draining","data":{"reconnect_after_ms":1800},…}
//
// and, when that time is over or somewhat later, close code 1001. Connect again then, and resume.
//
// # Access tokens
//
// A server may ask for a JSON Web Token (HS256, RS256, ES256 or EdDSA). It is taken
// from the header `Authorization: Bearer <token>`, from an entry p2p.token.<token> of
// Sec-WebSocket-Protocol, or from ?access_token=<token>, in that order. A browser that
// sends the entry must offer another subprotocol beside it, for example p2p, because
// the server never answers with the entry itself. Without a valid token the handshake
// is answered 401, or 4001 for a page. A token whose header has crit is not valid, and
// neither is one whose base64url is not canonical.
//
// The claim sub is what other members see as user. exp is needed: at that time the
// connection is closed with 4001, unless Authenticate brought a fresh token of the same
// sub before. p2p.rooms lists patterns of the rooms the peer may join or create
// (path.Match of Go: * matches anything but a slash), p2p.can what it may do: create,
// join, message (which covers all signals), remove, end (End_Room) and update
// (Update_Room). A claim that is absent limits nothing. A list that is there grants what
// it names and nothing else, also in a token that is older than end and update:
//
//	{"sub":"ann","exp":1795000000,"p2p":{"rooms":["team-*"],"can":["join","message"]}}
//
// The newest token counts. When Authenticate brings it or a session resumes with it, the
// peer leaves the rooms that it does not cover: the peer gets info Room_Left for each,
// without an id, and the others update Client_Removed with reason left. When the peer
// cannot leave a room in time, the connection is closed with 1013.
//
// A room outside the patterns is answered Unauthorised whether it exists or not.
//
// # Busy rooms
//
// A client may ask for changes instead of lists with the WebSocket subprotocol
// p2p.delta, or with ?updates=delta where it cannot choose one. In rooms above
// 100 members its updates have added, removed, count and revision, and no
// clients; Room_Info answers the full list. Other connections, also those that
// name an unknown subprotocol, always get full lists.
//
// # Versions
//
// Frames and messages are added to, never renamed or removed, within a version;
// the files in testdata hold them byte for byte. Client_Details lists in versions those
// that the server speaks, and a client may name its own in the address: ?version=1. When
// the server does not speak it, the server logs that once and goes on as in its newest
// version. The client should tell its developer, and name the versions of both.
//
//	1  the first
//
// # Glossary
//
//	peer        a participant, under one id; it outlives its connections
//	connection  one WebSocket of a peer
//	session     a peer as the servers know it: its rooms, and the frames that wait
//	            for it; a session token proves whose it is
//	gateway     a server that clients connect to
//	frame       one JSON object, which is one text message of the WebSocket
//	event       what a frame is about; a name in the tables above
//	signal      an Offer, Answer or Candidate, or a Connect that becomes an Offer
//	relay       to pass a frame from a peer to a peer, or to the members of a room
//	room        a list of peers that everybody in it sees; its members
//	creator     the member that may end the room and remove others
//	revision    counts the changes of a room; a higher one is newer
//	grace       for how long a session without a connection waits for its client
//	to resume   to become the peer of a session again, on a new connection
//	recovered   nothing that the servers accepted for the peer was lost meanwhile
//	to drain    a gateway sends its clients elsewhere before it stops
//	grant       what an access token allows
package proto
