package room

import (
	"reflect"
	"testing"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// An operation that took effect and is done again with the same id changes
// nothing and gives the same answer, whatever has happened since.
func TestApply_RepeatedOperation_ChangesNothing(t *testing.T) {
	m := newModel(t)
	type done struct {
		kind bus.Operation
		req  bus.Request
	}
	history := []done{
		{bus.OpCreate, bus.Request{Op: "c", Peer: ann}},
		{bus.OpJoin, bus.Request{Op: "j", Peer: ben}},
		{bus.OpUpdate, bus.Request{Op: "u", Peer: ann, Name: ptr("x")}},
		{bus.OpResume, bus.Request{Op: "m", Peer: ben, Gateway: gwA}},
		{bus.OpResume, bus.Request{Op: "m2", Peer: ben, Gateway: gwB}},
		{bus.OpUpdate, bus.Request{Op: "u2", Peer: ann, Gateway: gwB, Epoch: 1, Name: ptr("y")}}, // from where ann is now
		{bus.OpJoin, bus.Request{Op: "j2", Peer: cas}},
		{bus.OpRemove, bus.Request{Op: "r", Peer: ann, Gateway: gwB, Epoch: 1, Client: ben}},
		{bus.OpLeave, bus.Request{Op: "l", Peer: ann, Gateway: gwB, Epoch: 1}},
		{bus.OpEnd, bus.Request{Op: "e", Peer: cas}},
		{bus.OpCreate, bus.Request{Op: "c2", Peer: ben}},
		{bus.OpLeave, bus.Request{Op: "l2", Peer: ben}},
	}
	for i, h := range history {
		if o := m.do(h.kind, h.req); o.Err != nil || o.repeated {
			t.Fatalf("%s %s: got %+v, want success, not repeated", h.kind, h.req.Op, o)
		}
		for _, again := range history[:i+1] {
			before := m.state
			o := m.do(again.kind, again.req)
			if o.Err != nil || !o.repeated || m.last.Dirty || m.state != before {
				t.Fatalf("after %s: %s %s again: got %+v, dirty %v; want success, repeated, nothing to write", h.req.Op, again.kind, again.req.Op, o, m.last.Dirty)
			}
		}
	}
}

// The room does not record a refusal, unless the request is a retry: then a copy
// of it may still be on its way.
func TestApply_RefusedRetry_StaysRefused(t *testing.T) {
	m := newModel(t)
	first := bus.Request{Op: "j", Peer: ben}
	if o := m.do(bus.OpJoin, first); o.Err == nil || m.last.Dirty {
		t.Fatalf("first: got %+v, want refused, nothing to write", o)
	}
	retry := first
	retry.Retry = true
	if o := m.do(bus.OpJoin, retry); o.Err == nil || !m.last.Dirty {
		t.Fatalf("retry: got %+v, want refused, with a record to write", o)
	}
	if m.do(bus.OpCreate, bus.Request{Peer: ann}); m.members() != "ann*" {
		t.Fatalf("create: got members %s, want ann*", m.members())
	}
	o := m.do(bus.OpJoin, first) // the copy that was late
	if o.Err == nil || o.Err.Code != proto.NotFound || m.members() != "ann*" {
		t.Errorf("late copy: got %+v, members %s; want Not_Found, ann*", o, m.members())
	}
	// The same where there is a room.
	m.do(bus.OpLeave, bus.Request{Op: "x", Peer: cas, Retry: true})
	if c := m.last; !c.Dirty || c.change.Before != 2 || len(c.notify) != 1 {
		t.Errorf("refused leave: got %+v, want a record written after revision 2", c.change)
	}
	m.do(bus.OpJoin, bus.Request{Peer: cas})
	if o := m.do(bus.OpLeave, bus.Request{Op: "x", Peer: cas}); o.Err == nil || m.members() != "ann* cas" {
		t.Errorf("late leave: got %+v, members %s; want refused, ann* cas", o, m.members())
	}
}

func TestIdempotencyRecords_Old_AreDropped(t *testing.T) {
	m := newModel(t)
	m.do(bus.OpCreate, bus.Request{Peer: ann})
	m.do(bus.OpUpdate, bus.Request{Op: "u", Peer: ann, Name: ptr("x")})
	m.now = m.now.Add(bus.RememberOps + time.Second)
	if m.do(bus.OpGet, bus.Request{}); len(m.state.Room.Recent) != 1 {
		t.Error("records after a read: got another number, want 1")
	}
	m.do(bus.OpUpdate, bus.Request{Op: "v", Peer: ann, Name: ptr("y")})
	if got := m.state.Room.Recent; len(got) != 1 || got[0].Op != "v" {
		t.Errorf("records: got %+v, want v alone", got)
	}
	var many []*Operation
	for range maxDone + 10 {
		many = append(many, op(bus.OpJoin, bus.Request{Op: m.op(), Peer: ann, Retry: true}))
	}
	m.apply(many...)
	if got := m.state.Room.Recent; len(got) != maxDone || got[0].Op == "v" {
		t.Errorf("records: got %d, want %d without v", len(got), maxDone)
	}
}

// apply is a pure function and does not change its arguments.
func TestApply_AnyBatch_LeavesItsInputAlone(t *testing.T) {
	m := newModel(t)
	m.do(bus.OpCreate, bus.Request{Peer: ann})
	m.do(bus.OpJoin, bus.Request{Peer: ben})
	m.do(bus.OpUpdate, bus.Request{Peer: ann, Name: ptr("x")})
	before := *m.state
	room := *m.state.Room
	room.Members = append([]bus.Member(nil), room.Members...)
	room.Recent = append([]bus.Done(nil), room.Recent...)
	ops := []*Operation{
		op(bus.OpLeave, bus.Request{Op: "a", Peer: ann}), op(bus.OpJoin, bus.Request{Op: "b", Peer: cas}),
		op(bus.OpResume, bus.Request{Op: "c", Peer: ben, Gateway: gwA}),
	}
	one := Apply(m.state, ops, m.now, m.lim)
	two := Apply(m.state, ops, m.now, m.lim)
	if !reflect.DeepEqual(*m.state.Room, room) || m.state.Revision != before.Revision {
		t.Errorf("input of Apply: got it changed to %+v, want it unchanged", m.state.Room)
	}
	if !reflect.DeepEqual(one.change, two.change) || !reflect.DeepEqual(one.After, two.After) {
		t.Error("two calls with the same arguments: got different commits, want equal ones")
	}
}
