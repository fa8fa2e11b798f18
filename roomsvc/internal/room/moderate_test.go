package room

import (
	"slices"
	"strings"
	"testing"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// A ban of a peer with a user name is about the user: its other peers leave too, and none of
// its peers may join until the ban is lifted.
func TestBan_PeerWithUser_KeepsTheUserOut(t *testing.T) {
	m := newModel(t)
	m.do(bus.OpCreate, bus.Request{Peer: ann, User: "ann"})
	m.do(bus.OpJoin, bus.Request{Peer: ben, User: "mallory"})
	m.do(bus.OpJoin, bus.Request{Peer: cas, User: "mallory"})
	other := peer(gwC, 9)
	if o := m.do(bus.OpRemove, bus.Request{Op: "ban", Peer: ann, Client: ben, Ban: true}); o.Err != nil || m.members() != "ann*" {
		t.Fatalf("ban: got %v, members %s; want ann alone", o.Err, m.members())
	}
	c := m.last.change
	if len(c.Removed) != 2 || c.Removed[0].Reason != proto.ReasonBanned || c.Removed[1].Reason != proto.ReasonBanned || c.By != "" {
		t.Errorf("change: got %+v, want two members banned", c)
	}
	if want := []proto.Ban{{Client: ben, User: "mallory"}}; !slices.Equal(c.Bans, want) || !slices.Equal(m.state.Room.Banned, want) {
		t.Errorf("bans: got %v in the change, %v in the room; want %v", c.Bans, m.state.Room.Banned, want)
	}
	for _, try := range []struct {
		peer proto.PeerID
		user string
		want proto.ErrorCode
	}{{other, "mallory", proto.Banned}, {ben, "", proto.Banned}, {cas, "honest", ""}} {
		o := m.do(bus.OpJoin, bus.Request{Peer: try.peer, User: try.user})
		if got := codeOf(o); got != try.want {
			t.Errorf("join of %s, user %q: got %q, want %q", try.peer, try.user, got, try.want)
		}
	}
	m.apply(op(bus.OpRemove, bus.Request{Op: "ban", Peer: ann, Client: ben, Ban: true}))
	if !slices.Contains(m.last.notify, gwB) {
		t.Errorf("the ban repeated: got gateways %v notified, want that of the banned peer too", m.last.notify)
	}
	if o := m.do(bus.OpUnban, bus.Request{Peer: ann, Client: ben}); o.Err != nil || m.state.Room.Banned != nil || m.last.change.Bans == nil {
		t.Errorf("unban: got %v, bans %v; want none, and the change to say so", o.Err, m.state.Room.Banned)
	}
	if o := m.do(bus.OpJoin, bus.Request{Peer: other, User: "mallory"}); o.Err != nil {
		t.Errorf("join after the ban was lifted: got %v, want success", o.Err)
	}
}

func codeOf(o Outcome) proto.ErrorCode {
	if o.Err == nil {
		return ""
	}
	return o.Err.Code
}

// A moderator cannot remove another one by a ban of their common user.
func TestBan_UserOfAModerator_IsRefusedToModerators(t *testing.T) {
	m := newModel(t)
	m.do(bus.OpCreate, bus.Request{Peer: ann, User: "ann"})
	m.do(bus.OpJoin, bus.Request{Peer: ben, User: "ben"})
	m.do(bus.OpJoin, bus.Request{Peer: cas, User: "cas"})
	second := peer(gwC, 9)
	m.do(bus.OpJoin, bus.Request{Peer: second, User: "cas"})
	m.do(bus.OpRole, bus.Request{Peer: ann, Client: ben, Role: proto.RoleModerator})
	m.do(bus.OpRole, bus.Request{Peer: ann, Client: cas, Role: proto.RoleModerator})
	if got := codeOf(m.do(bus.OpRemove, bus.Request{Peer: ben, Client: second, Ban: true})); got != proto.Unauthorised {
		t.Errorf("ban of a moderator's user by a moderator: got %q, want %q", got, proto.Unauthorised)
	}
	if got := codeOf(m.do(bus.OpRemove, bus.Request{Peer: ben, Client: second})); got != "" {
		t.Errorf("removal of that peer: got %q, want success", got)
	}
	if got := codeOf(m.do(bus.OpRemove, bus.Request{Peer: ann, Client: cas, Ban: true})); got != "" || m.members() != "ann* ben" {
		t.Errorf("ban of a moderator by the creator: got %q, members %s; want ann* ben", got, m.members())
	}
}

// The list of bans has a bound, and a ban beyond it is refused: none is forgotten.
func TestBan_ListIsFull_RefusesTheNext(t *testing.T) {
	m := newModel(t)
	m.do(bus.OpCreate, bus.Request{Peer: ann})
	for i := range 128 {
		if o := m.do(bus.OpRemove, bus.Request{Peer: ann, Client: peer(gwC, i), Ban: true}); o.Err != nil {
			t.Fatalf("ban %d: got %v, want success", i, o.Err)
		}
	}
	if got := codeOf(m.do(bus.OpRemove, bus.Request{Peer: ann, Client: ben, Ban: true})); got != proto.LimitExceeded {
		t.Errorf("one more: got %q, want %q", got, proto.LimitExceeded)
	}
	if got := codeOf(m.do(bus.OpJoin, bus.Request{Peer: peer(gwC, 0)})); got != proto.Banned {
		t.Errorf("the first that was banned: got %q, want %q", got, proto.Banned)
	}
}

// Who hands a room over is a moderator after it, and the change names it.
func TestSetRole_Creator_MakesTheFormerOneModerator(t *testing.T) {
	m := newModel(t)
	m.do(bus.OpCreate, bus.Request{Peer: ann})
	m.do(bus.OpJoin, bus.Request{Peer: ben})
	m.do(bus.OpRole, bus.Request{Op: "r", Peer: ann, Client: ben, Role: proto.RoleCreator})
	c := m.last.change
	if c.Creator != ben || c.By != ann || c.Op != "r" || len(c.Updated) != 1 || c.Updated[0].ID != ann || !c.Updated[0].Moderator {
		t.Errorf("change: got %+v, want ben the creator by ann, which is updated", c)
	}
	if !m.state.Room.Members[0].Moderator || m.state.Room.Members[1].Moderator {
		t.Errorf("members: got %+v, want ann a moderator", m.state.Room.Members)
	}
}

// A moderator that becomes the creator is no moderator besides, and a creator has no other
// role until it has handed the room over.
func TestSetRole_CreatorAndModerator_ExcludeEachOther(t *testing.T) {
	m := newModel(t)
	m.do(bus.OpCreate, bus.Request{Peer: ann})
	m.do(bus.OpJoin, bus.Request{Peer: ben})
	m.do(bus.OpRole, bus.Request{Peer: ann, Client: ben, Role: proto.RoleModerator})
	for _, role := range []proto.Role{proto.RoleModerator, proto.RoleMember} {
		if got := codeOf(m.do(bus.OpRole, bus.Request{Peer: ann, Client: ann, Role: role})); got != proto.InvalidMessage {
			t.Errorf("role %s of the creator: got %q, want %q", role, got, proto.InvalidMessage)
		}
	}
	m.do(bus.OpRole, bus.Request{Peer: ann, Client: ben, Role: proto.RoleCreator})
	if members := m.state.Room.Members; !members[0].Moderator || members[1].Moderator || m.state.Room.Creator != ben {
		t.Errorf("after handing over: got creator %s and %+v, want ben the creator alone and ann a moderator", m.state.Room.Creator, members)
	}
	if updated := m.last.change.Updated; len(updated) != 2 || !updated[0].Moderator || updated[1].ID != ben || updated[1].Moderator {
		t.Errorf("change: got %+v, want ann a moderator and ben none", updated)
	}
}

// Two roles of one member are in two changes: a change names a member once.
func TestSetRole_TwiceInOneCommit_SecondWaits(t *testing.T) {
	m := newModel(t)
	m.do(bus.OpCreate, bus.Request{Peer: ann})
	m.do(bus.OpJoin, bus.Request{Peer: ben})
	role := func(id bus.OpID, r proto.Role) *Operation {
		return &Operation{Kind: bus.OpRole, Request: &bus.Request{Op: id, Room: "r", Peer: ann, Client: ben, Role: r}}
	}
	got := m.apply(role("2", proto.RoleModerator), role("3", proto.RoleMember))
	if len(got) != 2 || !got[0].Done || got[1].Done {
		t.Errorf("got %+v, want the first done and the second to wait", got)
	}
}

// A room takes one moderator more exactly when it has the bytes for one. What adds none is
// not refused.
func TestSetRole_RoomAtItsBytes_RefusesOneModeratorMore(t *testing.T) {
	for _, x := range []struct {
		role proto.Role
		left int // bytes below the limit
		want proto.ErrorCode
	}{
		{proto.RoleModerator, len(moderatorField) - 1, proto.LimitExceeded},
		{proto.RoleModerator, len(moderatorField), ""},
		{proto.RoleCreator, len(moderatorField) - 1, proto.LimitExceeded},
		{proto.RoleCreator, len(moderatorField), ""},
		{proto.RoleMember, 0, ""},
	} {
		m := newModel(t)
		m.do(bus.OpCreate, bus.Request{Peer: ann})
		m.do(bus.OpJoin, bus.Request{Peer: ben})
		m.lim.Bytes = m.state.Size + x.left
		if got := codeOf(m.do(bus.OpRole, bus.Request{Peer: ann, Client: ben, Role: x.role})); got != x.want {
			t.Errorf("role %s with %d bytes left: got %q, want %q", x.role, x.left, got, x.want)
		}
	}
}

// A request that changes nothing writes nothing, so that it costs no commit and no change to
// all gateways. A retry is recorded: its first copy may come when the ban was lifted.
func TestBan_AlreadyBanned_WritesNothing(t *testing.T) {
	m := newModel(t)
	m.do(bus.OpCreate, bus.Request{Peer: ann})
	ban := bus.Request{Peer: ann, Client: ben, Ban: true}
	m.do(bus.OpRemove, ban)
	if o := m.do(bus.OpRemove, ban); o.Err != nil || m.last.Dirty {
		t.Errorf("a second ban: got %v, written %t; want success without a write", o.Err, m.last.Dirty)
	}
	ban.Op, ban.Retry = "copy", true
	m.do(bus.OpRemove, ban)
	m.do(bus.OpUnban, bus.Request{Peer: ann, Client: ben})
	ban.Retry = false
	if o := m.do(bus.OpRemove, ban); o.Err != nil || len(m.state.Room.Banned) != 0 {
		t.Errorf("a late copy after the ban was lifted: got %v, bans %v; want success without effect", o.Err, m.state.Room.Banned)
	}
}

func TestBan_CreatorByABackEnd_SaysWhatABackEndCanDo(t *testing.T) {
	m := newModel(t)
	m.do(bus.OpCreate, bus.Request{Peer: ann})
	o := m.do(bus.OpRemove, bus.Request{Client: ann, Ban: true})
	if codeOf(o) != proto.InvalidMessage || strings.Contains(o.Err.Message, "your") || strings.Contains(o.Err.Message, "data.") {
		t.Errorf("got %v, want %s in the words of back ends", o.Err, proto.InvalidMessage)
	}
}
