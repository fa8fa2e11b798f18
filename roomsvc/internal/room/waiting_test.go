package room

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// waiting returns who waits, by name.
func (m *model) waiting() string {
	if m.state.Room == nil {
		return ""
	}
	names := map[proto.PeerID]string{ann: "ann", ben: "ben", cas: "cas"}
	var list []string
	for _, w := range m.state.Room.Waiting {
		list = append(list, names[w.ID])
	}
	return strings.Join(list, " ")
}

func TestAsk_EachOperation_FollowsItsRules(t *testing.T) {
	type step struct {
		kind    bus.Operation
		req     bus.Request
		want    proto.ErrorCode // "" is success
		members string          // afterwards
		waiting string
	}
	asks := func(p proto.PeerID) bus.Request { return bus.Request{Peer: p, Ask: true} }
	of := func(by, client proto.PeerID) bus.Request { return bus.Request{Peer: by, Client: client} }
	locked := step{bus.OpCreate, bus.Request{Peer: ann, Locked: ptr(true)}, "", "ann*", ""}
	ben1 := step{bus.OpJoin, asks(ben), "", "ann*", "ben"}
	cas2 := step{bus.OpJoin, asks(cas), "", "ann*", "ben cas"}
	in := step{bus.OpAdmit, of(ann, ben), "", "ann* ben", ""}
	for name, steps := range map[string][]step{
		"admit":               {locked, ben1, cas2, {bus.OpAdmit, of(ann, cas), "", "ann* cas", "ben"}, {bus.OpAdmit, of(ann, ben), "", "ann* cas ben", ""}},
		"not locked":          {{bus.OpCreate, bus.Request{Peer: ann}, "", "ann*", ""}, {bus.OpJoin, asks(ben), "", "ann* ben", ""}},
		"no room":             {{bus.OpJoin, asks(ben), proto.NotFound, "gone", ""}},
		"make the room":       {{bus.OpJoin, bus.Request{Peer: ben, Ask: true, Create: true}, "", "ben*", ""}},
		"twice":               {locked, ben1, {bus.OpJoin, asks(ben), proto.AlreadyExists, "ann*", "ben"}},
		"join while waiting":  {locked, ben1, {bus.OpJoin, bus.Request{Peer: ben}, proto.AlreadyExists, "ann*", "ben"}},
		"member":              {locked, {bus.OpJoin, asks(ann), proto.AlreadyExists, "ann*", ""}},
		"admit a member":      {locked, ben1, in, in},
		"admit a stranger":    {locked, {bus.OpAdmit, of(ann, ben), proto.NotFound, "ann*", ""}, {bus.OpAdmit, of(ann, ""), proto.MissingFields, "ann*", ""}},
		"admit to no room":    {{bus.OpAdmit, of(ann, ben), proto.NotFound, "gone", ""}},
		"admit oneself":       {locked, ben1, {bus.OpAdmit, of(ben, ben), proto.Unauthorised, "ann*", "ben"}},
		"admit by a member":   {locked, ben1, in, {bus.OpJoin, asks(cas), "", "ann* ben", "cas"}, {bus.OpAdmit, of(ben, cas), proto.Unauthorised, "ann* ben", "cas"}},
		"admit by moderator":  {locked, ben1, in, {bus.OpRole, bus.Request{Peer: ann, Client: ben, Role: proto.RoleModerator}, "", "ann* ben", ""}, {bus.OpJoin, asks(cas), "", "ann* ben", "cas"}, {bus.OpAdmit, of(ben, cas), "", "ann* ben cas", ""}},
		"admit by a back end": {locked, ben1, {bus.OpAdmit, of("", ben), "", "ann* ben", ""}},
		"full":                {{bus.OpCreate, bus.Request{Peer: ann, Locked: ptr(true), Capacity: ptr(1)}, "", "ann*", ""}, ben1, {bus.OpAdmit, of(ann, ben), proto.RoomFull, "ann*", "ben"}},
		"refuse":              {locked, ben1, {bus.OpRemove, of(ann, ben), "", "ann*", ""}, ben1},
		"refuse with a ban":   {locked, ben1, {bus.OpRemove, bus.Request{Peer: ann, Client: ben, Ban: true}, "", "ann*", ""}, {bus.OpJoin, asks(ben), proto.Banned, "ann*", ""}},
		"refuse by a member":  {locked, ben1, {bus.OpRemove, of(cas, ben), proto.Unauthorised, "ann*", "ben"}},
		"withdraw":            {locked, ben1, {bus.OpLeave, bus.Request{Peer: ben}, "", "ann*", ""}, {bus.OpLeave, bus.Request{Peer: ben}, proto.NotFound, "ann*", ""}},
		"disconnected":        {locked, ben1, {bus.OpLeave, bus.Request{Peer: ben, Gateway: gwA, Reason: proto.ReasonDisconnected}, proto.NotFound, "ann*", "ben"}, {bus.OpLeave, bus.Request{Peer: ben, Gateway: gwB, Reason: proto.ReasonDisconnected}, "", "ann*", ""}},
		"moved":               {locked, ben1, {bus.OpResume, bus.Request{Peer: ben, Gateway: gwA, Epoch: 1}, "", "ann*", "ben"}, {bus.OpLeave, bus.Request{Peer: ben, Gateway: gwB}, proto.Unauthorised, "ann*", "ben"}, {bus.OpLeave, bus.Request{Peer: ben, Gateway: gwA, Epoch: 1, Reason: proto.ReasonDisconnected}, "", "ann*", ""}},
		"sees nothing":        {locked, ben1, {bus.OpGet, bus.Request{Peer: ben}, proto.Unauthorised, "ann*", "ben"}, {bus.OpMember, bus.Request{Peer: ben, Metadata: bigJSON(9)}, proto.NotFound, "ann*", "ben"}, {bus.OpRole, bus.Request{Peer: ann, Client: ben, Role: proto.RoleModerator}, proto.NotFound, "ann*", "ben"}},
		"too late":            {locked, ben1, in, {bus.OpLeave, bus.Request{Peer: ben, Ask: true}, proto.NotFound, "ann* ben", ""}},
		"in time":             {locked, ben1, {bus.OpLeave, bus.Request{Peer: ben, Ask: true}, "", "ann*", ""}},
		"last member leaves":  {locked, ben1, {bus.OpLeave, bus.Request{Peer: ann}, "", "gone", ""}, {bus.OpJoin, asks(ben), proto.NotFound, "gone", ""}},
		"unlock":              {locked, ben1, cas2, {bus.OpUpdate, bus.Request{Peer: ann, Locked: ptr(false)}, "", "ann* ben cas", ""}},
		"unlock, few places":  {locked, ben1, cas2, {bus.OpUpdate, bus.Request{Peer: ann, Locked: ptr(false), Capacity: ptr(2)}, "", "ann* ben", "cas"}, {bus.OpLeave, bus.Request{Peer: ben}, "", "ann*", "cas"}, {bus.OpJoin, asks(cas), "", "ann* cas", ""}},
		"rename":              {locked, ben1, {bus.OpUpdate, bus.Request{Peer: ann, Name: ptr("x")}, "", "ann*", "ben"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newModel(t)
			for i, s := range steps {
				if got := codeOf(m.do(s.kind, s.req)); got != s.want {
					t.Fatalf("step %d, %s: got %q, want %q", i, s.kind, got, s.want)
				}
				if m.members() != s.members || m.waiting() != s.waiting {
					t.Fatalf("step %d, %s: got members %q, waiting %q; want %q, %q", i, s.kind, m.members(), m.waiting(), s.members, s.waiting)
				}
			}
		})
	}
}

// The gateways of peers that wait get every change, each of which names a peer once.
func TestAsk_EachChange_SaysWhoWaits(t *testing.T) {
	m := newModel(t)
	m.do(bus.OpCreate, bus.Request{Peer: ann, Locked: ptr(true)})
	m.do(bus.OpJoin, bus.Request{Op: "ask", Peer: ben, User: "ben", Ask: true})
	c := m.last.change
	if want := []bus.Member{{ID: ben, Op: "ask", User: "ben"}}; !reflect.DeepEqual(c.Waiting, want) || len(c.Added) != 0 || !slices.Equal(m.last.notify, []proto.GatewayID{gwA, gwB}) {
		t.Errorf("ask: got %+v to %v, want ben waiting, to both gateways", c, m.last.notify)
	}
	m.do(bus.OpUpdate, bus.Request{Peer: ann, Name: ptr("tea")})
	if !slices.Equal(m.last.notify, []proto.GatewayID{gwA, gwB}) {
		t.Errorf("update: got %v notified, want the gateway of the peer that waits too", m.last.notify)
	}
	m.do(bus.OpRemove, bus.Request{Op: "no", Peer: ann, Client: ben})
	if want := []bus.Removal{{ID: ben, Reason: proto.ReasonRemoved, Op: "no"}}; !reflect.DeepEqual(m.last.change.Withdrawn, want) || len(m.last.change.Removed) != 0 {
		t.Errorf("refusal: got %+v, want ben withdrawn", m.last.change)
	}
	if o := m.do(bus.OpJoin, bus.Request{Op: "ask", Peer: ben, Ask: true}); o.Err != nil || m.waiting() != "" {
		t.Errorf("a late copy of the first request: got %v, waiting %q; want success without effect", o.Err, m.waiting())
	}
	m.do(bus.OpJoin, bus.Request{Op: "ask 2", Peer: ben, Ask: true})
	m.do(bus.OpAdmit, bus.Request{Op: "yes", Peer: ann, Client: ben})
	if c := m.last.change; len(c.Added) != 1 || c.Added[0].ID != ben || len(c.Withdrawn) != 0 || c.By != ann || c.Op != "yes" {
		t.Errorf("admission: got %+v, want ben added by ann", c)
	}
	if o := m.do(bus.OpAdmit, bus.Request{Op: "yes", Peer: ann, Client: ben}); o.Err != nil || m.last.Dirty {
		t.Errorf("the admission repeated: got %v, written %t; want success without effect", o.Err, m.last.Dirty)
	}
}

func TestAsk_WhatAChangeCannotHold_WaitsForTheNextCommit(t *testing.T) {
	ask := op(bus.OpJoin, bus.Request{Op: "2", Peer: ben, Ask: true})
	for name, next := range map[string]*Operation{
		"withdraw": op(bus.OpLeave, bus.Request{Op: "3", Peer: ben}),
		"admit":    op(bus.OpAdmit, bus.Request{Op: "3", Peer: ann, Client: ben}),
		"refuse":   op(bus.OpRemove, bus.Request{Op: "3", Peer: ann, Client: ben}),
		"ban":      op(bus.OpRemove, bus.Request{Op: "3", Peer: ann, Client: ben, Ban: true}),
		"unlock":   op(bus.OpUpdate, bus.Request{Op: "3", Peer: ann, Locked: ptr(false)}),
		"resume":   op(bus.OpResume, bus.Request{Op: "3", Peer: ben, Gateway: gwA, Epoch: 1}),
		"sweep":    {Kind: OpSweep, Request: &bus.Request{Room: "r"}, Dead: []proto.GatewayID{gwB}},
	} {
		m := newModel(t)
		m.do(bus.OpCreate, bus.Request{Peer: ann, Locked: ptr(true)})
		if o := m.apply(ask, next); !o[0].Done || o[1].Done {
			t.Errorf("%s: got done %t and %t, want the first alone", name, o[0].Done, o[1].Done)
		}
		if o := m.apply(next); !o[0].Done || o[0].Err != nil {
			t.Errorf("%s in the next commit: got %+v, want success", name, o[0])
		}
	}
}

func TestAsk_TooMany_IsRefused(t *testing.T) {
	m := newModel(t)
	m.do(bus.OpCreate, bus.Request{Peer: ann, Locked: ptr(true)})
	for i := range 64 {
		if o := m.do(bus.OpJoin, bus.Request{Peer: peer(gwC, i+10), Ask: true}); o.Err != nil {
			t.Fatalf("request %d: got %v, want success", i, o.Err)
		}
	}
	if got := codeOf(m.do(bus.OpJoin, bus.Request{Peer: ben, Ask: true})); got != proto.LimitExceeded {
		t.Errorf("request 64: got %q, want %s", got, proto.LimitExceeded)
	}
	m.lim.Full = true
	m.do(bus.OpRemove, bus.Request{Peer: ann, Client: peer(gwC, 10)})
	if got := codeOf(m.do(bus.OpJoin, bus.Request{Peer: ben, Ask: true})); got != proto.LimitExceeded {
		t.Errorf("while the bucket is full: got %q, want %s", got, proto.LimitExceeded)
	}
}

func TestAsk_GatewayDies_IsWithdrawn(t *testing.T) {
	m := newModel(t)
	m.do(bus.OpCreate, bus.Request{Peer: ann, Locked: ptr(true)})
	m.do(bus.OpJoin, bus.Request{Peer: ben, Ask: true})
	value, err := m.last.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if got := Owners(value); !slices.Contains(got, gwB) {
		t.Errorf("owners: got %v, want the gateway of the peer that waits", got)
	}
	o := m.apply(&Operation{Kind: OpSweep, Request: &bus.Request{Room: "r"}, Dead: []proto.GatewayID{gwB}})
	if o[0].Removed != 1 || m.waiting() != "" || m.members() != "ann*" {
		t.Errorf("sweep: got %d removed, members %q, waiting %q; want ben withdrawn", o[0].Removed, m.members(), m.waiting())
	}
}

// A refusal with a ban is about the user: its other peers do not wait or stay either.
func TestAsk_RefusedWithABan_KeepsTheUserOut(t *testing.T) {
	m := newModel(t)
	m.do(bus.OpCreate, bus.Request{Peer: ann})
	m.do(bus.OpJoin, bus.Request{Peer: cas, User: "mallory"})
	m.do(bus.OpUpdate, bus.Request{Peer: ann, Locked: ptr(true)})
	other := peer(gwC, 9)
	for _, p := range []proto.PeerID{ben, other} {
		m.do(bus.OpJoin, bus.Request{Peer: p, User: "mallory", Ask: true})
	}
	if o := m.do(bus.OpRemove, bus.Request{Peer: ann, Client: ben, Ban: true}); o.Err != nil || m.members() != "ann*" || m.waiting() != "" {
		t.Errorf("ban: got %v, members %q, waiting %q; want ann alone", o.Err, m.members(), m.waiting())
	}
	if got := codeOf(m.do(bus.OpJoin, bus.Request{Peer: peer(gwC, 8), User: "mallory", Ask: true})); got != proto.Banned {
		t.Errorf("another peer of the user: got %q, want %s", got, proto.Banned)
	}
}
