package webtorrent_test

import (
	"fmt"
	"testing"

	"p2pconnector/e2e/kit"
)

// TestAnnounce_TwoGateways_OffersAndAnswersArrive: clients of different gateways find each
// other, whichever gateway is the home of their swarm.
func TestAnnounce_TwoGateways_OffersAndAnswersArrive(t *testing.T) {
	s := start(t, kit.Options{})
	ann, ben := dial(t, s, 0, "ann"), dial(t, s, 1, "ben")
	for _, hash := range hashes() {
		ann.join(hash, 0, 1)
		all := offers("ben", 3)
		ben.announce(hash, object{"event": "started", "offers": all, "left": 0})
		ben.expectReply(hash, 1, 1)
		first := all[0].(object)
		ann.expect(object{"action": "announce", "offer": first["offer"], "offer_id": first["offer_id"], "peer_id": ben.id, "info_hash": hash})
		ann.send(object{
			"action": "announce", "info_hash": hash, "peer_id": ann.id, "to_peer_id": ben.id,
			"answer": object{"type": "answer", "sdp": "v=0\r\n"}, "offer_id": first["offer_id"],
		})
		ben.expect(object{"action": "announce", "answer": object{"type": "answer", "sdp": "v=0\r\n"}, "offer_id": first["offer_id"], "peer_id": ann.id, "info_hash": hash})
	}
	ann.expectNothing()
	ben.expectNothing()
}

// TestAnnounce_Events_AreCounted: counts follow completed, stopped, and the end of connections,
// and are the same at both gateways.
func TestAnnounce_Events_AreCounted(t *testing.T) {
	s := start(t, kit.Options{})
	ann, ben, cid := dial(t, s, 0, "ann"), dial(t, s, 1, "ben"), dial(t, s, 1, "cid")
	for _, hash := range hashes() {
		ann.join(hash, 0, 1)
		ben.join(hash, 0, 2)
		ben.announce(hash, object{"event": "paused"})
		ben.expectReply(hash, 0, 2)
		ann.announce(hash, object{"event": "completed", "left": 0})
		ann.expectReply(hash, 1, 1)
		ann.announce(hash, object{"left": 5}) // complete is complete
		ann.expectReply(hash, 1, 1)
		cid.announce(hash, object{"left": "0", "event": "empty"})
		cid.expectReply(hash, 2, 1)
		ben.await(hash, 2, 1, 2)
		ann.announce(hash, object{"event": "stopped"})
		ann.expectReply(hash, 1, 1)
		ann.announce(hash, object{"event": "stopped"})
		ann.expectReply(hash, 1, 1)
		ben.await(hash, 1, 1, 1)
	}
	cid.Drop()
	for _, hash := range hashes() {
		ann.await(hash, 0, 1, 1)
		ben.announce(hash, object{"event": "stopped"})
		ben.expectReply(hash, 0, 0)
	}
}

// TestAnnounce_ManyMembers_OffersGoToDifferentOnes: each offer goes to one member, and no member
// gets two of one announce.
func TestAnnounce_ManyMembers_OffersGoToDifferentOnes(t *testing.T) {
	s := start(t, kit.Options{})
	hash, members := binary("swarm"), []*client(nil)
	for i := range 10 {
		c := dial(t, s, i%2, fmt.Sprintf("member %d", i))
		c.join(hash, 0, i+1)
		members = append(members, c)
	}
	ann := dial(t, s, 0, "ann")
	ann.announce(hash, object{"offers": offers("ann", 5)})
	ann.expectReply(hash, 0, 11)
	seen, got := map[any]bool{}, 0
	for _, c := range members {
		c.send(object{"action": "scrape", "info_hash": hash})
		for n := 0; ; n++ {
			x := c.next()
			if x["action"] == "scrape" {
				break
			}
			if n > 0 || seen[x["offer_id"]] {
				t.Fatalf("%q: got a second offer, or one for two members: %v", c.id, x)
			}
			seen[x["offer_id"]] = true
			got++
		}
	}
	if got != 5 {
		t.Errorf("got %d offers at members, want 5", got)
	}
	ann.expectNothing()
}

// TestAnswer_IDsOfOthers_DoNotCross: an answer reaches only members of the same swarm, and
// clients that use the id of another do not take its place.
func TestAnswer_IDsOfOthers_DoNotCross(t *testing.T) {
	s := start(t, kit.Options{})
	one, two := binary("one"), binary("two")
	ann, ben := dial(t, s, 0, "ann"), dial(t, s, 1, "ben")
	eve, mallory := dial(t, s, 1, "ann"), dial(t, s, 1, "ann")
	ann.join(one, 0, 1)
	ben.join(two, 0, 1)
	ben.send(object{"action": "announce", "info_hash": two, "peer_id": ben.id, "to_peer_id": ann.id, "answer": object{}, "offer_id": "x"})
	ben.expectNothing()
	ann.expectNothing()
	eve.join(one, 0, 2)
	mallory.join(one, 0, 3)
	ben.join(one, 0, 4)
	ben.send(object{"action": "announce", "info_hash": one, "peer_id": ben.id, "to_peer_id": ann.id, "answer": object{}, "offer_id": "x"})
	ann.expect(object{"action": "announce", "answer": object{}, "offer_id": "x", "peer_id": ben.id, "info_hash": one})
	eve.Drop()
	mallory.Drop()
	ben.await(one, 0, 2, 0)
	ann.expectNothing()
}

// TestGateway_Killed_SwarmsFindNewHomes: the members at the gateway that is left are registered
// with the new homes of their swarms, and asked to announce again; those of the other gateway
// are gone.
func TestGateway_Killed_SwarmsFindNewHomes(t *testing.T) {
	s := start(t, kit.Options{Processes: true})
	ann, far := dial(t, s, 0, "ann"), dial(t, s, 1, "far")
	moved := map[any]bool{}
	for _, hash := range hashes() {
		ann.join(hash, 0, 1)
		far.join(hash, 0, 2)
	}
	s.KillGateway(t, 1)
	ben := dial(t, s, 0, "ben")
	for _, hash := range hashes() {
		ben.await(hash, 0, 1, 0)
	}
	for _, hash := range hashes() {
		ben.announce(hash, object{"offers": offers("ben", 5)})
		ben.expectReply(hash, 0, 2)
	}
	for got := 0; got < len(hashes()); {
		switch x := ann.next(); {
		case x["offer"] != nil:
			got++
		case x["interval"].(float64) < 120:
			moved[x["info_hash"]] = true // again, if the home died before it acknowledged the announce
		default:
			t.Fatalf("got %v, want an offer, or that ann shall announce again", x)
		}
	}
	if len(moved) == 0 || len(moved) == len(hashes()) {
		t.Errorf("got %d of %d swarms moved, want some of them", len(moved), len(hashes()))
	}
}

// TestGateway_Drained_HomesMoveBefore: swarms leave a gateway that drains while it still
// answers.
func TestGateway_Drained_HomesMove(t *testing.T) {
	s := start(t, kit.Options{})
	ann := dial(t, s, 0, "ann")
	for _, hash := range hashes() {
		ann.join(hash, 0, 1)
	}
	s.StopGateway(t, 1)
	ben := dial(t, s, 0, "ben")
	for _, hash := range hashes() {
		ben.await(hash, 0, 1, 0)
	}
	s.StartGateway(t, 1)
	cid := dial(t, s, 1, "cid")
	for _, hash := range hashes() {
		cid.await(hash, 0, 1, 0)
	}
}
