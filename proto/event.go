package proto

// Event is the `event` member of a frame, in its canonical spelling.
type Event string

// Events a client sends. Offer, Answer, Candidate and Message are relayed to
// other peers under the same name.
const (
	Connect      Event = "Connect"
	Offer        Event = "Offer"
	Answer       Event = "Answer"
	Candidate    Event = "Candidate"
	Message      Event = "Message"
	CreateRoom   Event = "Create_Room"
	JoinRoom     Event = "Join_Room"
	LeaveRoom    Event = "Leave_Room"
	EndRoom      Event = "End_Room"
	RemoveClient Event = "Remove_Client"
	UnbanClient  Event = "Unban_Client"
	SetRole      Event = "Set_Role"
	AdmitClient  Event = "Admit_Client"
	UpdateRoom   Event = "Update_Room"
	UpdateMember Event = "Update_Member"
	RoomInfo     Event = "Room_Info"
	Ping         Event = "Ping"
	Resume       Event = "Resume"
	Authenticate Event = "Authenticate"
	IceServers   Event = "Ice_Servers"
)

// Events the server sends.
const (
	ClientDetails  Event = "Client_Details"
	RoomCreated    Event = "Room_Created"
	ClientAdded    Event = "Client_Added"
	ClientRemoved  Event = "Client_Removed"
	RoomLeft       Event = "Room_Left"
	RoomDeleted    Event = "Room_Deleted"
	RoomUpdated    Event = "Room_Updated"
	MemberUpdated  Event = "Member_Updated"
	JoinWaiting    Event = "Join_Waiting"
	WaitingUpdated Event = "Waiting_Updated"
	Pong           Event = "Pong"
	Session        Event = "Session"
	ServerDraining Event = "Server_Draining"
	Authenticated  Event = "Authenticated"
)

// FrameType is the `type` member of a frame that the server makes.
type FrameType string

// The three types of server frame.
const (
	TypeInfo   FrameType = "info"
	TypeUpdate FrameType = "update"
	TypeError  FrameType = "error"
)

// EventDoc describes one event for the documentation page and for the list in
// an Unsupported_Event error.
type EventDoc struct {
	Event  Event       // canonical spelling
	Type   FrameType   // type of the frame; empty for an event a client sends
	Needs  string      // members that must be there, in the protocol's words
	Effect string      // what happens
	Errors []ErrorCode // errors it may answer, besides those any frame may
}

// ClientEvents lists every event a client may send, in the order in which the
// protocol introduces them.
var ClientEvents = []EventDoc{
	{Event: Connect, Needs: "to, data.sdp, data.candidate", Effect: "The target gets an info frame Offer whose data is {event, from, data: {sdp, candidate}}.", Errors: []ErrorCode{MissingFields, NotFound, NotDelivered, Unauthorised, Unavailable}},
	{Event: Offer, Needs: "to", Effect: "Relayed to that peer.", Errors: []ErrorCode{MissingFields, NotFound, NotDelivered, Unauthorised, Unavailable}},
	{Event: Answer, Needs: "to", Effect: "Relayed to that peer.", Errors: []ErrorCode{MissingFields, NotFound, NotDelivered, Unauthorised, Unavailable}},
	{Event: Candidate, Needs: "to", Effect: "Relayed to that peer.", Errors: []ErrorCode{MissingFields, NotFound, NotDelivered, Unauthorised, Unavailable}},
	{Event: Message, Needs: "to, or room", Effect: "Relayed to that peer, or to every other member of that room (the frame then keeps room).", Errors: []ErrorCode{MissingFields, NotFound, NotDelivered, Unauthorised, InvalidMessage, Unavailable}},
	{Event: CreateRoom, Needs: "data (object); data.room, data.name, data.capacity, data.locked, data.password, data.metadata optional", Effect: "The room is made with the sender as creator and first member; answer info Room_Created.", Errors: []ErrorCode{DuplicateRoom, MissingFields, InvalidMessage, LimitExceeded, Unauthorised, Unavailable}},
	{Event: JoinRoom, Needs: "data.room; data.password, data.create, data.metadata, data.ask optional", Effect: "Every member, the joiner included, gets update Client_Added. With data.ask, to a locked room: answer info Join_Waiting until the peer is admitted.", Errors: []ErrorCode{MissingFields, NotFound, AlreadyExists, RoomFull, RoomLocked, Refused, Banned, WrongPassword, LimitExceeded, Unauthorised, Unavailable}},
	{Event: LeaveRoom, Needs: "data.room", Effect: "The leaver gets info Room_Left, the others update Client_Removed; an empty room is gone.", Errors: []ErrorCode{MissingFields, NotFound, Unavailable}},
	{Event: EndRoom, Needs: "data.room; creator only", Effect: "Every member, the creator included, gets update Room_Deleted.", Errors: []ErrorCode{MissingFields, NotFound, Unauthorised, Unavailable}},
	{Event: RemoveClient, Needs: "data.room, data.client; data.ban optional; creator and moderators", Effect: `The removed peer and every member get update Client_Removed with data.reason "removed", or "banned". Refuses a peer that waits to be admitted: answer update Waiting_Updated.`, Errors: []ErrorCode{MissingFields, NotFound, InvalidMessage, LimitExceeded, Unauthorised, Unavailable}},
	{Event: UnbanClient, Needs: "data.room, data.client; creator and moderators", Effect: "The client, and its user, may join again; answer info Room_Info.", Errors: []ErrorCode{MissingFields, NotFound, Unauthorised, Unavailable}},
	{Event: SetRole, Needs: "data.room, data.client, data.role (creator, moderator or member); creator only", Effect: "Every member gets update Member_Updated; Room_Updated too, when there is another creator.", Errors: []ErrorCode{MissingFields, NotFound, InvalidMessage, Unauthorised, Unavailable}},
	{Event: AdmitClient, Needs: "data.room, data.client; creator and moderators", Effect: "A peer that waits becomes a member: it and every member get update Client_Added.", Errors: []ErrorCode{MissingFields, NotFound, RoomFull, Unauthorised, Unavailable}},
	{Event: UpdateRoom, Needs: "data.room and any of name, capacity, locked, password, metadata; creator and moderators", Effect: "Every member gets update Room_Updated.", Errors: []ErrorCode{MissingFields, NotFound, Unauthorised, InvalidMessage, Unavailable}},
	{Event: UpdateMember, Needs: "data.room, data.metadata; members only", Effect: "The sender's own metadata in the room is replaced; every member gets update Member_Updated.", Errors: []ErrorCode{MissingFields, NotFound, InvalidMessage, Unauthorised, Unavailable}},
	{Event: RoomInfo, Needs: "data.room; members only", Effect: "Answer info Room_Info.", Errors: []ErrorCode{MissingFields, NotFound, Unauthorised, Unavailable}},
	{Event: Ping, Needs: "nothing", Effect: "Answer info Pong, for clients that cannot send WebSocket pings."},
	{Event: Resume, Needs: "data.session; only as the first frame of a connection", Effect: "The connection becomes the peer that the session names: a second Client_Details with the old id, then the frames that waited.", Errors: []ErrorCode{MissingFields, Unauthorised, NotFound, Unavailable}},
	{Event: Authenticate, Needs: "data.token", Effect: "A fresh token before the old one ends the connection; answer info Authenticated.", Errors: []ErrorCode{MissingFields, Unauthorised}},
	{Event: IceServers, Needs: "nothing", Effect: "Answer info Ice_Servers with credentials: the same ones until an eighth of their life is over."},
}

// ServerEvents lists every frame that the server itself makes.
var ServerEvents = []EventDoc{
	{Event: ClientDetails, Type: TypeInfo, Effect: "The first frame of a connection: id, session, resumed, recovered, ice_servers, limits, accept_from, heartbeat_seconds, versions."},
	{Event: Offer, Type: TypeInfo, Effect: "What a Connect becomes for its target."},
	{Event: RoomCreated, Type: TypeInfo, Effect: "Answer to Create_Room."},
	{Event: ClientAdded, Type: TypeUpdate, Effect: "One peer or several (added) joined."},
	{Event: ClientRemoved, Type: TypeUpdate, Effect: "One peer or several (removed) left: reason left, removed, banned or disconnected."},
	{Event: RoomLeft, Type: TypeInfo, Effect: "Answer to Leave_Room."},
	{Event: RoomDeleted, Type: TypeUpdate, Effect: "The room has ended; clients are those that were in it."},
	{Event: RoomUpdated, Type: TypeUpdate, Effect: "Name, capacity, lock, password or metadata changed."},
	{Event: MemberUpdated, Type: TypeUpdate, Effect: "The metadata or the role of one member or several (updated) changed; members has both."},
	{Event: JoinWaiting, Type: TypeInfo, Effect: "Answer to Join_Room with data.ask: the peer waits to be admitted. Client_Added or an error follows."},
	{Event: WaitingUpdated, Type: TypeUpdate, Effect: "To the creator and moderators: who waits to be admitted (waiting)."},
	{Event: RoomInfo, Type: TypeInfo, Effect: "Answer to Room_Info."},
	{Event: Pong, Type: TypeInfo, Effect: "Answer to Ping."},
	{Event: Session, Type: TypeInfo, Effect: "A new session token in place of the last one."},
	{Event: ServerDraining, Type: TypeInfo, Effect: "Close 1001 follows; connect again after reconnect_after_ms and resume."},
	{Event: Authenticated, Type: TypeInfo, Effect: "Answer to Authenticate: expires."},
	{Event: IceServers, Type: TypeInfo, Effect: "Answer to Ice_Servers; without id: a new list in place of the last, whose credentials expire soon."},
}

// maxEventLen bounds what ParseEvent looks at; no event is longer.
const maxEventLen = 16

var eventsByFold = func() map[string]Event {
	m := make(map[string]Event, len(ClientEvents)+1)
	for _, d := range ClientEvents {
		m[string(foldASCII(nil, []byte(d.Event)))] = d.Event
	}
	m["create_rom"] = CreateRoom // early documents spelled it so
	return m
}()

// ParseEvent returns the canonical spelling of a client's event without regard
// to case, or false when there is no such event. It does not allocate.
func ParseEvent(name []byte) (Event, bool) {
	if len(name) == 0 || len(name) > maxEventLen {
		return "", false
	}
	var buf [maxEventLen]byte
	e, ok := eventsByFold[string(foldASCII(buf[:0], name))]
	return e, ok
}

func foldASCII(dst, src []byte) []byte {
	for _, c := range src {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// ClientEventNames returns the canonical names of all client events: the
// `events` list of an Unsupported_Event error.
func ClientEventNames() []string {
	names := make([]string, len(ClientEvents))
	for i, d := range ClientEvents {
		names[i] = string(d.Event)
	}
	return names
}
