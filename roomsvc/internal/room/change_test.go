package room

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

func op(kind bus.Operation, r bus.Request) *Operation {
	r.Room = "r"
	if r.Gateway == "" {
		r.Gateway = r.Peer.Home()
	}
	return &Operation{Kind: kind, Request: &r}
}

func TestApply_Batch_AnnouncesEachMemberOnce(t *testing.T) {
	m := newModel(t)
	m.apply(op(bus.OpCreate, bus.Request{Op: "1", Peer: ann, Name: ptr("tea")}))
	if c := m.last.change; c.Room != "r" || c.Before != 0 || c.Set == nil || c.Set.Name != "tea" || c.By != ann || c.Op != "1" || len(c.Added) != 1 {
		t.Errorf("create: got %+v, want settings and one member added", c)
	}
	m.apply(
		op(bus.OpJoin, bus.Request{Op: "2", Peer: ben}),
		op(bus.OpJoin, bus.Request{Op: "3", Peer: cas}),
		op(bus.OpLeave, bus.Request{Op: "4", Peer: ann}),
	)
	c := m.last.change
	if c.Before != 1 || len(c.Added) != 2 || c.Added[0].ID != ben || c.Added[0].Op != "2" || c.Set != nil {
		t.Errorf("joins: got %+v, want two members added after revision 1", c)
	}
	if want := []bus.Removal{{ID: ann, Reason: proto.ReasonLeft, Op: "4"}}; !reflect.DeepEqual(c.Removed, want) || c.Creator != ben {
		t.Errorf("leave: got %+v, want ann removed and ben the creator", c)
	}
	if !slices.Equal(m.last.notify, []proto.GatewayID{gwA, gwB}) {
		t.Errorf("notified: got %v, want both gateways", m.last.notify)
	}
	m.apply(op(bus.OpResume, bus.Request{Op: "5", Peer: cas, Gateway: gwB}))
	if c := m.last.change; len(c.Moved) != 1 || c.Moved[0].Owner() != gwB || !slices.Equal(m.last.notify, []proto.GatewayID{gwA, gwB}) {
		t.Errorf("resume: got %+v to %v, want one member moved, to both gateways", c, m.last.notify)
	}
	m.apply(op(bus.OpEnd, bus.Request{Op: "6", Peer: ben}))
	if c := m.last.change; !c.Ended || c.By != ben || c.Op != "6" || len(c.Removed) != 0 || !slices.Equal(m.last.notify, []proto.GatewayID{gwB}) {
		t.Errorf("end: got %+v to %v, want the end by ben, to gateway B", c, m.last.notify)
	}
}

// A Change names each peer once, holds at most one update, and nothing besides an
// end. An operation that would break this waits for the next commit, and so do
// all operations after it.
func TestApply_WhatAChangeCannotHold_WaitsForTheNextCommit(t *testing.T) {
	join := func(p proto.PeerID, id bus.OpID) *Operation {
		return op(bus.OpJoin, bus.Request{Op: id, Peer: p, Create: true})
	}
	leave := func(p proto.PeerID, id bus.OpID) *Operation {
		return op(bus.OpLeave, bus.Request{Op: id, Peer: p})
	}
	for name, tc := range map[string]struct {
		ops  []*Operation
		done []bool
	}{
		"join and leave":        {[]*Operation{join(ben, "2"), leave(ben, "3")}, []bool{true, false}},
		"leave and join":        {[]*Operation{leave(ann, "2"), join(ann, "3")}, []bool{true, false}},
		"others behind":         {[]*Operation{join(ben, "2"), leave(ben, "3"), join(cas, "4")}, []bool{true, false, false}},
		"end after a join":      {[]*Operation{join(ben, "2"), op(bus.OpEnd, bus.Request{Op: "3", Peer: ann})}, []bool{true, false}},
		"join after an end":     {[]*Operation{op(bus.OpEnd, bus.Request{Op: "2", Peer: ann}), join(ben, "3")}, []bool{true, false}},
		"two updates":           {[]*Operation{op(bus.OpUpdate, bus.Request{Op: "2", Peer: ann, Name: ptr("a")}), op(bus.OpUpdate, bus.Request{Op: "3", Peer: ann, Name: ptr("b")})}, []bool{true, false}},
		"two of a member":       {[]*Operation{op(bus.OpMember, bus.Request{Op: "2", Peer: ann, Metadata: json.RawMessage("1")}), op(bus.OpMember, bus.Request{Op: "3", Peer: ann, Metadata: json.RawMessage("2")})}, []bool{true, false}},
		"ban a newcomer":        {[]*Operation{join(ben, "2"), op(bus.OpRemove, bus.Request{Op: "3", Peer: ann, Client: ben, Ban: true})}, []bool{true, false}},
		"ban and unban":         {[]*Operation{op(bus.OpRemove, bus.Request{Op: "2", Peer: ann, Client: ben, Ban: true}), op(bus.OpUnban, bus.Request{Op: "3", Peer: ann, Client: ben})}, []bool{true, false}},
		"role of a newcomer":    {[]*Operation{join(ben, "2"), op(bus.OpRole, bus.Request{Op: "3", Peer: ann, Client: ben, Role: proto.RoleModerator})}, []bool{true, false}},
		"update and last leave": {[]*Operation{op(bus.OpUpdate, bus.Request{Op: "2", Peer: ann, Name: ptr("a")}), leave(ann, "3")}, []bool{true, false}},
		"remove a newcomer":     {[]*Operation{join(ben, "2"), op(bus.OpRemove, bus.Request{Op: "3", Peer: ann, Client: ben})}, []bool{true, false}},
		"sweep a newcomer":      {[]*Operation{join(ben, "2"), {Kind: OpSweep, Request: &bus.Request{Room: "r"}, Dead: []proto.GatewayID{gwB}}}, []bool{true, false}},
		"sweep others":          {[]*Operation{join(ben, "2"), {Kind: OpSweep, Request: &bus.Request{Room: "r"}, Dead: []proto.GatewayID{gwA}}}, []bool{true, true}},
		"the same join again":   {[]*Operation{join(ben, "2"), join(ben, "2")}, []bool{true, true}},
		"get goes last":         {[]*Operation{op(bus.OpGet, bus.Request{Peer: ben}), join(ben, "2"), leave(ben, "3")}, []bool{true, true, false}},
		"refused, then more":    {[]*Operation{join(ann, "2"), join(ben, "3")}, []bool{true, true}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newModel(t)
			m.apply(op(bus.OpCreate, bus.Request{Op: "1", Peer: ann}))
			var done []bool
			for _, o := range m.apply(tc.ops...) {
				done = append(done, o.Done)
			}
			if !slices.Equal(done, tc.done) {
				t.Errorf("done: got %v, want %v", done, tc.done)
			}
		})
	}
}

// Nobody but a member itself, or a back end, changes its metadata: the request of another
// peer that names a client is about its sender.
func TestApply_UpdateOfAMember_ChangesItsMetadataAlone(t *testing.T) {
	m := newModel(t)
	m.do(bus.OpCreate, bus.Request{Peer: ann})
	m.do(bus.OpJoin, bus.Request{Peer: ben, Metadata: json.RawMessage(`"old"`)})
	metadata := func() (list []string) {
		for _, x := range m.state.Room.Members {
			list = append(list, string(x.Metadata))
		}
		return list
	}
	for _, step := range []struct {
		req  bus.Request
		want []string
	}{
		{bus.Request{Op: "a", Peer: ben, Client: ann, Metadata: json.RawMessage(`"new"`)}, []string{"", `"new"`}},
		{bus.Request{Op: "b", Client: ann, Metadata: json.RawMessage(`"set"`)}, []string{`"set"`, `"new"`}},
		{bus.Request{Op: "c", Peer: ben, Metadata: json.RawMessage(`null`)}, []string{`"set"`, ""}},
	} {
		if o := m.do(bus.OpMember, step.req); o.Err != nil || !slices.Equal(metadata(), step.want) {
			t.Fatalf("%s: got %v, metadata %q; want %q", step.req.Op, o.Err, metadata(), step.want)
		}
		if c := m.last.change; len(c.Updated) != 1 || c.Updated[0].Op != step.req.Op || c.Set != nil || len(c.Added)+len(c.Removed)+len(c.Moved) != 0 {
			t.Errorf("%s: got change %+v, want one member updated", step.req.Op, c)
		}
	}
}

func TestApply_Sweep_RemovesMembersOfDeadGatewaysOnly(t *testing.T) {
	m := newModel(t)
	m.do(bus.OpCreate, bus.Request{Peer: ann})
	m.do(bus.OpJoin, bus.Request{Peer: ben})
	m.do(bus.OpJoin, bus.Request{Peer: cas})
	m.do(bus.OpResume, bus.Request{Peer: cas, Gateway: gwB}) // has moved away from the dead gateway
	sweep := &Operation{Kind: OpSweep, Request: &bus.Request{Room: "r"}, Dead: []proto.GatewayID{gwA}}
	if o := m.apply(sweep)[0]; o.Removed != 1 || m.members() != "ben* cas" {
		t.Errorf("sweep: got %d removed, members %s; want 1, ben* cas", o.Removed, m.members())
	}
	if c := m.last.change; len(c.Removed) != 1 || c.Removed[0].Reason != proto.ReasonDisconnected {
		t.Errorf("change: got %+v, want one removal, disconnected", c)
	}
	if o := m.apply(sweep)[0]; o.Removed != 0 || m.last.Dirty {
		t.Error("second sweep: got a change, want none")
	}
	sweep.Dead = []proto.GatewayID{gwB}
	if m.apply(sweep); m.members() != "gone" || !m.last.change.Ended || m.last.change.By != "" {
		t.Errorf("sweep of all: got members %s, change %+v; want the room gone", m.members(), m.last.change)
	}
}
