// Package proto is the protocol of Peer2Peer Connector: what clients and the
// gateway say to each other over a WebSocket, and what gateways, room services
// and back ends say to each other over NATS. This comment is the specification;
// the rest of the package is the same in code, and its tests hold the two
// together. The package needs nothing but the standard library, so that other
// programs may import it.
//
// A peer is one connected client, known by an id that the server gives it. A
// room is a named set of peers; its creator may change and end it. A signal is
// an offer, an answer or a candidate: the server passes it on and does not read
// it. The media and the data channels that peers agree on never touch the
// server.
//
// # Connecting
//
// A client opens a WebSocket on / or /ws. (A plain HTTP GET of / answers a page
// of documentation.) Each text frame holds one JSON object; binary frames are
// not spoken. The server speaks first:
//
//	{"type":"info","event":"Client_Details","data":{
//	    "id":"5f0c3a9e-6b1d-8e42-9a77-30d1c2b4a5f6",
//	    "session":"…","resumed":false,
//	    "ice_servers":[{"urls":["turn:turn.example.org"],"username":"…","credential":"…"}],
//	    "limits":{"max_message_bytes":65536,"messages_per_second":0,"max_rooms":64,"max_room_members":10000},
//	    "heartbeat_seconds":20},
//	 "timestamp":"2026-01-02T15:04:05.123456789Z","message_id":"6a2e…"}
//
// data.id is the peer's id: hand it to others by any means, and they can reach
// the peer. Treat it as opaque text. data.session is a resume token (see
// Sessions), ice_servers a list that can be handed to RTCPeerConnection as it
// is, limits what the server enforces (messages_per_second 0: no limit), and
// heartbeat_seconds how often the server pings; a WebSocket library answers
// those pings by itself. session and ice_servers are absent where the server
// has none to give. Besides those above, limits names message_burst (frames at
// once; absent: no limit), max_depth (of a frame), max_id_bytes,
// max_room_id_bytes, max_room_name_bytes, max_metadata_bytes (of a room) and
// max_member_metadata_bytes. Members may be added to data later, so ignore
// unknown ones.
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
// event matches in any case: create_room, Create_Room and CREATE_ROOM are one
// event. Create_Rom is read as Create_Room, since early documents spelled it
// so. What the server writes is always the canonical spelling.
//
// id is the client's own: a string or number of at most 256 bytes as JSON.
// Every answer and every error that a frame causes carries the same id. A frame
// without one works the same.
//
// timestamp is RFC 3339 in UTC, message_id a UUID.
//
// In a relayed frame the server writes event and from, leaves out to, and passes
// all other members on byte for byte, unknown ones included. The members that
// only the server may say (from, type, timestamp, message_id) are taken out in
// any case in which a client may have written them, and so is every other
// spelling of event and to: a receiver whose JSON library does not look at case
// cannot be deceived either.
//
// A frame is valid when it is one JSON object in UTF-8, at most 32 levels deep,
// without duplicate member names in any object, and with nothing but white space
// around it. A string that is null counts as absent.
//
// The frames of one connection are handled in the order in which they were
// sent, and what one peer sends to another arrives in that order.
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
// A relayed frame is delivered, or its sender is told: silence means that it was
// handed to the receiver's connection. Errors: Missing_Fields without a target,
// Not_Found when there is no such peer, Not_Delivered when the peer is there but
// cannot take the frame, Unavailable when the bus is away. For a Message to a
// room also Not_Found when there is no such room, Unauthorised for those who are
// not members of it, Invalid_Message when both `to` and `room` are given; when
// some members could not be reached, data.clients of the error lists them.
// Not_Delivered is said of what may be lost: when a server or a network has failed,
// the frame may have arrived all the same. It comes at most once in any case, and
// never behind what its sender sent later.
//
// # Rooms
//
// A room id is any text of 1 to 128 bytes without control characters. These
// events change a room or tell about it; `data` is an object in all of them.
//
//	Create_Room    data.room (drawn when absent), name, capacity, locked, metadata: all optional.
//	               The sender becomes creator and first member. Answer: info Room_Created.
//	               Duplicate_Room, Missing_Fields, Invalid_Message, Limit_Exceeded.
//	Join_Room      data.room; data.create (true: make the room if it is not there) and
//	               data.metadata (about this member) optional.
//	               Every member, the joiner included, gets update Client_Added.
//	               Missing_Fields, Not_Found, Already_Exists, Room_Full, Room_Locked, Limit_Exceeded.
//	Leave_Room     data.room. The leaver gets info Room_Left, the others update Client_Removed.
//	               A room that nobody is in is gone. Missing_Fields, Not_Found.
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
// Room_Deleted: as they were). revision grows with every change of the room.
// capacity, locked and metadata are absent when they are 0, false and nothing.
// members tells what is known of a member besides its id: user, the name that
// its access token gives it, and metadata, which it joined with. Only members
// that have one or the other are listed: all of those in Room_Created, Room_Info
// and the frame that tells a newcomer of its own joining, those who joined in
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
// rooms above 100 members 200 ms, unless the second answers a frame of that
// client's. What happens between them is gathered. Then added and removed hold
// everyone and client is the first of them; the event is Client_Added when
// anybody joined, also if others left, and Client_Removed when members only left.
// So a client that keeps a list should take clients as it is, or apply added and
// removed of either event, and not look at client alone.
//
// When the creator goes, the longest-standing member becomes the creator; the
// same update says so in creator. A peer whose connection ends leaves all its
// rooms, with reason disconnected, after the grace period of its session.
//
// # Other events
//
//	Ping          answer: info Pong. For clients that cannot send WebSocket pings.
//	Resume        data.session, data.received optional; only as the first frame (see Sessions).
//	Authenticate  data.token: a fresh access token before the old one ends the connection.
//	              Answer: info Authenticated with data.expires (RFC 3339). Missing_Fields, Unauthorised.
//	Ice_Servers   answer: info Ice_Servers with data.ice_servers and fresh credentials.
//
// # Errors
//
//	{"type":"error","event":"Not_Found","data":{"message":"…","event":"Offer","to":"5f0c…"},
//	 "timestamp":…,"message_id":…,"id":7}
//
// message is a sentence that tells the client what to do. data.event is the
// event that failed; to, room and field (the member at fault) are there when
// they help. An error does not close the connection and costs no other frame,
// except where Close codes says so.
//
//	Missing_Fields     a needed member is absent or of the wrong type; data.field names it
//	Not_Found          there is no such peer or room
//	Not_Delivered      the peer exists, but the frame could not be handed to its connection
//	Duplicate_Room     the room id is taken
//	Already_Exists     the peer is in that room already
//	Unauthorised       not the creator, not a member, or the token does not grant it
//	Room_Full          the room has reached its capacity
//	Room_Locked        the room is locked
//	Limit_Exceeded     one of the limits of Client_Details is reached
//	Unsupported_Event  unknown event; data.events lists those that work
//	Invalid_Message    not JSON, not an object, or a value out of bounds
//	Rate_Limited       too many frames; wait data.retry_after_ms
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
//	      that took too long, Origin or token refused after the upgrade
//	1009  a message above max_message_bytes
//	1011  a fault of the server's own
//	1013  the client reads too slowly and its bounded queue is full
//	4001  access token missing, wrong or expired
//	4002  the session was taken over by a newer connection
//
// Before the upgrade, HTTP says no: 401 access token, 403 Origin, 429 too many
// connections from one address, 503 draining or no bus.
//
// # Sessions
//
// A session is a peer that survives its connection. The newest token is the one
// in Client_Details or, when the peer's set of rooms has changed since, in
//
//	{"type":"info","event":"Session","data":{"session":"…"},…}
//
// When a connection breaks, the peer stays a member of its rooms for 15 seconds
// and nobody is told. In that time a new connection, to any gateway, may send as
// its first frame
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
// connection still looks alive, it is closed with 4002.
//
// When it cannot be done (Missing_Fields, Unauthorised for a token that is wrong,
// expired or replaced, Not_Found when the session is over, Unavailable) the
// connection goes on as the new peer that it is. A client that closes with 1000
// ends its session at once.
//
// A gateway that stops drains first. Each peer gets
//
//	{"type":"info","event":"Server_Draining","data":{"reconnect_after_ms":1800},…}
//
// and, when that time is over, close code 1001. Connect again and resume.
//
// # Access tokens
//
// A server may ask for a JSON Web Token (HS256, RS256, ES256 or EdDSA). It is
// taken from the header `Authorization: Bearer <token>`, from an entry
// p2p.token.<token> of Sec-WebSocket-Protocol, or from ?access_token=<token>, in
// that order. A browser that sends the entry must offer another subprotocol
// beside it, for example p2p, since the entry itself is never answered. Without
// a valid token the handshake is answered 401.
//
// The claim sub is what other members see as user. exp is needed: at that time
// the connection is closed with 4001, unless Authenticate brought a fresh token of
// the same sub before. p2p.rooms lists patterns of the rooms the peer may join or
// create (path.Match of Go: * matches anything but a slash), p2p.can what it may
// do: create, join, message (which covers all signals) and remove. Either that is
// absent limits nothing:
//
//	{"sub":"ann","exp":1795000000,"p2p":{"rooms":["team-*"],"can":["join","message"]}}
//
// A room outside the patterns is answered Unauthorised whether it exists or not.
//
// # Busy rooms
//
// A client may ask for changes instead of lists with the WebSocket subprotocol
// p2p.delta, or with ?updates=delta where it cannot choose one. In rooms above
// 100 members its updates have added, removed, count and revision, and no
// clients; Room_Info answers the full list. Other connections, also those that
// name an unknown subprotocol, get full lists always.
//
// # Inside: identities and subjects
//
// A gateway id is eight hex digits, drawn when it starts. A peer id is a UUID of
// version 8 whose first group is the id of the gateway that issued it, so the id
// alone says where to publish. An id is checked or encoded before it becomes
// part of a subject; a room id stands there in base64url without padding.
//
//	p2p.gw.<g>.peer.<peer>         a finished frame for a peer
//	p2p.gw.<g>.room.<room>.<from>  a finished frame for g's members of a room except <from>
//	                               ("server" when a back end publishes; <from>_<v> when the
//	                               sender chose its receivers by revision v of the room)
//	p2p.gw.<g>.state.<room>        Change: what a commit did to a room
//	p2p.gw.<g>.session.<peer>      Takeover, answered by Handover: a session moves
//	p2p.gw.<g>.lost.<n>.<k>        Lost: what became of relay n, the k-th on its link (<k>_<e>
//	                               when the sender's session is in era e)
//	p2p.gw.<g>.link.<h>            Link: how many relays gateway h has sent to g
//	p2p.gw.<g>.gap.<h>             Gap: relays of g that gateway h has missed
//	p2p.gw.<g>.reply.<n>           Reply to request n
//	p2p.rooms.<operation>          Request: create, join, leave, end, remove, update,
//	                               resume, get, sync, keys, list
//	p2p.lease.<g>                  Lease: gateway g lives
//
// Gateway g subscribes once, to p2p.gw.<g>.>, whatever the number of its peers
// and rooms. ParseInbound takes apart what arrives there and refuses any subject
// that no builder of this package makes.
//
// # Inside: lost replies
//
// A relay is published with the reply subject p2p.gw.<g>.lost.<n> of its own
// gateway. Nobody answers when all is well. When the target's gateway is not
// there, NATS itself answers with status 503; when it is there but does not hold
// the peer or its queue is full, it answers a Lost with Not_Found or
// Not_Delivered. n only grows, so the subject also tells a frame that was
// delivered before from a new one.
//
// k counts the relays from one gateway to another without gaps. Since NATS keeps
// the order of one publisher, a receiver that sees k jump has missed relays (its
// connection or the sender's broke under them) and says which with a Gap; the
// sender's gateway then tells those who sent them Not_Delivered. A Link a second
// behind the last relays makes the loss of the very last ones seen too.
//
// Nobody answers a Lost, or a Gap without within_ms. A gateway that was cut off says
// those of the last seconds again, and has every other gateway say theirs again, by a
// Gap with within_ms. To hear one twice does no harm. A gateway that was not heard for
// some seconds, though others were, is sent such a Gap with ended_ms when it is heard
// again: the NATS servers of the two may have lost each other.
//
// e is the era of the sender's session, which grows with each gateway that holds it.
// One that was out of reach when another took the session over may still have frames
// of the peer to send, from before it moved, and what the last holder has sent may wait
// in a NATS server that hangs, while what the present one sends goes another way:
// gateways that have seen a later era of it refuse them with Not_Delivered.
//
// # Inside: rooms and changes
//
// Bucket "rooms" (JetStream key-value) holds each Room as JSON under its token;
// the key's revision is the room's revision. Every write is a compare-and-set on
// it, so any number of room services may work on one room. A Request carries an
// operation id; the room remembers it for 30 seconds, and a retry gets the same
// answer and changes nothing. A refusal changes nothing in the first place; it is
// remembered when the request says that it is a retry, so that no copy of it that
// is still on its way takes effect later. Gateways retry for up to 12 seconds. After a
// commit the room service publishes one Change to each gateway that had or has a
// member. A gateway whose replica is not at Before waits 100 ms for what is
// missing and then fetches the room; every 15 seconds, and after it was cut off,
// it asks with sync which of its rooms differ.
//
// A room ends with a delete marker in place of the value. Bucket "session_keys"
// holds a KeySet under "current": the first key signs session tokens, all of
// them verify.
//
// # Inside: leases
//
// A gateway publishes its Lease every second. Whoever hears nothing for 5 seconds,
// by its own clock and while it was itself connected, takes the gateway for gone.
// Its peers stay members for the session grace; then room services remove those
// who still name it as their holder. A lease that says ended is the gateway's
// last word: it holds nobody any more.
//
// # Versions
//
// Frames and messages are added to, never renamed or removed, within a version;
// the files in testdata hold them byte for byte.
//
//	1  the first
package proto

// Version is the version of the protocol that this package speaks.
const Version = 1
