package directory

import (
	"sync"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/proto"
)

// Bounds of the peers that are remembered as absent.
const (
	absentFor = 2 * time.Second
	maxAbsent = 4096
)

// absent remembers for a moment which peers no gateway has, so that the client does not ask
// the directory for each frame. The zero value is ready. Safe for concurrent use.
type absent struct {
	mu  sync.Mutex
	all map[proto.PeerID]clock.Instant
}

func (a *absent) has(p proto.PeerID, now clock.Instant) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, ok := a.all[p]
	return ok && now.Sub(at) < absentFor
}

func (a *absent) add(p proto.PeerID, now clock.Instant) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.all == nil || len(a.all) >= maxAbsent { // the client asks the directory for them again
		a.all = make(map[proto.PeerID]clock.Instant)
	}
	a.all[p] = now
}
