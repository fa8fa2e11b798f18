package gateway

import (
	"sync"
	"time"

	"p2pconnector/proto"
)

// farewellAfter is how long the frames of a peer that has left are still taken
// in: those under way are passed on, or their senders told. A subscription that
// ends at once drops them without a word.
const farewellAfter = 2 * time.Second

// maxFarewells bounds them; more end at once.
const maxFarewells = 1 << 16

// farewells are the subscriptions for single peers that are about to end. Safe
// for concurrent use.
type farewells struct {
	mu  sync.Mutex
	all map[proto.PeerID]farewell
}

type farewell struct {
	due time.Time
	end func()
}

// add has end called a while from now. An earlier one of the same peer ends now.
func (t *farewells) add(peer proto.PeerID, end func()) {
	if end == nil {
		return
	}
	t.endNow(peer)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.all) >= maxFarewells {
		end()
		return
	}
	if t.all == nil {
		t.all = make(map[proto.PeerID]farewell)
	}
	t.all[peer] = farewell{time.Now().Add(farewellAfter), end}
}

// endNow ends that of a peer which has come back.
func (t *farewells) endNow(peer proto.PeerID) {
	t.mu.Lock()
	f, ok := t.all[peer]
	delete(t.all, peer)
	t.mu.Unlock()
	if ok {
		f.end()
	}
}

// tick ends those that are due.
func (t *farewells) tick(now time.Time) {
	t.mu.Lock()
	var due []farewell
	for peer, f := range t.all {
		if now.After(f.due) {
			due = append(due, f)
			delete(t.all, peer)
		}
	}
	t.mu.Unlock()
	for _, f := range due {
		f.end()
	}
}

func (t *farewells) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.all)
}
