package client

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"p2pconnector/gateway/internal/quota"
	"p2pconnector/gateway/internal/room"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// roomArgs holds the `data` of a room event.
type roomArgs struct {
	Room     *string
	Client   *string
	Name     *string
	Capacity *int
	Locked   *bool
	Password *string // "" for none
	Create   *bool
	Ban      *bool
	Ask      *bool
	Role     *proto.Role
	Metadata json.RawMessage
}

// roomOps maps the room events to the operations they become.
var roomOps = map[proto.Event]bus.Operation{
	proto.CreateRoom: bus.OpCreate, proto.JoinRoom: bus.OpJoin, proto.LeaveRoom: bus.OpLeave,
	proto.EndRoom: bus.OpEnd, proto.RemoveClient: bus.OpRemove, proto.UnbanClient: bus.OpUnban,
	proto.SetRole: bus.OpRole, proto.AdmitClient: bus.OpAdmit, proto.UpdateRoom: bus.OpUpdate,
	proto.UpdateMember: bus.OpMember, proto.RoomInfo: bus.OpGet,
}

// roomEvent carries out the room event f with the room service. It returns when the peer
// has been answered, because the next frame of the queue may depend on it. It closes w.done
// when the answer is not a refusal.
func (c *Conn) roomEvent(f *proto.Frame, w *roomFrame) *proto.Error {
	args, e := readRoomArgs(f)
	if e == nil {
		e = args.within(c.tab.cfg.Shared(), f.Event)
	}
	if e != nil {
		return e
	}
	s := c.Session
	may := func() *proto.Error {
		return c.allowed(f.Event, proto.RoomID(*args.Room), args.Create != nil && *args.Create)
	}
	if e := may(); e != nil {
		return e
	}
	leave, e := c.roomTurn(w)
	if e != nil {
		return e
	}
	defer leave()
	if e := may(); e != nil {
		return e // by the newest token: it may have been replaced while the request waited
	}
	if f.Event == proto.CreateRoom || f.Event == proto.JoinRoom {
		done, e := c.mayEnter()
		if e != nil {
			return e
		}
		defer done()
	}
	req := &bus.Request{
		Room: proto.RoomID(*args.Room), Peer: s.ID(), Gateway: c.tab.cfg.Own, Epoch: c.Epoch, User: s.UserName(),
		Name: args.Name, Capacity: args.Capacity, Locked: args.Locked, Metadata: args.Metadata,
		Create: args.Create != nil && *args.Create,
	}
	if args.Client != nil {
		req.Client = proto.PeerID(*args.Client)
	}
	if args.Role != nil {
		req.Role = *args.Role
	}
	req.Ask = f.Event == proto.JoinRoom && args.Ask != nil && *args.Ask
	req.Ban = f.Event == proto.RemoveClient && args.Ban != nil && *args.Ban
	if f.Event == proto.LeaveRoom {
		req.Reason = proto.ReasonLeft
	}
	if e := c.setPassword(f, args, req); e != nil {
		return e
	}
	if short := c.payRoom(f.Event, req); short.Limit != "" {
		return short.Err()
	}
	if f.Event == proto.RoomInfo {
		return c.roomInfo(f, req, w)
	}
	return c.changeRoom(f, w, args, req)
}

// mayEnter takes a place for a request that may make the peer a member of one more room.
// The caller calls done when the request has been answered.
func (c *Conn) mayEnter() (done func(), e *proto.Error) {
	cfg := &c.tab.cfg
	if c.Session.RoomCount() >= cfg.MaxRooms {
		return nil, proto.Errorf(proto.LimitExceeded, "You are in %d rooms, the most this server allows. Leave one first.", cfg.MaxRooms)
	}
	done, met := c.Session.BeginRoom()
	if met == quota.None {
		return done, nil
	}
	c.tab.cfg.Metrics.Rooms.Refused.Inc(met)
	switch met {
	case quota.MembershipsPerUser:
		e = proto.Errorf(proto.LimitExceeded, "The clients of your user are in %d rooms together, the most this server allows. Leave one first.", cfg.Quota.MembershipsPerUser)
	case quota.MembershipsPerAddress:
		e = proto.Errorf(proto.LimitExceeded, "The clients of your address are in %d rooms together, the most this server allows. Leave one first.", cfg.Quota.MembershipsPerAddress)
	default:
		e = proto.Errorf(proto.LimitExceeded, "The clients of this server are in %d rooms together, the most it allows. Leave one first, or try again later.", cfg.Quota.Memberships)
	}
	return nil, e
}

// changeRoom carries out a change; the room sends the answer. Frames that the client sends
// after the answer do not wait for anything else.
func (c *Conn) changeRoom(f *proto.Frame, w *roomFrame, a *roomArgs, req *bus.Request) *proto.Error {
	var err error
	if f.Event == proto.JoinRoom {
		err = c.join(f, w, a, req)
	} else {
		err = c.tab.cfg.Rooms.Change(c.roomCall(f, w), roomOps[f.Event], req)
	}
	if err == nil {
		return nil
	}
	e := c.tab.roomError(err, c.Session.ID(), req.Room)
	if e.Code == proto.AlreadyExists {
		c.tab.cfg.Sessions.ClaimRoom(c.Session, req.Room)
	}
	return e
}

// roomCall returns the data that a room needs to answer f.
func (c *Conn) roomCall(f *proto.Frame, w *roomFrame) *room.Call {
	return &room.Call{
		Request: room.Request{Event: f.Event, ID: slices.Clone(f.ID)},
		Member:  c.Session, Deadline: w.deadline, Answered: w.done, Budget: c.Budget,
	}
}

// roomError returns the error that a client gets for a failed request. It logs a fault
// of the server; nothing else does.
func (tab *Table) roomError(err error, peer proto.PeerID, id proto.RoomID) *proto.Error {
	e, hidden := proto.ErrorFrom(err)
	if hidden {
		tab.cfg.Logger.Error("room request failed", "peer", string(peer), "room", string(id), "err", err)
		return room.Unavailable()
	}
	if e.Field == "" {
		return e
	}
	shown := *e
	shown.Field = "data." + e.Field // the room service names members of its request
	return &shown
}

// readRoomArgs reads the `data` of a room event.
func readRoomArgs(f *proto.Frame) (*roomArgs, *proto.Error) {
	if f.Data == nil || f.Data[0] != '{' {
		return nil, proto.Missing("data", "`data` is missing or not an object. Give {\"room\": …}.")
	}
	a := new(roomArgs)
	var bad *proto.Error
	proto.Members(f.Data, func(name string, value []byte) {
		if e := a.read(name, value); e != nil && bad == nil {
			bad = e
		}
	})
	if bad != nil {
		return nil, bad
	}
	return a, a.check(f.Event)
}

// within refuses values that are longer than the settings allow. The room service enforces
// the protocol's own bounds, which the settings can only lower. A room that is there
// already may have a longer id, from before a gateway with a lower limit started.
func (a *roomArgs) within(s bus.SharedSettings, e proto.Event) *proto.Error {
	metadata := s.MaxMetadataBytes
	if e == proto.JoinRoom || e == proto.UpdateMember {
		metadata = s.MaxMemberMetadata
	}
	switch {
	case a.makes(e) && len(*a.Room) > s.MaxRoomIDBytes:
		return a.badRoom(e, s.MaxRoomIDBytes)
	case a.Name != nil && len(*a.Name) > s.MaxRoomNameBytes:
		return proto.Invalid("data.name", fmt.Sprintf("data.name must not be longer than %d bytes. Shorten it.", s.MaxRoomNameBytes))
	case len(a.Metadata) > metadata:
		return proto.Invalid("data.metadata", fmt.Sprintf("data.metadata must not be longer than %d bytes as JSON. Shorten it.", metadata))
	}
	return nil
}

func (a *roomArgs) read(name string, value []byte) *proto.Error {
	var into any
	var want string
	switch name {
	case "room":
		into, want = &a.Room, "a string"
	case "client":
		into, want = &a.Client, "a string: the id of a member"
	case "name":
		into, want = &a.Name, "a string"
	case "capacity":
		into, want = &a.Capacity, "a whole number of members"
	case "locked":
		into, want = &a.Locked, "true or false"
	case "create":
		into, want = &a.Create, "true or false"
	case "ban":
		into, want = &a.Ban, "true or false"
	case "ask":
		into, want = &a.Ask, "true or false"
	case "role":
		into, want = &a.Role, "a string: creator, moderator or member"
	case "password":
		password, e := readPassword(value)
		a.Password = password
		return e
	case "metadata":
		a.Metadata = slices.Clone(value)
		return nil
	default:
		return nil
	}
	if json.Unmarshal(value, into) != nil {
		if name == "room" || name == "client" {
			return proto.Missing("data."+name, "`data."+name+"` must be "+want+".")
		}
		return proto.Invalid("data."+name, "`data."+name+"` must be "+want+".")
	}
	return nil
}

// check returns an error for a field that the event needs and that is missing or invalid.
func (a *roomArgs) check(event proto.Event) *proto.Error {
	if a.Room == nil || *a.Room == "" {
		if event != proto.CreateRoom || a.Room != nil {
			return proto.Missing("data.room", "`data.room` is missing. Give the id of a room.")
		}
		id := uuid.NewString()
		a.Room = &id
	}
	if aboutClient(event) && (a.Client == nil || *a.Client == "") {
		return proto.Missing("data.client", "`data.client` is missing. Give the id of the client that this is about.")
	}
	if event == proto.SetRole && a.Role == nil {
		return proto.Missing("data.role", "`data.role` is missing. Give creator, moderator or member.")
	}
	if !proto.RoomID(*a.Room).Valid() {
		return a.badRoom(event, proto.MaxRoomIDBytes)
	}
	if a.Client != nil && !proto.PeerID(*a.Client).Valid() {
		return proto.PeerNotFound(*a.Client)
	}
	if event == proto.UpdateMember && a.Metadata == nil {
		return proto.Missing("data.metadata", "`data.metadata` is missing. Give what the other members are to see of you, or null for nothing.")
	}
	if event != proto.UpdateMember && string(a.Metadata) == "null" {
		a.Metadata = nil // absent
	}
	if event == proto.UpdateRoom && a.Name == nil && a.Capacity == nil && a.Locked == nil && a.Password == nil && a.Metadata == nil {
		return proto.Missing("data", "Nothing to update: give any of data.name, data.capacity, data.locked, data.password, data.metadata.")
	}
	return nil
}

// aboutClient reports whether an event needs data.client.
func aboutClient(e proto.Event) bool {
	return e == proto.RemoveClient || e == proto.UnbanClient || e == proto.SetRole || e == proto.AdmitClient
}

// makes reports whether the event may make the room.
func (a *roomArgs) makes(event proto.Event) bool {
	return event == proto.CreateRoom || a.Create != nil && *a.Create
}

// badRoom refuses a room id that no room can have.
func (a *roomArgs) badRoom(event proto.Event, most int) *proto.Error {
	if a.makes(event) {
		return proto.Invalid("data.room", fmt.Sprintf("`data.room` must be 1 to %d bytes of text without control characters, direction marks and non-characters.", most))
	}
	return proto.RoomNotFound(proto.RoomID(*a.Room))
}
