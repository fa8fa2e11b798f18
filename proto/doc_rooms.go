// # Rooms
//
// A room id is any text of 1 to 128 bytes without control characters (Unicode's category
// Cc), direction marks (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069) and
// non-characters. A room's name is the same of up to 256 bytes, and may be empty. These
// events change a room or report on it; `data` is an object in all of them.
//
//	Create_Room    data.room (drawn when absent), name, capacity, locked, password, metadata:
//	               all optional. The sender becomes creator and first member. Answer: info Room_Created.
//	               Duplicate_Room, Missing_Fields, Invalid_Message, Limit_Exceeded.
//	Join_Room      data.room; data.password, data.create (true: make the room if it is not there),
//	               data.metadata (about this member) and data.ask (true: wait to be
//	               admitted if the room is locked) optional.
//	               Every member, the joiner included, gets update Client_Added. A peer that
//	               waits gets info Join_Waiting first.
//	               Missing_Fields, Not_Found, Already_Exists, Room_Full, Room_Locked, Refused,
//	               Banned, Wrong_Password, Limit_Exceeded.
//	Leave_Room     data.room. The leaver gets info Room_Left, the others update Client_Removed.
//	               A room without members is gone. Missing_Fields, Not_Found.
//	End_Room       data.room; creator only. Every member gets update Room_Deleted.
//	               Missing_Fields, Not_Found, Unauthorised.
//	Remove_Client  data.room, data.client; data.ban (true: it may not come back) optional;
//	               creator and moderators. The removed peer and every member get update
//	               Client_Removed. A peer that waits is refused; answer: update
//	               Waiting_Updated.
//	               Missing_Fields, Not_Found, Invalid_Message, Limit_Exceeded, Unauthorised.
//	Unban_Client   data.room, data.client; creator and moderators. Answer: info Room_Info.
//	               Missing_Fields, Not_Found, Unauthorised.
//	Set_Role       data.room, data.client, data.role: creator, moderator or member; creator
//	               only. Every member gets update Member_Updated.
//	               Missing_Fields, Not_Found, Invalid_Message, Unauthorised.
//	Admit_Client   data.room, data.client, which waits; creator and moderators. It and every
//	               member get update Client_Added.
//	               Missing_Fields, Not_Found, Room_Full, Unauthorised.
//	Update_Room    data.room and any of name, capacity, locked, password, metadata; creator and
//	               moderators. Every member gets update Room_Updated.
//	               Missing_Fields, Not_Found, Unauthorised, Invalid_Message.
//	Update_Member  data.room, data.metadata (about the sender; null: none); members only.
//	               Every member gets update Member_Updated.
//	               Missing_Fields, Not_Found, Invalid_Message, Unauthorised.
//	Room_Info      data.room; members only. Answer: info Room_Info.
//	               Missing_Fields, Not_Found, Unauthorised.
//
// Any of them, and Message to a room, may answer Unavailable. Bounds: a name 256
// bytes, a room's metadata 8192 and a member's 1024 bytes as JSON; beyond them the
// answer is Invalid_Message. A capacity of 0 means the server's limit, one above
// it is answered Limit_Exceeded, one below the number of members Invalid_Message.
// A locked room keeps those who are in it.
//
// A room may have a password, text of 1 to 256 bytes: Join_Room without it, or with another,
// is answered Wrong_Password. With data.create a room that is not there is made with it. A
// new password, or null for none, in Update_Room is for those who join later. A peer whose
// session resumes needs none, and one that waits to be admitted needs it before it waits. The server keeps a salted hash, and shows members no more
// than "password":true. A client may give room_passwords_per_second of limits
// passwords a second, twice as many at once, and the clients of one address as many wrong
// ones together: beyond that the answer is Rate_Limited. That slows guessing, and no more:
// choose a password that is hard to guess.
//
// The creator may make members moderators with Set_Role, and ordinary members again. They
// may do what the creator may, except: end the room, set roles, and remove the creator or
// another moderator. A moderator that leaves is none any more. With the role creator the
// creator hands the room over, and becomes a moderator; Room_Updated names the new one. The
// creator itself has no other role before that: Invalid_Message. A room that may not grow
// any more gets no moderators: Limit_Exceeded.
//
// A ban lasts as long as the room. The banned peer's Join_Room is answered Banned. If the
// peer has a user name, from its access token, its other peers are removed too, and none of
// them may join. Without access tokens a peer that connects anew has a new id, which is not
// banned: lock the room too. A peer that is no member can be banned by its id. A room has at
// most 128 bans; another is answered Limit_Exceeded. Room_Info lists them in banned.
//
// # Waiting rooms
//
// A peer that sends Join_Room with data.ask true to a locked room waits to be admitted, and
// gets
//
//	{"type":"info","event":"Join_Waiting","data":{"room":"tea"},…}
//
// with the id of its request. The creator and the moderators get, each time that others wait
// than before, and when they get that role while anybody waits,
//
//	{"type":"update","event":"Waiting_Updated",
//	 "data":{"room":"tea","revision":13,"waiting":[{"client":"5f0c…","user":"ben","metadata":{…}}]},…}
//
// and find waiting in Room_Info too. The list is in order of asking and always complete;
// metadata is that of Join_Room. If nothing else has changed, Waiting_Updated comes a second
// or more after the update before it. They admit a peer with Admit_Client, or refuse it with
// Remove_Client. A room that is unlocked admits those that wait, in their order, as far as
// it has places. An admitted peer gets update Client_Added as every newcomer does; one that
// is not admitted gets one of these errors, whose data.event is Join_Room and data.room the room:
//
//	Refused     the creator or a moderator refused it, or nobody admitted it within 10 minutes through one server
//	Banned      it was refused with a ban
//	Not_Found   the room has ended
//
// Neither has an id, because Join_Waiting has answered the request. A peer that waits gets no other
// frames about the room, and Message to the room and Room_Info are answered Unauthorised. It
// withdraws with Leave_Room, and is withdrawn when its session ends. Until then the room
// counts as one of its rooms: for max_rooms, and in rooms of a Client_Details. At most 64 peers
// wait for a room; another is answered Limit_Exceeded. Where the room is not locked, data.ask
// does nothing.
//
// # Frames about rooms
//
// Every frame about a room but Join_Waiting and Waiting_Updated has this data:
//
//	{"room":"tea","name":"Tea","clients":["91be…","5f0c…"],"creator":"91be…",
//	 "capacity":8,"locked":true,"password":true,"metadata":{…},"revision":12,
//	 "members":{"5f0c…":{"user":"ann","metadata":{…},"moderator":true}}}
//
// clients are the members in order of joining, as they are after the change (in
// Room_Deleted: as they were). revision grows with every change of the room, also
// when the room is made again after its end; it is an integer below 2^53.
// capacity, locked, password and metadata are absent when they are 0, false and nothing.
// members holds what is known of a member besides its id: user, the name that its
// access token gives it, moderator, which is absent when it is false, and metadata, which
// it joined with or gave later with Update_Member. Nobody else, not even the creator, can change a member's metadata, except
// a back end. Only members that have any of these are listed: all of those in
// Room_Created, Room_Info and the frame that reports to a newcomer that it has joined, those
// who joined or were updated in other updates. Room_Created repeats the id as roomId, which
// early documents show.
//
// Updates also say what changed:
//
//	client   whom it is about: who joined, left or was removed
//	added    everyone who joined since the last update
//	removed  everyone who left since the last update
//	updated  in Member_Updated: the members whose metadata or role changed since the last
//	         update; one of which nothing is known now is not in members
//	reason   why client left: left, removed, banned or disconnected
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
// mentioned, nor are settings and metadata that have their old values again; revision shows
// them with the next update. One that left more than once left for the last reason. One that came
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
// Remove_Client, Unban_Client, Set_Role, Admit_Client, Update_Room, Update_Member,
// Room_Info) are carried out one after another, in the order in which they were sent. A Message to a room is handled after those for that room which
// were sent before it, so a client may send Join_Room and a Message at once. Nothing else
// waits for a room request: signals, messages to peers and to other rooms, Connect, Ping,
// Authenticate and Ice_Servers pass it. So a Pong means that what was sent before has been
// handled, except room requests that are not answered yet and the messages behind them.
//
// A request is given up 12 s after it was sent. At most room_queue_frames of limits (64,
// and one more for each of max_rooms) wait like this, and no more bytes than four times
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
//	                              costs its size for each other member, an Update_Room,
//	                              Update_Member or Set_Role the update's size for each member
//	                              (a hand-over causes two), a ban and lifting one the size of
//	                              all bans for each gateway. Room_Info, and joining or
//	                              creating a room, cost the size of their answer.
//	room_egress_bytes_per_second  what is sent to one room for all clients of a gateway
//
// A frame that costs more is answered Rate_Limited, and nothing of it is sent. After
// data.retry_after_ms the same frame passes, unless others use up a limit that they share.
// A frame may cost more than the 4 seconds' worth: it passes when 3 seconds' worth are
// there, and later frames are refused until it is paid for. Frames to one peer are not part of the last
// two. A server also has a limit for all its clients together, which it does not announce.
package proto
