package room

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// strangerAsks makes one more peer wait, and returns the room's revision.
func strangerAsks(r *replica, revision uint64) uint64 {
	r.apply(&bus.Change{Room: "tea", Creator: r.state.Room.Creator, Before: revision, After: revision + 1, Waiting: []bus.Member{
		{ID: proto.NewPeerID(pacedGateway), Gateway: pacedGateway},
	}})
	return revision + 1
}

// TestUpdates_StrangersAskAgainAndAgain_DoNotFloodModerators: the list may have 70 kB, and
// whoever knows a room's id can change it.
func TestUpdates_StrangersAskAgainAndAgain_DoNotFloodModerators(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw, creator, _ := newPaidRoom()
		r := gw.rooms.get("tea")
		creator.sent()
		revision := uint64(1)
		for range 3 * time.Second / updatePause {
			revision = strangerAsks(r, revision)
			time.Sleep(updatePause) // of the bubble's clock
			synctest.Wait()
		}
		if got := len(creator.sent()); got < 2 || got > 4 {
			t.Errorf("in 3s: got %d updates about who waits, want one a second", got)
		}
		revision = strangerAsks(r, revision)
		r.apply(&bus.Change{Room: "tea", Creator: creator.id, Before: revision, After: revision + 1, Added: []bus.Member{{ID: proto.NewPeerID(pacedGateway), Gateway: pacedGateway}}})
		time.Sleep(updatePause)
		synctest.Wait()
		if got := events(creator); got != "Client_Added Waiting_Updated" {
			t.Errorf("a member is added: got %q after %v, want Client_Added and with it who waits", got, updatePause)
		}
		gw.rooms.Stop()
	})
}

// TestAsk_ManyWait_PaysForTheList: each moderator gets all that wait.
func TestAsk_ManyWait_PaysForTheList(t *testing.T) {
	metadata := []byte(`"` + strings.Repeat("x", 1000) + `"`)
	owed := func(moderators int) (wait time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			gw, _, budget := newPaidRoom()
			r, m := gw.rooms.get("tea"), gw.member()
			for range moderators {
				r.state.Room.Members = append(r.state.Room.Members, bus.Member{ID: proto.NewPeerID(pacedGateway), Gateway: pacedGateway, Moderator: true})
			}
			for range 10 {
				r.state.Room.Waiting = append(r.state.Room.Waiting, bus.Member{ID: proto.NewPeerID(pacedGateway), Gateway: pacedGateway, Metadata: metadata})
			}
			r.begin("ask", &Call{Request: Request{Event: proto.JoinRoom, By: m.id, Ask: true}, Member: m, Answered: make(chan struct{}), Budget: budget})
			r.apply(&bus.Change{Room: "tea", Creator: r.state.Room.Creator, Before: 1, After: 2, Waiting: []bus.Member{{ID: m.id, Op: "ask"}}})
			if got := events(m); got != "Join_Waiting" {
				t.Errorf("got %q, want Join_Waiting", got)
			}
			wait = budget.Answer(0).Wait
			gw.rooms.Stop()
		})
		return wait
	}
	// The budget has 4,000 bytes at once and 1,000 a second.
	if one, three := owed(0), owed(2); one < 5*time.Second || three < one+10*time.Second {
		t.Errorf("got %v of debt for the creator alone, %v with two moderators; want 5s or more, and 10s or more for the moderators", one, three)
	}
}
