package room

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/egress"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// lostRelays are other gateways that cannot be reached.
type lostRelays struct{ testRelays }

func (lostRelays) SendRoom(*State, link.Frame) ([]proto.PeerID, bool) {
	return []proto.PeerID{"missed"}, false
}

// countedMember counts how often the room asked what its client wants.
type countedMember struct {
	*testMember
	asked *int
}

func (m countedMember) WantsDelta() bool { *m.asked++; return m.delta }

// newPaidRoom returns a gateway with the room "tea" of a local creator and one member of
// another gateway, and a budget of 1,000 bytes a second for the creator.
func newPaidRoom() (*testGateway, *testMember, *egress.Client) {
	gw := newTestGateway()
	creator := gw.member()
	gw.rooms.pin("tea").adopt(&bus.Snapshot{Revision: 1, Room: &bus.Room{
		ID: "tea", Creator: creator.id,
		Members: []bus.Member{{ID: creator.id, Gateway: ownGateway}, {ID: proto.NewPeerID(pacedGateway), Gateway: pacedGateway}},
	}})
	return gw, creator, egress.New(egress.Config{Caused: 1000}).Client(netip.Addr{})
}

// TestRelay_NobodyReached_PaysNothing: nothing was sent, so the client may try again.
func TestRelay_NobodyReached_PaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw, creator, budget := newPaidRoom()
		f := link.Frame{From: creator.id, Room: "tea", Data: make([]byte, 3900)}
		gw.rooms.cfg.Relays = lostRelays{}
		for range 3 {
			if out := gw.rooms.Relay(f, budget); !out.NoneReached || len(out.Missed) != 1 {
				t.Fatalf("other gateway cannot be reached: got %+v, want NoneReached and the member missed", out)
			}
		}
		gw.rooms.cfg.Relays = testRelays{}
		if out := gw.rooms.Relay(f, budget); out.NoneReached || out.Short.Limit != "" {
			t.Errorf("when it can be reached: got %+v, want the message sent", out)
		}
		if out := gw.rooms.Relay(f, budget); out.Short.Limit != egress.Caused {
			t.Errorf("the next message: got %+v, want a refusal of %s", out, egress.Caused)
		}
	})
}

// TestPayMemberUpdate_Member_PaysForAllReceivers: as for an update of the settings; a peer that
// is no member, whom the room service refuses, pays nothing.
func TestPayMemberUpdate_Member_PaysForAllReceivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw, creator, budget := newPaidRoom()
		for range 100 {
			if short := gw.rooms.PayMemberUpdate("tea", proto.NewPeerID(ownGateway), 1000, budget); short.Limit != "" {
				t.Fatalf("not a member: got %+v, want no refusal", short)
			}
		}
		paid := 0
		for ; paid < 10 && gw.rooms.PayMemberUpdate("tea", creator.id, 1000, budget).Limit == ""; paid++ {
		}
		if paid != 1 { // 4,000 bytes at once, and an update costs twice 1,000 and more
			t.Errorf("updates of 1,000 bytes to 2 members: got %d, want 1", paid)
		}
	})
}

// TestPayRole_HandOver_PaysForBothUpdates: Member_Updated and Room_Updated.
func TestPayRole_HandOver_PaysForBothUpdates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw, creator, _ := newPaidRoom()
		member := gw.rooms.get("tea").state.Room.Members[1].ID
		cost := func(role proto.Role) time.Duration {
			budget := egress.New(egress.Config{Caused: 1000}).Client(netip.Addr{})
			if short := gw.rooms.PayRole("tea", creator.id, member, role, budget); short.Limit != "" {
				t.Fatalf("%s: got %+v, want no refusal", role, short)
			}
			budget.Spend(4000)
			return budget.Answer(0).Wait
		}
		moderator, handOver := cost(proto.RoleModerator), cost(proto.RoleCreator)
		if handOver < moderator*3/2 {
			t.Errorf("got %v of debt for a hand-over, %v for a moderator; want about twice as much", handOver, moderator)
		}
	})
}

// TestPayBan_ManyBans_PaysForAllOfThem: the change has the whole list, for each gateway.
func TestPayBan_ManyBans_PaysForAllOfThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw, creator, budget := newPaidRoom()
		for range 100 {
			if short := gw.rooms.PayBan("tea", proto.NewPeerID(ownGateway), budget); short.Limit != "" {
				t.Fatalf("not a moderator: got %+v, want no refusal", short)
			}
		}
		owed := func() time.Duration {
			budget := egress.New(egress.Config{Caused: 1000}).Client(netip.Addr{})
			if short := gw.rooms.PayBan("tea", creator.id, budget); short.Limit != "" {
				t.Fatalf("got %+v, want no refusal", short)
			}
			return budget.Answer(0).Wait
		}
		none := owed()
		gw.rooms.get("tea").state.Room.Banned = make([]proto.Ban, proto.MaxBans)
		if all := owed(); none != 0 || all < 10*time.Second {
			t.Errorf("got %v of debt in a room without bans, %v with %d; want none, and 10s or more", none, all, proto.MaxBans)
		}
	})
}

// TestPayUpdate_CreatorInDebt_RefusesBeforeTheWork: the cost is found in work for each member,
// which a client must not cause for nothing.
func TestPayUpdate_CreatorInDebt_RefusesBeforeTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw, creator, budget := newPaidRoom()
		asked := 0
		r := gw.rooms.get("tea")
		r.local[creator.id] = &localMember{Member: countedMember{creator, &asked}}
		r.state.Room.Members = append(r.state.Room.Members, make([]bus.Member, proto.FullListMembers)...)
		budget.Spend(9000)
		short := gw.rooms.PayUpdate("tea", creator.id, new(bus.Request), budget)
		if short.Limit != egress.Caused || asked != 0 {
			t.Fatalf("in debt: got %+v after %d questions to members, want a refusal of %s without one", short, asked, egress.Caused)
		}
		time.Sleep(9 * time.Second)
		if short := gw.rooms.PayUpdate("tea", creator.id, new(bus.Request), budget); short.Limit != "" || asked == 0 {
			t.Errorf("debt paid: got %+v after %d questions to members, want no refusal and at least 1", short, asked)
		}
	})
}

// TestPayBan_MembersUseUpTheRoom_IsPossible: those whom a moderator would ban must not be able
// to prevent it.
func TestPayBan_MembersUseUpTheRoom_IsPossible(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw, creator, _ := newPaidRoom()
		budgets := egress.New(egress.Config{Caused: 1000, Room: 1000})
		r := gw.rooms.get("tea")
		budgets.Client(netip.Addr{}).SpendFanout(&r.budget, 9000, 1)
		budget := budgets.Client(netip.Addr{})
		if short := budget.CanFanout(&r.budget, 1, 1); short.Limit != egress.Room {
			t.Fatalf("a message: got %+v, want a refusal of %s", short, egress.Room)
		}
		if short := gw.rooms.PayBan("tea", creator.id, budget); short.Limit != "" {
			t.Errorf("a ban: got %+v, want no refusal", short)
		}
		budget.Spend(9000)
		if short := gw.rooms.PayBan("tea", creator.id, budget); short.Limit != egress.Caused {
			t.Errorf("a ban by a moderator in debt: got %+v, want a refusal of %s", short, egress.Caused)
		}
	})
}

// TestAnswerLate_RoleThatChangesNothing_IsPaid: PayRole charges the creator alone, and the
// former creator may repeat its request.
func TestAnswerLate_RoleThatChangesNothing_IsPaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw, _, budget := newPaidRoom()
		r, former := gw.rooms.get("tea"), gw.member()
		budget.Spend(3900) // of 4,000 at once
		call := &Call{Request: Request{Event: proto.SetRole, By: former.id, Client: r.state.Room.Creator, Role: proto.RoleCreator}, Member: former, Answered: make(chan struct{}), Budget: budget}
		if err := r.answerLate(call, 1); err != nil {
			t.Fatal(err)
		}
		if sent, short := len(former.sent()), budget.Answer(0); sent != 1 || short.Limit != egress.Caused {
			t.Errorf("got %d answers and %+v, want 1 and a debt", sent, short)
		}
	})
}
