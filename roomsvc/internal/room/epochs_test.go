package room

import (
	"testing"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// from returns r as a request of ann's session in an epoch, at a gateway.
func from(g proto.GatewayID, epoch uint64, r bus.Request) bus.Request {
	r.Peer, r.Gateway, r.Epoch = ann, g, epoch
	return r
}

func (m *model) member(p proto.PeerID) *bus.Member {
	if m.state.Room == nil {
		return nil
	}
	for i := range m.state.Room.Members {
		if m.state.Room.Members[i].ID == p {
			return &m.state.Room.Members[i]
		}
	}
	return nil
}

// epochRoom makes a room with ann, in epoch 2 at B, and ben. Its creator is ann
// when own is set.
func epochRoom(t *testing.T, own bool) *model {
	m := newModel(t)
	steps := []step{
		{kind: bus.OpCreate, req: from(gwB, 2, bus.Request{})},
		{kind: bus.OpJoin, req: bus.Request{Peer: ben}},
	}
	if !own {
		steps[0], steps[1] = step{kind: bus.OpCreate, req: bus.Request{Peer: ben}}, step{kind: bus.OpJoin, req: from(gwB, 2, bus.Request{})}
	}
	for _, s := range steps {
		if o := m.do(s.kind, s.req); o.Err != nil {
			t.Fatal(o.Err)
		}
	}
	return m
}

// Any request of a peer from its new gateway, whatever its answer, moves the
// member record, and the change reports the move once.
func TestEpochs_LaterRequest_MovesTheMemberRecord(t *testing.T) {
	for name, c := range map[string]struct {
		kind bus.Operation
		own  bool
		r    bus.Request
		want proto.ErrorCode
	}{
		"resume":                 {bus.OpResume, true, bus.Request{}, ""},
		"update":                 {bus.OpUpdate, true, bus.Request{Name: ptr("x")}, ""},
		"update that is refused": {bus.OpUpdate, false, bus.Request{Name: ptr("x")}, proto.Unauthorised},
		"join again":             {bus.OpJoin, true, bus.Request{}, proto.AlreadyExists},
		"create again":           {bus.OpCreate, true, bus.Request{}, proto.DuplicateRoom},
		"remove":                 {bus.OpRemove, true, bus.Request{Client: ben}, ""},
		"remove that is refused": {bus.OpRemove, false, bus.Request{Client: ben}, proto.Unauthorised},
		"end that is refused":    {bus.OpEnd, false, bus.Request{}, proto.Unauthorised},
	} {
		t.Run(name, func(t *testing.T) {
			m := epochRoom(t, c.own)
			o := m.do(c.kind, from(gwC, 3, c.r))
			if got := errorCode(o); got != c.want {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			if got := m.member(ann); got.Gateway != gwC || got.Epoch != 3 {
				t.Errorf("record: got gateway %q, epoch %d; want %q, 3", got.Gateway, got.Epoch, gwC)
			}
			if got := m.last.change.Moved; len(got) != 1 || got[0].ID != ann || got[0].Gateway != gwC || got[0].Epoch != 3 {
				t.Errorf("announced as moved: got %+v, want ann at %s in epoch 3", got, gwC)
			}
		})
	}
	m := epochRoom(t, true)
	if o := m.do(bus.OpResume, from(gwA, 3, bus.Request{})); o.Err != nil || m.member(ann).Owner() != gwA || m.member(ann).Epoch != 3 {
		t.Errorf("back home: got %+v, %v; want gateway %s, epoch 3", m.member(ann), o.Err, gwA)
	}
}

func errorCode(o Outcome) proto.ErrorCode {
	if o.Err == nil {
		return ""
	}
	return o.Err.Code
}

func TestEpochs_EarlierRequest_IsRefusedAndChangesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		kind bus.Operation
		r    bus.Request
	}{
		"resume":       {bus.OpResume, bus.Request{}},
		"leave":        {bus.OpLeave, bus.Request{}},
		"disconnected": {bus.OpLeave, bus.Request{Reason: proto.ReasonDisconnected}},
		"update":       {bus.OpUpdate, bus.Request{Name: ptr("x")}},
		"remove":       {bus.OpRemove, bus.Request{Client: ben}},
		"end":          {bus.OpEnd, bus.Request{}},
		"join":         {bus.OpJoin, bus.Request{}},
		"get":          {bus.OpGet, bus.Request{}},
	} {
		t.Run(name, func(t *testing.T) {
			m := epochRoom(t, true)
			before := m.state
			o := m.do(c.kind, from(gwA, 1, c.r))
			if o.Err == nil || o.Err.Code != proto.Unauthorised || o.Err.Epoch != 2 {
				t.Fatalf("got %+v, want Unauthorised with epoch 2", o.Err)
			}
			if m.state != before || m.last.Dirty {
				t.Errorf("got %s, want nothing changed", m.members())
			}
		})
	}
}

// A gateway that does not know that a session has moved on must not bring the
// peer back, neither to the room that the peer left nor to one made anew.
func TestEpochs_LateJoinOfAFormerOwner_IsRefused(t *testing.T) {
	for name, leave := range map[string]func(*model){
		"after it left":        func(m *model) { m.do(bus.OpLeave, from(gwB, 2, bus.Request{})) },
		"after it was removed": func(m *model) { m.do(bus.OpRemove, bus.Request{Client: ann}) },
		"after a sweep": func(m *model) {
			m.apply(&Operation{Kind: OpSweep, Request: &bus.Request{Room: "r"}, Dead: []proto.GatewayID{gwB}})
		},
		"after the end": func(m *model) { m.do(bus.OpEnd, from(gwB, 2, bus.Request{})) },
	} {
		t.Run(name, func(t *testing.T) {
			m := epochRoom(t, true)
			leave(m)
			if m.member(ann) != nil {
				t.Fatalf("got members %s, want ann to have left", m.members())
			}
			if o := m.do(bus.OpJoin, from(gwA, 1, bus.Request{Create: true})); o.Err == nil || o.Err.Epoch != 2 {
				t.Errorf("join in epoch 1: got %+v, want refused with epoch 2", o.Err)
			}
			if o := m.do(bus.OpJoin, from(gwC, 3, bus.Request{Create: true})); o.Err != nil || m.member(ann).Epoch != 3 {
				t.Errorf("join in epoch 3: got %+v, want success", o.Err)
			}
		})
	}
}

// The member's removal by its own gateway counts in a later epoch, although the
// record still names another gateway.
func TestEpochs_DisconnectedInALaterEpoch_Leaves(t *testing.T) {
	m := epochRoom(t, true)
	if o := m.do(bus.OpLeave, from(gwC, 3, bus.Request{Reason: proto.ReasonDisconnected})); o.Err != nil || m.member(ann) != nil {
		t.Errorf("got %v, members %s; want ann to have left", o.Err, m.members())
	}
	m = epochRoom(t, true)
	if o := m.do(bus.OpLeave, from(gwC, 2, bus.Request{Reason: proto.ReasonDisconnected})); errorCode(o) != proto.NotFound {
		t.Errorf("by another gateway in the same epoch: got %v, want Not_Found", o.Err)
	}
}

// A refused retry stays refused, with the epoch that explains why.
func TestEpochs_RefusedRetry_KeepsItsEpoch(t *testing.T) {
	m := epochRoom(t, true)
	r := from(gwA, 1, bus.Request{Op: "late", Retry: true})
	for range 2 {
		if o := m.do(bus.OpLeave, r); o.Err == nil || o.Err.Epoch != 2 {
			t.Fatalf("got %+v, want refused with epoch 2", o.Err)
		}
	}
}
