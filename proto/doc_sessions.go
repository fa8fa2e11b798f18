// # Other events
//
//	Ping          answer: info Pong. For clients that cannot send WebSocket pings.
//	Resume        data.session, data.received optional; only as the first frame (see Sessions).
//	Authenticate  data.token: a fresh access token before the old one ends the connection.
//	              Answer: info Authenticated with data.expires (RFC 3339). Missing_Fields, Unauthorised,
//	              Rate_Limited when too many tokens from the client's address were refused.
//	Ice_Servers   answer: info Ice_Servers with data.ice_servers, whose credentials work for
//	              a while yet: the same ones until an eighth of their life is over. Without
//	              id it comes unasked, as a new list in place of one that expires.
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
//	Refused            the peer waited to be admitted to the room, and nobody admitted it
//	Banned             the peer, or the user of its access token, is banned from the room
//	Wrong_Password     the room has a password, and data.password is missing or another
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
// true, rooms (those the session kept), and recovered; then the frames that waited, in
// order. The server keeps up to replay_frames, and replay_bytes in them, of limits (256
// frames, 256 KiB) for a peer that is away. recovered is false when any may have been lost: ask for Room_Info
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
// join, message (which covers all signals, and Update_Member), remove (also
// Unban_Client and Admit_Client), end (End_Room) and update (Update_Room, Set_Role). A claim that is absent limits nothing. A list that is there grants what
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
//	moderator   a member that may admit, remove and ban others, and change the room
//	to wait     to have asked to be admitted to a locked room
//	revision    counts the changes of a room; a higher one is newer
//	grace       for how long a session without a connection waits for its client
//	to resume   to become the peer of a session again, on a new connection
//	recovered   nothing that the servers accepted for the peer was lost meanwhile
//	to drain    a gateway sends its clients elsewhere before it stops
//	grant       what an access token allows
package proto
