package room

import (
	"bytes"
	"strings"
	"testing"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// password returns a password that is different for each text, and cheap.
func password(text string) *bus.Password {
	return &bus.Password{Salt: "salt of the room " + text, Hash: bytes.Repeat([]byte(text[:1]), bus.HashBytes)}
}

func TestJoin_RoomWithPassword_TakesTheRightOneOnly(t *testing.T) {
	m := newModel(t)
	right := password("leaf")
	m.do(bus.OpCreate, bus.Request{Peer: ann, Password: right})
	for name, x := range map[string]struct {
		given *bus.Password
		says  string
	}{
		"none":         {nil, "has a password. Send Join_Room again with data.password"},
		"another":      {&bus.Password{Salt: right.Salt, Hash: password("stem").Hash}, "is not the password of room"},
		"another salt": {&bus.Password{Salt: password("stem").Salt, Hash: right.Hash}, "is not the password of room"},
	} {
		o := m.do(bus.OpJoin, bus.Request{Peer: ben, Password: x.given})
		if codeOf(o) != proto.WrongPassword || o.Err.Salt != right.Salt || !strings.Contains(o.Err.Message, x.says) {
			t.Errorf("%s: got %+v, want %s with the room's salt and %q", name, o.Err, proto.WrongPassword, x.says)
		}
	}
	if o := m.do(bus.OpJoin, bus.Request{Peer: ben, Password: right}); o.Err != nil {
		t.Fatalf("the right one: got %v, want success", o.Err)
	}
	if o := m.do(bus.OpResume, bus.Request{Peer: ben, Gateway: gwC, Epoch: 1}); o.Err != nil {
		t.Errorf("a member that moves, without password: got %v, want success", o.Err)
	}
}

// A room that is unlocked admits those that wait, so they need the password before they wait.
func TestJoin_AskToBeAdmitted_NeedsThePassword(t *testing.T) {
	m := newModel(t)
	right := password("leaf")
	m.do(bus.OpCreate, bus.Request{Peer: ann, Password: right, Locked: ptr(true)})
	if o := m.do(bus.OpJoin, bus.Request{Peer: ben, Ask: true}); codeOf(o) != proto.WrongPassword {
		t.Errorf("without password: got %q, want %q", codeOf(o), proto.WrongPassword)
	}
	if o := m.do(bus.OpJoin, bus.Request{Peer: cas, Ask: true, Password: right}); o.Err != nil {
		t.Errorf("with it: got %v, want success", o.Err)
	}
	m.do(bus.OpUpdate, bus.Request{Peer: ann, Locked: ptr(false)})
	if m.members() != "ann* cas" {
		t.Errorf("after the room was unlocked: got members %s, want ann* cas", m.members())
	}
}

func TestUpdate_Password_IsForLaterJoins(t *testing.T) {
	m := newModel(t)
	m.do(bus.OpCreate, bus.Request{Peer: ann})
	m.do(bus.OpJoin, bus.Request{Peer: ben, Password: password("any")}) // a room without one takes any
	if o := m.do(bus.OpUpdate, bus.Request{Peer: ben, Password: password("leaf")}); codeOf(o) != proto.Unauthorised {
		t.Errorf("update by a member: got %q, want %q", codeOf(o), proto.Unauthorised)
	}
	m.do(bus.OpUpdate, bus.Request{Peer: ann, Password: password("leaf")})
	if got := m.last.change.Set.Salt; got != password("leaf").Salt || m.members() != "ann* ben" {
		t.Errorf("update: got salt %q, members %s; want that of leaf, and both members", got, m.members())
	}
	m.do(bus.OpUpdate, bus.Request{Peer: ann, Name: ptr("Tea")})
	if o := m.do(bus.OpJoin, bus.Request{Peer: cas}); codeOf(o) != proto.WrongPassword {
		t.Errorf("join after an update of the name: got %q, want %q", codeOf(o), proto.WrongPassword)
	}
	m.do(bus.OpUpdate, bus.Request{Peer: ann, Password: new(bus.Password)})
	if m.state.Room.Password != nil || m.last.change.Set.Salt != "" {
		t.Errorf("removed: got %v, salt %q; want none", m.state.Room.Password, m.last.change.Set.Salt)
	}
	if o := m.do(bus.OpJoin, bus.Request{Peer: cas}); o.Err != nil {
		t.Errorf("join after its removal: got %v, want success", o.Err)
	}
}

// A join with a password that makes the room makes it with that password: its sender relies
// on it.
func TestJoin_CreatesRoom_WithThePassword(t *testing.T) {
	m := newModel(t)
	m.do(bus.OpJoin, bus.Request{Peer: ann, Create: true, Password: password("leaf")})
	if o := m.do(bus.OpJoin, bus.Request{Peer: ben, Create: true}); codeOf(o) != proto.WrongPassword {
		t.Errorf("join without it: got %q, want %q", codeOf(o), proto.WrongPassword)
	}
}

func TestReplies_RoomWithPassword_HideTheHash(t *testing.T) {
	m := newModel(t)
	m.do(bus.OpCreate, bus.Request{Peer: ann, Password: password("leaf")})
	shown := m.last.Replies(7).snapshot.Room.Password
	if shown == nil || shown.Salt == "" || len(shown.Hash) > 0 {
		t.Errorf("the password in a reply: got %+v, want its salt alone", shown)
	}
	if kept := m.last.After.Room.Password; !kept.Valid() {
		t.Errorf("the password in the bucket: got %+v, want it whole", kept)
	}
}

func TestCheck_Password_HasItsForm(t *testing.T) {
	good := password("leaf")
	for name, x := range map[string]struct {
		kind bus.Operation
		p    *bus.Password
		want proto.ErrorCode
	}{
		"none":                 {bus.OpCreate, nil, ""},
		"good":                 {bus.OpCreate, good, ""},
		"salt too short":       {bus.OpCreate, &bus.Password{Salt: "short", Hash: good.Hash}, proto.InvalidMessage},
		"salt too long":        {bus.OpUpdate, &bus.Password{Salt: strings.Repeat("s", bus.MaxSaltBytes+1), Hash: good.Hash}, proto.InvalidMessage},
		"no hash":              {bus.OpUpdate, &bus.Password{Salt: good.Salt}, proto.InvalidMessage},
		"hash of another size": {bus.OpJoin, &bus.Password{Salt: good.Salt, Hash: good.Hash[1:]}, proto.InvalidMessage},
		"removed":              {bus.OpUpdate, new(bus.Password), ""},
		"removed in a create":  {bus.OpCreate, new(bus.Password), proto.InvalidMessage},
	} {
		var got proto.ErrorCode
		if e := Check(x.kind, &bus.Request{Room: "r", Peer: ann, Password: x.p}, testLimits); e != nil {
			got = e.Code
		}
		if got != x.want {
			t.Errorf("%s: got %q, want %q", name, got, x.want)
		}
	}
}
