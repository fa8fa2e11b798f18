package room

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
)

const (
	gwA proto.GatewayID = "aaaaaaaa"
	gwB proto.GatewayID = "bbbbbbbb"
	gwC proto.GatewayID = "cccccccc"
)

var (
	testLimits = Limits{Members: 8, Bytes: 64 << 10}
	testTime   = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

// peer returns the id of the n-th peer of gateway g.
func peer(g proto.GatewayID, n int) proto.PeerID {
	return proto.PeerID(fmt.Sprintf("%s-0000-8000-8000-%012x", g, n))
}

var ann, ben, cas = peer(gwA, 1), peer(gwB, 2), peer(gwA, 3)

func ptr[T any](v T) *T { return &v }

// model holds a room and applies one operation after the other to it.
type model struct {
	t     *testing.T
	lim   Limits
	now   time.Time
	state *State
	n     int
	last  *Commit
}

func newModel(t *testing.T) *model {
	return &model{t: t, lim: testLimits, now: testTime, state: &State{}}
}

func (m *model) op() bus.OpID {
	m.n++
	return bus.NewOpID(gwA, uint64(m.n))
}

// do applies one operation as a worker would, writing included.
func (m *model) do(kind bus.Operation, r bus.Request) Outcome {
	m.t.Helper()
	r.Room = "r"
	if r.Op == "" {
		r.Op = m.op()
	}
	if err := Check(kind, &r, m.lim); err != nil {
		return Outcome{Err: err}
	}
	return m.apply(&Operation{Kind: kind, Request: &r})[0]
}

func (m *model) apply(ops ...*Operation) []Outcome {
	m.t.Helper()
	c := Apply(m.state, ops, m.now, m.lim)
	m.last = c
	if c.Dirty {
		value, err := c.Encode()
		if err != nil {
			m.t.Fatal(err)
		}
		m.state, err = Decode(kv.Record{Revision: m.state.Revision + 1, Value: value, Deleted: c.After.Room == nil})
		if err != nil {
			m.t.Fatal(err)
		}
		if m.state.Size > c.size+doneBytes {
			m.t.Errorf("size of the room: got %d bytes, want at most the estimate of %d", m.state.Size, c.size)
		}
	}
	return c.Outcomes
}

func (m *model) members() string {
	if m.state.Room == nil {
		return "gone"
	}
	names := map[proto.PeerID]string{ann: "ann", ben: "ben", cas: "cas"}
	var list []string
	for _, p := range m.state.Room.Members {
		name := names[p.ID]
		if p.ID == m.state.Room.Creator {
			name += "*"
		}
		list = append(list, name)
	}
	return strings.Join(list, " ")
}

// step is one request and its expected result.
type step struct {
	kind bus.Operation
	req  bus.Request
	want proto.ErrorCode // "" is success
	room string          // members afterwards, the creator with a star
}

func TestApply_EachOperation_FollowsItsRules(t *testing.T) {
	create := step{bus.OpCreate, bus.Request{Peer: ann}, "", "ann*"}
	ben2 := step{bus.OpJoin, bus.Request{Peer: ben}, "", "ann* ben"}
	moderator := step{bus.OpRole, bus.Request{Peer: ann, Client: ben, Role: proto.RoleModerator}, "", "ann* ben"}
	for name, steps := range map[string][]step{
		"create twice":        {create, {bus.OpCreate, bus.Request{Peer: ben}, proto.DuplicateRoom, "ann*"}},
		"create after end":    {create, {bus.OpEnd, bus.Request{Peer: ann}, "", "gone"}, {bus.OpCreate, bus.Request{Peer: ben}, "", "ben*"}},
		"create without peer": {{bus.OpCreate, bus.Request{}, proto.MissingFields, "gone"}},
		"capacity too large":  {{bus.OpCreate, bus.Request{Peer: ann, Capacity: ptr(9)}, proto.LimitExceeded, "gone"}},
		"capacity negative":   {{bus.OpCreate, bus.Request{Peer: ann, Capacity: ptr(-1)}, proto.InvalidMessage, "gone"}},
		"name too long":       {{bus.OpCreate, bus.Request{Peer: ann, Name: ptr(strings.Repeat("x", proto.MaxRoomNameBytes+1))}, proto.InvalidMessage, "gone"}},
		"metadata too long":   {{bus.OpCreate, bus.Request{Peer: ann, Metadata: bigJSON(proto.MaxMetadataBytes + 1)}, proto.InvalidMessage, "gone"}},
		"join":                {create, ben2},
		"join nothing":        {{bus.OpJoin, bus.Request{Peer: ann}, proto.NotFound, "gone"}},
		"join or create":      {{bus.OpJoin, bus.Request{Peer: ann, Create: true}, "", "ann*"}, {bus.OpJoin, bus.Request{Peer: ben, Create: true}, "", "ann* ben"}},
		"join twice":          {create, {bus.OpJoin, bus.Request{Peer: ann}, proto.AlreadyExists, "ann*"}},
		"join metadata":       {create, {bus.OpJoin, bus.Request{Peer: ben, Metadata: bigJSON(proto.MaxMemberMetadata + 1)}, proto.InvalidMessage, "ann*"}},
		"full":                {{bus.OpCreate, bus.Request{Peer: ann, Capacity: ptr(1)}, "", "ann*"}, {bus.OpJoin, bus.Request{Peer: ben}, proto.RoomFull, "ann*"}},
		"locked":              {{bus.OpCreate, bus.Request{Peer: ann, Locked: ptr(true)}, "", "ann*"}, {bus.OpJoin, bus.Request{Peer: ben}, proto.RoomLocked, "ann*"}, {bus.OpJoin, bus.Request{Peer: ann}, proto.AlreadyExists, "ann*"}},
		"locked and in":       {create, ben2, {bus.OpUpdate, bus.Request{Peer: ann, Locked: ptr(true)}, "", "ann* ben"}, {bus.OpLeave, bus.Request{Peer: ben}, "", "ann*"}, {bus.OpJoin, bus.Request{Peer: ben}, proto.RoomLocked, "ann*"}},
		"creator leaves":      {create, ben2, {bus.OpJoin, bus.Request{Peer: cas}, "", "ann* ben cas"}, {bus.OpLeave, bus.Request{Peer: ann}, "", "ben* cas"}, {bus.OpJoin, bus.Request{Peer: ann}, "", "ben* cas ann"}, {bus.OpLeave, bus.Request{Peer: ben}, "", "cas* ann"}},
		"last leaves":         {create, {bus.OpLeave, bus.Request{Peer: ann}, "", "gone"}, {bus.OpLeave, bus.Request{Peer: ann}, proto.NotFound, "gone"}},
		"leave, not in":       {create, {bus.OpLeave, bus.Request{Peer: ben}, proto.NotFound, "ann*"}},
		"disconnected":        {create, ben2, {bus.OpLeave, bus.Request{Peer: ben, Gateway: gwA, Reason: proto.ReasonDisconnected}, proto.NotFound, "ann* ben"}, {bus.OpLeave, bus.Request{Peer: ben, Gateway: gwB, Reason: proto.ReasonDisconnected}, "", "ann*"}},
		"moved, disconnected": {create, ben2, {bus.OpResume, bus.Request{Peer: ben, Gateway: gwA}, "", "ann* ben"}, {bus.OpLeave, bus.Request{Peer: ben, Gateway: gwB, Reason: proto.ReasonDisconnected}, proto.NotFound, "ann* ben"}, {bus.OpLeave, bus.Request{Peer: ben, Gateway: gwB}, "", "ann*"}},
		"strange reason":      {create, {bus.OpLeave, bus.Request{Peer: ann, Reason: "bored"}, proto.InvalidMessage, "ann*"}},
		"end by a member":     {create, ben2, {bus.OpEnd, bus.Request{Peer: ben}, proto.Unauthorised, "ann* ben"}},
		"end nothing":         {{bus.OpEnd, bus.Request{Peer: ann}, proto.NotFound, "gone"}},
		"end by a back end":   {create, ben2, {bus.OpEnd, bus.Request{}, "", "gone"}},
		"remove":              {create, ben2, {bus.OpRemove, bus.Request{Peer: ann, Client: ben}, "", "ann*"}, {bus.OpRemove, bus.Request{Peer: ann, Client: ben}, proto.NotFound, "ann*"}},
		"remove whom":         {create, {bus.OpRemove, bus.Request{Peer: ann}, proto.MissingFields, "ann*"}},
		"remove by a member":  {create, ben2, {bus.OpRemove, bus.Request{Peer: ben, Client: ann}, proto.Unauthorised, "ann* ben"}},
		"remove oneself":      {create, ben2, {bus.OpRemove, bus.Request{Peer: ann, Client: ann}, "", "ben*"}},
		"update nothing":      {create, {bus.OpUpdate, bus.Request{Peer: ann}, proto.MissingFields, "ann*"}},
		"update by a member":  {create, ben2, {bus.OpUpdate, bus.Request{Peer: ben, Name: ptr("x")}, proto.Unauthorised, "ann* ben"}},
		"update too small":    {create, ben2, {bus.OpUpdate, bus.Request{Peer: ann, Capacity: ptr(1)}, proto.InvalidMessage, "ann* ben"}},
		"update capacity":     {create, {bus.OpUpdate, bus.Request{Peer: ann, Capacity: ptr(1)}, "", "ann*"}, {bus.OpJoin, bus.Request{Peer: ben}, proto.RoomFull, "ann*"}, {bus.OpUpdate, bus.Request{Peer: ann, Capacity: ptr(0)}, "", "ann*"}, ben2},
		"member":              {create, ben2, {bus.OpMember, bus.Request{Peer: ben, Metadata: json.RawMessage(`1`)}, "", "ann* ben"}},
		"member, not in":      {create, {bus.OpMember, bus.Request{Peer: ben, Metadata: json.RawMessage(`1`)}, proto.NotFound, "ann*"}},
		"member of nothing":   {{bus.OpMember, bus.Request{Peer: ben, Metadata: json.RawMessage(`1`)}, proto.NotFound, "gone"}},
		"member, no metadata": {create, {bus.OpMember, bus.Request{Peer: ann}, proto.MissingFields, "ann*"}},
		"member, too long":    {create, {bus.OpMember, bus.Request{Peer: ann, Metadata: bigJSON(proto.MaxMemberMetadata + 1)}, proto.InvalidMessage, "ann*"}},
		"member, back end":    {create, {bus.OpMember, bus.Request{Client: ann, Metadata: json.RawMessage(`1`)}, "", "ann*"}, {bus.OpMember, bus.Request{Metadata: json.RawMessage(`1`)}, proto.MissingFields, "ann*"}},
		"ban":                 {create, ben2, {bus.OpRemove, bus.Request{Peer: ann, Client: ben, Ban: true}, "", "ann*"}, {bus.OpJoin, bus.Request{Peer: ben}, proto.Banned, "ann*"}, {bus.OpUnban, bus.Request{Peer: ann, Client: ben}, "", "ann*"}, ben2},
		"ban a stranger":      {create, {bus.OpRemove, bus.Request{Peer: ann, Client: ben, Ban: true}, "", "ann*"}, {bus.OpRemove, bus.Request{Peer: ann, Client: ben, Ban: true}, "", "ann*"}, {bus.OpJoin, bus.Request{Peer: ben}, proto.Banned, "ann*"}},
		"ban no peer":         {create, {bus.OpRemove, bus.Request{Peer: ann, Client: "x", Ban: true}, proto.InvalidMessage, "ann*"}},
		"ban oneself":         {create, {bus.OpRemove, bus.Request{Peer: ann, Client: ann, Ban: true}, proto.InvalidMessage, "ann*"}},
		"ban by a member":     {create, ben2, {bus.OpRemove, bus.Request{Peer: ben, Client: ann, Ban: true}, proto.Unauthorised, "ann* ben"}},
		"ban by a back end":   {create, ben2, {bus.OpRemove, bus.Request{Client: ben, Ban: true}, "", "ann*"}, {bus.OpRemove, bus.Request{Client: ann, Ban: true}, proto.InvalidMessage, "ann*"}},
		"ban ends with room":  {create, {bus.OpRemove, bus.Request{Peer: ann, Client: ben, Ban: true}, "", "ann*"}, {bus.OpEnd, bus.Request{Peer: ann}, "", "gone"}, {bus.OpJoin, bus.Request{Peer: ben, Create: true}, "", "ben*"}},
		"unban nobody":        {create, {bus.OpUnban, bus.Request{Peer: ann, Client: ben}, proto.NotFound, "ann*"}, {bus.OpUnban, bus.Request{Peer: ann}, proto.MissingFields, "ann*"}, {bus.OpUnban, bus.Request{Peer: ben, Client: ben}, proto.Unauthorised, "ann*"}},
		"moderator":           {create, ben2, moderator, {bus.OpJoin, bus.Request{Peer: cas}, "", "ann* ben cas"}, {bus.OpUpdate, bus.Request{Peer: ben, Name: ptr("x")}, "", "ann* ben cas"}, {bus.OpEnd, bus.Request{Peer: ben}, proto.Unauthorised, "ann* ben cas"}, {bus.OpRole, bus.Request{Peer: ben, Client: cas, Role: proto.RoleModerator}, proto.Unauthorised, "ann* ben cas"}, {bus.OpRemove, bus.Request{Peer: ben, Client: ann}, proto.Unauthorised, "ann* ben cas"}, {bus.OpRemove, bus.Request{Peer: ben, Client: cas, Ban: true}, "", "ann* ben"}, {bus.OpUnban, bus.Request{Peer: ben, Client: cas}, "", "ann* ben"}},
		"two moderators":      {create, ben2, moderator, {bus.OpJoin, bus.Request{Peer: cas}, "", "ann* ben cas"}, {bus.OpRole, bus.Request{Peer: ann, Client: cas, Role: proto.RoleModerator}, "", "ann* ben cas"}, {bus.OpRemove, bus.Request{Peer: ben, Client: cas}, proto.Unauthorised, "ann* ben cas"}, {bus.OpRemove, bus.Request{Peer: ben, Client: cas, Ban: true}, proto.Unauthorised, "ann* ben cas"}, {bus.OpRemove, bus.Request{Peer: ben, Client: ben}, "", "ann* cas"}},
		"moderator no more":   {create, ben2, moderator, {bus.OpRole, bus.Request{Peer: ann, Client: ben, Role: proto.RoleMember}, "", "ann* ben"}, {bus.OpUpdate, bus.Request{Peer: ben, Name: ptr("x")}, proto.Unauthorised, "ann* ben"}},
		"moderator left":      {create, ben2, moderator, {bus.OpLeave, bus.Request{Peer: ben}, "", "ann*"}, ben2, {bus.OpUpdate, bus.Request{Peer: ben, Name: ptr("x")}, proto.Unauthorised, "ann* ben"}},
		"handed over":         {create, ben2, {bus.OpRole, bus.Request{Peer: ann, Client: ben, Role: proto.RoleCreator}, "", "ann ben*"}, {bus.OpUpdate, bus.Request{Peer: ann, Name: ptr("x")}, "", "ann ben*"}, {bus.OpEnd, bus.Request{Peer: ann}, proto.Unauthorised, "ann ben*"}, {bus.OpRole, bus.Request{Peer: ann, Client: ben, Role: proto.RoleCreator}, "", "ann ben*"}, {bus.OpRole, bus.Request{Peer: ann, Client: ann, Role: proto.RoleCreator}, proto.Unauthorised, "ann ben*"}, {bus.OpRole, bus.Request{Peer: ben, Client: ben, Role: proto.RoleCreator}, "", "ann ben*"}, {bus.OpEnd, bus.Request{Peer: ben}, "", "gone"}},
		"role of nobody":      {create, {bus.OpRole, bus.Request{Peer: ann, Client: ben, Role: proto.RoleModerator}, proto.NotFound, "ann*"}, {bus.OpRole, bus.Request{Peer: ann, Client: ann, Role: "boss"}, proto.InvalidMessage, "ann*"}, {bus.OpRole, bus.Request{Peer: ann, Role: proto.RoleMember}, proto.MissingFields, "ann*"}},
		"get":                 {create, {bus.OpGet, bus.Request{Peer: ann}, "", "ann*"}, {bus.OpGet, bus.Request{Peer: ben}, proto.Unauthorised, "ann*"}, {bus.OpGet, bus.Request{}, "", "ann*"}},
		"get nothing":         {{bus.OpGet, bus.Request{Peer: ann}, proto.NotFound, "gone"}},
		"resume, not in":      {create, {bus.OpResume, bus.Request{Peer: ben, Gateway: gwA}, proto.NotFound, "ann*"}},
		"resume nothing":      {{bus.OpResume, bus.Request{Peer: ben, Gateway: gwA}, proto.NotFound, "gone"}},
		"not a peer":          {{bus.OpJoin, bus.Request{Peer: "ann", Create: true}, proto.InvalidMessage, "gone"}},
		"not a gateway":       {{bus.OpJoin, bus.Request{Peer: ann, Gateway: "a.>", Create: true}, proto.InvalidMessage, "gone"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newModel(t)
			for i, s := range steps {
				o := m.do(s.kind, s.req)
				got := proto.ErrorCode("")
				if o.Err != nil {
					got = o.Err.Code
				}
				if got != s.want {
					t.Fatalf("step %d, %s: got %v, want %q", i, s.kind, o.Err, s.want)
				}
				if o.Err != nil && o.Err.Message == "" {
					t.Errorf("step %d: got an error without a message, want one", i)
				}
				if m.members() != s.room {
					t.Fatalf("step %d, %s: got members %q, want %q", i, s.kind, m.members(), s.room)
				}
			}
		})
	}
}

func bigJSON(n int) json.RawMessage { return json.RawMessage(`"` + strings.Repeat("x", n-2) + `"`) }

func TestCheck_InvalidRequest_ErrorNamesTheField(t *testing.T) {
	for field, r := range map[string]bus.Request{
		"name":     {Peer: ann, Name: ptr(strings.Repeat("x", 300))},
		"metadata": {Peer: ann, Metadata: bigJSON(proto.MaxMetadataBytes + 1)},
		"capacity": {Peer: ann, Capacity: ptr(100)},
		"peer":     {Peer: "nobody"},
	} {
		if o := newModel(t).do(bus.OpCreate, r); o.Err == nil || o.Err.Field != field {
			t.Errorf("%s: got %+v, want an error that names the field", field, o.Err)
		}
	}
}

// A room's value never becomes larger than the bucket takes, whatever makes it
// grow.
func TestApply_RoomOfTooManyBytes_RefusesWhatGrows(t *testing.T) {
	m := newModel(t)
	m.lim = Limits{Members: 1000, Bytes: 20_000}
	m.do(bus.OpCreate, bus.Request{Peer: ann})
	refused := 0
	for i := range 40 {
		if o := m.do(bus.OpJoin, bus.Request{Peer: peer(gwB, i), Metadata: bigJSON(1000)}); o.Err != nil {
			if o.Err.Code != proto.LimitExceeded {
				t.Fatal(o.Err)
			}
			refused++
		}
	}
	if o := m.do(bus.OpUpdate, bus.Request{Peer: ann, Metadata: bigJSON(8000)}); o.Err == nil || o.Err.Code != proto.LimitExceeded {
		t.Errorf("update: got %v, want Limit_Exceeded", o.Err)
	}
	if refused == 0 || refused == 40 || m.state.Size > m.lim.Bytes {
		t.Errorf("got %d of 40 refused, %d bytes; want some refused, within the limit", refused, m.state.Size)
	}
	if o := m.do(bus.OpLeave, bus.Request{Peer: peer(gwB, 0)}); o.Err != nil {
		t.Errorf("leave: got %v, want success", o.Err)
	}
}
