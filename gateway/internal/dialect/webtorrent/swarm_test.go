package webtorrent

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/proto"
)

const one, two proto.GatewayID = "91be04d7", "0123abcd"

func named(s string) (x id) { copy(x[:], s); return x }

// arrive makes n new peers of gateway g members of swarm h.
func arrive(t *testing.T, x *swarms, h id, g proto.GatewayID, n int, at clock.Instant) (peers []proto.PeerID) {
	t.Helper()
	for i := range n {
		p := proto.NewPeerID(g)
		if _, _, why := x.announce(p, &message{hash: h, peer: named(fmt.Sprint(i, p)), event: started}, at); why != "" {
			t.Fatalf("member %d: got %q, want it to be accepted", i, why)
		}
		peers = append(peers, p)
	}
	return peers
}

// TestDraw_EveryMember_IsAsLikely: offers go to different members, never to their sender, and
// to each of the others equally often.
func TestDraw_EveryMember_IsAsLikely(t *testing.T) {
	x, h, now := newSwarms(100, 1000), named("h"), clock.Now()
	peers := arrive(t, x, h, one, 10, now)
	const rounds = 3000
	got := make(map[proto.PeerID]int)
	for range rounds {
		_, drawn, _ := x.announce(peers[4], &message{hash: h, peer: named("4"), event: update, offers: make([]offer, 3)}, now)
		for i, p := range drawn {
			got[p]++
			if slices.Contains(drawn[:i], p) {
				t.Fatalf("got %v twice, want it once", p)
			}
		}
	}
	for i, p := range peers {
		want := rounds * 3 / 9
		if p == peers[4] {
			want = 0
		}
		if d := got[p] - want; d > 200 || d < -200 || want == 0 && got[p] > 0 {
			t.Errorf("member %d: got %d offers, want about %d", i, got[p], want)
		}
	}
	if _, drawn, _ := x.announce(peers[0], &message{hash: h, peer: named("0"), event: update, offers: make([]offer, 20)}, now); len(drawn) != 9 {
		t.Errorf("20 offers for 9 others: got %d, want 9", len(drawn))
	}
}

// TestAnnounce_SwarmIsFull_RefusesFurther: at the edge of the members of a swarm.
func TestAnnounce_SwarmIsFull_RefusesFurther(t *testing.T) {
	x, h, now := newSwarms(3, 100), named("h"), clock.Now()
	peers := arrive(t, x, h, one, 3, now)
	further := &message{hash: h, peer: named("x"), event: started}
	c, _, why := x.announce(proto.NewPeerID(one), further, now)
	if why != "the swarm is full" || c.incomplete != 3 {
		t.Errorf("the fourth: got %q with %d members, want a refusal with 3", why, c.incomplete)
	}
	if _, _, why := x.announce(peers[0], &message{hash: h, peer: named("0"), event: update}, now); why != "" {
		t.Errorf("a member announces again: got %q, want no refusal", why)
	}
	x.announce(peers[1], &message{hash: h, event: stopped}, now)
	if _, _, why := x.announce(proto.NewPeerID(one), further, now); why != "" {
		t.Errorf("after one has left: got %q, want no refusal", why)
	}
}

// TestAnnounce_TrackerIsFull_RefusesFurther: at the edge of the members of all swarms.
func TestAnnounce_TrackerIsFull_RefusesFurther(t *testing.T) {
	x, now := newSwarms(3, 4), clock.Now()
	arrive(t, x, named("a"), one, 3, now)
	arrive(t, x, named("c"), one, 1, now)
	if _, _, why := x.announce(proto.NewPeerID(one), &message{hash: named("b"), event: started}, now); why != "the tracker is full" {
		t.Errorf("got %q, want a refusal", why)
	}
	if swarms, members := x.len(); swarms != 2 || members != 4 {
		t.Errorf("got %d swarms with %d members, want 2 with 4", swarms, members)
	}
}

// TestNamed_SamePeerID_FirstAndLastGetAnswers: a client whose connection broke without its end
// being known is reached by its new connection; connections that use the id of another neither
// remove it from the swarm nor take its answers; and many with one id do not multiply answers.
func TestNamed_SamePeerID_FirstAndLastGetAnswers(t *testing.T) {
	x, h, now := newSwarms(100, 1000), named("h"), clock.Now()
	var peers []proto.PeerID
	for range 4 {
		peers = append(peers, proto.NewPeerID(one))
		x.announce(peers[len(peers)-1], &message{hash: h, peer: named("same"), event: started, done: true}, now)
	}
	x.announce(peers[2], &message{hash: h, peer: named("same"), event: update}, now)
	expect := func(what string, from proto.PeerID, want ...proto.PeerID) {
		t.Helper()
		if got := x.named(h, named("same"), from); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v of %v", what, got, want, peers)
		}
	}
	expect("four", "", peers[0], peers[3])
	expect("from the first", peers[0], peers[1], peers[3])
	expect("from the last", peers[3], peers[0], peers[2])
	if got := x.scrape([]id{h})[0]; got != (counts{4, 0, 4}) {
		t.Errorf("got %+v, want four members that are complete", got)
	}
	x.announce(peers[0], &message{hash: h, peer: named("another"), event: update}, now)
	expect("the first has taken another id", "", peers[1], peers[3])
	x.announce(peers[1], &message{hash: h, event: stopped}, now)
	x.announce(peers[2], &message{hash: h, event: stopped}, now)
	expect("one is left", "", peers[3])
	expect("from itself", peers[3])
}

func everyGateway(proto.GatewayID) bool { return true }

// TestSweep_SilentMembers_AreRemoved, and with the last of them the swarm.
func TestSweep_SilentMembers_AreRemoved(t *testing.T) {
	x, h, now := newSwarms(100, 1000), named("h"), clock.Now()
	arrive(t, x, h, one, 2, now)
	arrive(t, x, h, one, 1, now.Add(time.Minute))
	x.sweep(now.Add(silentFor), everyGateway)
	if _, n := x.len(); n != 3 {
		t.Errorf("at the edge: got %d members, want 3", n)
	}
	x.sweep(now.Add(silentFor+time.Second), everyGateway)
	if _, n := x.len(); n != 1 {
		t.Errorf("beyond it: got %d members, want 1", n)
	}
	x.sweep(now.Add(silentFor+2*time.Minute), everyGateway)
	if s, n := x.len(); s != 0 || n != 0 {
		t.Errorf("at the end: got %d swarms with %d members, want none", s, n)
	}
}

// TestSweep_VeryManyMembers_AreLookedAtInTurn: one sweep looks at 8,192, and the sweeps of a
// pass miss none, although others join and leave between them.
func TestSweep_VeryManyMembers_AreLookedAtInTurn(t *testing.T) {
	const sweepMembers = 8192
	x, now := newSwarms(1<<19, 1<<19), clock.Now()
	late := now.Add(silentFor + time.Second)
	leave := func(h string, p proto.PeerID) { x.announce(p, &message{hash: named(h), event: stopped}, late) }
	alive := arrive(t, x, named("b"), one, sweepMembers, late)
	silent := arrive(t, x, named("a"), one, sweepMembers*3/2, now)
	x.sweep(late, everyGateway)
	if _, n := x.len(); n != sweepMembers*3/2 {
		t.Errorf("one sweep: got %d members left, want %d", n, sweepMembers*3/2)
	}
	leave("b", alive[0])
	leave("a", silent[1])
	x.sweep(late, everyGateway)
	arrive(t, x, named("b"), one, 7, late)
	leave("b", alive[1])
	x.sweep(late, everyGateway)
	if s, n := x.len(); s != 1 || n != sweepMembers+5 {
		t.Errorf("a pass: got %d swarms with %d members, want 1 with %d", s, n, sweepMembers+5)
	}
	if got, want := x.scrape([]id{named("b")})[0], (counts{incomplete: sweepMembers + 5}); got != want {
		t.Errorf("a pass: got %+v, want %+v", got, want)
	}
}

func TestSweep_DeadGateways_LoseTheirMembers(t *testing.T) {
	x, h, now := newSwarms(100, 1000), named("h"), clock.Now()
	left := arrive(t, x, h, one, 3, now)
	arrive(t, x, h, two, 5, now)
	x.sweep(now, func(g proto.GatewayID) bool { return g == one })
	if got := x.scrape([]id{h})[0]; got.incomplete != 3 {
		t.Errorf("got %+v, want 3 members", got)
	}
	_, drawn, _ := x.announce(left[0], &message{hash: h, event: update, offers: make([]offer, 9)}, now)
	slices.Sort(drawn)
	want := slices.Sorted(slices.Values(left[1:]))
	if !slices.Equal(drawn, want) {
		t.Errorf("got %v drawn, want %v", drawn, want)
	}
}

// TestHomeOf_GatewayLeaves_MovesOnlyItsSwarms: homes are spread evenly, and a change moves no
// more swarms than it must.
func TestHomeOf_GatewayLeaves_MovesOnlyItsSwarms(t *testing.T) {
	h := homes{own: one}
	all := []proto.GatewayID{one, two, "ffffffff", "00000000"}
	got := make(map[proto.GatewayID]int)
	for i := range 4000 {
		hash := named(fmt.Sprint(i))
		home := h.homeOf(hash, all)
		got[home]++
		if rest := h.homeOf(hash, all[1:]); home != all[0] && rest != home {
			t.Fatalf("swarm %d: got home %s after %s has left, want %s as before", i, rest, all[0], home)
		}
	}
	for _, g := range all {
		if got[g] < 800 || got[g] > 1200 {
			t.Errorf("%s: got %d of 4000 swarms, want about 1000", g, got[g])
		}
	}
	if got := h.homeOf(named("x"), nil); got != one {
		t.Errorf("without any gateway: got %s, want %s", got, one)
	}
}
