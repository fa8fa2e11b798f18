package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/room"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// roomArgs is what the `data` of a room event may hold.
type roomArgs struct {
	Room     *string
	Client   *string
	Name     *string
	Capacity *int
	Locked   *bool
	Create   *bool
	Metadata json.RawMessage
}

// roomOps maps the room events to the operations they become.
var roomOps = map[proto.Event]bus.Operation{
	proto.CreateRoom: bus.OpCreate, proto.JoinRoom: bus.OpJoin, proto.LeaveRoom: bus.OpLeave,
	proto.EndRoom: bus.OpEnd, proto.RemoveClient: bus.OpRemove, proto.UpdateRoom: bus.OpUpdate,
	proto.RoomInfo: bus.OpGet,
}

// roomEvent asks the room service for what f wants and returns when the peer has
// been answered: the next frame of the queue may rest on it. It closes w.told when the
// answer is no refusal.
func (c *conn) roomEvent(f *proto.Frame, w *roomFrame) *proto.Error {
	args, e := readRoomArgs(f)
	if e == nil {
		e = args.within(&c.g.cfg, f.Event)
	}
	if e != nil {
		return e
	}
	s := c.session
	if e := c.allowed(f.Event, proto.RoomID(*args.Room), args.Create != nil && *args.Create); e != nil {
		return e
	}
	if f.Event == proto.CreateRoom || f.Event == proto.JoinRoom {
		if s.roomCount() >= c.g.cfg.MaxRooms {
			return proto.Errorf(proto.LimitExceeded, "You are in %d rooms, the most this server allows. Leave one first.", c.g.cfg.MaxRooms)
		}
	}
	req := &bus.Request{
		Op: c.g.nextOp(), Room: proto.RoomID(*args.Room), Peer: s.id, Gateway: c.g.id, Epoch: c.epoch, User: s.user,
		Name: args.Name, Capacity: args.Capacity, Locked: args.Locked, Metadata: args.Metadata,
		Create: args.Create != nil && *args.Create,
	}
	if args.Client != nil {
		req.Client = proto.PeerID(*args.Client)
	}
	if f.Event == proto.LeaveRoom {
		req.Reason = proto.ReasonLeft
	}
	if f.Event == proto.RoomInfo {
		return c.roomInfo(f, req, w)
	}
	return c.changeRoom(f, req, w)
}

// changeRoom carries out a change and waits until it is in the replica. The change
// itself may come before the room service's answer, or without it: what the client
// sends after it has been told does not wait for more.
func (c *conn) changeRoom(f *proto.Frame, req *bus.Request, w *roomFrame) *proto.Error {
	g := c.g
	r := g.rooms.pin(req.Room)
	defer g.rooms.unpin(r)
	rr := &roomRequest{
		Request: room.Request{Event: f.Event, ID: slices.Clone(f.ID), By: c.session.id, Client: req.Client},
		s:       c.session, told: w.told,
	}
	req.Have = r.begin(req.Op, rr)
	defer r.end(req.Op)
	reply, err := g.requests.AskUntil(rr.told, w.deadline, roomOps[f.Event], req)
	if err != nil {
		if errors.Is(err, natsbus.ErrAnswered) {
			return nil
		}
		if errors.Is(err, natsbus.ErrNoAnswer) {
			r.doubted()
		}
		e := g.roomError(err, c.session.id, req.Room)
		if e.Code == proto.AlreadyExists {
			g.claimRoom(c.session, req.Room)
		}
		return e
	}
	if reply.State != nil {
		r.adopt(reply.State)
	}
	if !r.reaches(reply.Revision, w.deadline) {
		r.doubted()
		return unavailableRoom()
	}
	if !r.answerLate(rr, reply.Revision) {
		return unavailableRoom()
	}
	return nil
}

// reaches waits until the replica is at rev; false when it is not in time, or the
// gateway ends.
func (r *replica) reaches(rev uint64, deadline time.Time) bool {
	reached := make(chan struct{})
	r.await(rev, func() { close(reached) })
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-reached:
		return true
	case <-timer.C:
	case <-r.g.alive.Done(): // shut waits for the caller
	}
	return false
}

// roomError is what a client hears of a request that failed. A fault of ours is
// logged here, and only here.
func (g *Gateway) roomError(err error, peer proto.PeerID, id proto.RoomID) *proto.Error {
	e, hidden := proto.ErrorFrom(err)
	if hidden {
		g.log.Error("room request failed", "peer", string(peer), "room", string(id), "err", err)
		return unavailableRoom()
	}
	if e.Field == "" {
		return e
	}
	told := *e
	told.Field = "data." + e.Field // the room service names members of its request
	return &told
}

func unavailableRoom() *proto.Error {
	return proto.Errorf(proto.Unavailable, "The room service did not answer in time. Send the same request again: what took effect is not done twice.")
}

// claimRoom has a room that the peer is a member of name this gateway, when it names
// another: the peer moved while it joined, and the gateway that it joined through has
// died before it could say so.
func (g *Gateway) claimRoom(s *session, id proto.RoomID) {
	if !s.in(id) {
		g.background(func() { g.takeRoom(s, id, s.epoch()) }, func() {})
	}
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

// within refuses what is longer than the settings allow. The room service has the
// protocol's own bounds, which the settings can only lower.
func (a *roomArgs) within(cfg *Config, e proto.Event) *proto.Error {
	metadata := cfg.MaxMetadataBytes
	if e == proto.JoinRoom {
		metadata = cfg.MaxMemberMetadata
	}
	switch {
	case len(*a.Room) > cfg.MaxRoomIDBytes:
		return a.badRoom(e, cfg.MaxRoomIDBytes)
	case a.Name != nil && len(*a.Name) > cfg.MaxRoomNameBytes:
		return proto.Invalid("data.name", fmt.Sprintf("data.name must not be longer than %d bytes. Shorten it.", cfg.MaxRoomNameBytes))
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
	case "metadata":
		if string(value) != "null" {
			a.Metadata = slices.Clone(value)
		}
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

// check reports what the event needs and does not have.
func (a *roomArgs) check(event proto.Event) *proto.Error {
	if a.Room == nil || *a.Room == "" {
		if event != proto.CreateRoom || a.Room != nil {
			return proto.Missing("data.room", "`data.room` is missing. Give the id of a room.")
		}
		id := uuid.NewString()
		a.Room = &id
	}
	if event == proto.RemoveClient && (a.Client == nil || *a.Client == "") {
		return proto.Missing("data.client", "`data.client` is missing. Give the id of the member to remove.")
	}
	if !proto.RoomID(*a.Room).Valid() {
		return a.badRoom(event, proto.MaxRoomIDBytes)
	}
	if a.Client != nil && !proto.PeerID(*a.Client).Valid() {
		return proto.PeerNotFound(*a.Client)
	}
	if event == proto.UpdateRoom && a.Name == nil && a.Capacity == nil && a.Locked == nil && a.Metadata == nil {
		return proto.Missing("data", "Nothing to update: give any of data.name, data.capacity, data.locked, data.metadata.")
	}
	return nil
}

// badRoom refuses a room id that no room can have.
func (a *roomArgs) badRoom(event proto.Event, most int) *proto.Error {
	if event == proto.CreateRoom || a.Create != nil && *a.Create {
		return proto.Invalid("data.room", fmt.Sprintf("`data.room` must be 1 to %d bytes of text without control characters, direction marks and non-characters.", most))
	}
	return proto.RoomNotFound(proto.RoomID(*a.Room))
}

// nextOp names an operation of this gateway.
func (g *Gateway) nextOp() bus.OpID { return bus.NewOpID(g.id, g.ops.Add(1)) }

// begin notes a client's request, so that the change it causes answers it, and
// returns the replica's revision.
func (r *replica) begin(op bus.OpID, rr *roomRequest) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asked == nil {
		r.asked = make(map[bus.OpID]*roomRequest)
	}
	r.asked[op] = rr
	return r.state.Revision
}

func (r *replica) end(op bus.OpID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.asked, op)
}

// lateEffect is how long a request may still take effect that nobody waits for any more:
// a copy may have come to the room service at the last moment, and wait there.
const lateEffect = proto.RequestDeadline + 5*time.Second

// doubted keeps the replica until it is known whether a request took effect.
func (r *replica) doubted() {
	r.mu.Lock()
	r.doubt = time.Now().Add(lateEffect)
	r.mu.Unlock()
	r.g.kickSync()
}

func (r *replica) doubtful() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.doubt.IsZero()
}

// certain notes that what the replica knows of the room was true at a time or later.
func (r *replica) certain(at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.certainLocked(at)
}

func (r *replica) certainLocked(at time.Time) {
	if at.After(r.doubt) {
		r.doubt = time.Time{}
	}
}

// answerLate answers a request whose change was not told apart from others, for
// example because the room was fetched in between. It returns false, and answers
// nothing, when the change was lost with the room.
func (r *replica) answerLate(rr *roomRequest, revision uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if rr.answered {
		return true
	}
	if r.lostLocked(revision) {
		return false
	}
	rr.answerLocked()
	now := r.state.Room
	if now == nil {
		now = &bus.Room{ID: r.id}
	} else if lm := r.local[rr.By]; lm != nil && lm.s == rr.s {
		r.catchUpLocked(lm, nil) // or the next update would start from less than this answer tells
	}
	d := room.Data(now, r.state.Revision)
	typ, event := proto.TypeUpdate, proto.ClientAdded
	switch rr.Event {
	case proto.CreateRoom:
		typ, event, d.RoomID = proto.TypeInfo, proto.RoomCreated, r.id
	case proto.JoinRoom:
		d.Client, d.Added = rr.By, []proto.PeerID{rr.By}
	case proto.LeaveRoom:
		typ, event, d.Client, d.Reason = proto.TypeInfo, proto.RoomLeft, rr.By, proto.ReasonLeft
	case proto.EndRoom:
		event, d.Client = proto.RoomDeleted, rr.By
	case proto.RemoveClient:
		event, d.Client, d.Removed, d.Reason = proto.ClientRemoved, rr.Client, []proto.PeerID{rr.Client}, proto.ReasonRemoved
	case proto.UpdateRoom:
		event, d.Client = proto.RoomUpdated, rr.By
	}
	rr.s.deliver(r.g.roomFrame(typ, event, room.Encode(d, now), rr.ID))
	return true
}
