package gateway

import (
	"sync"
	"sync/atomic"
	"time"

	"p2pconnector/proto"
)

// orphanLead is how far the tokens of an orphan run ahead: a holder that was only
// out of reach may have issued some that the client never got, and its session
// must be told from the one that was taken over.
const orphanLead = 1 << 20

// eraOf is how often a session was taken over without its holder's word, by the
// count of its newest token. Tokens that a session has in plenty only make its
// era a later one.
func eraOf(count uint64) uint64 { return count / orphanLead }

// maxMoves is how often a session can be handed on until it shows no more.
const maxMoves = 1<<16 - 1

// eraLocked numbers the holders that the session has had, each later than the ones
// before: one that took it over without its holder's word, by the count of its tokens,
// and one that it was handed to.
func (s *session) eraLocked() uint64 { return eraOf(s.count)*(maxMoves+1) + min(s.moves, maxMoves) }

// Bounds of what is remembered of eras. A gateway that was out of reach for longer
// has no client left whose frames it could still read.
const (
	maxEras   = 1 << 16
	eraMemory = 5 * time.Minute
)

// eras knows the newest era of each sender that is not in its first, by what its
// gateways say. One that was out of reach when the session was taken over may have
// frames of it that its client sent before, on a connection that it has left since;
// and those that the last holder sent may wait in a NATS server that hangs, while
// those of the present one find another way. They must not come behind those that it
// sends now. Safe for concurrent use.
type eras struct {
	n atomic.Int64 // of all; the relay path looks no further when 0

	mu  sync.RWMutex
	all map[proto.PeerID]era
}

type era struct {
	number uint64
	heard  int64 // coarse, Unix nanoseconds
}

// overtaken reports whether a frame that from sent in an era comes behind those
// that it has sent in a later one, as far as this gateway has seen. It keeps no
// reference to from.
func (t *eras) overtaken(from proto.PeerID, number uint64, now int64) bool {
	if number == 0 && t.n.Load() == 0 {
		return false
	}
	t.mu.RLock()
	e, known := t.all[from]
	t.mu.RUnlock()
	if number >= e.number && number > 0 && (number > e.number || now-e.heard > int64(time.Second)) {
		t.note(from, number, now, known)
	}
	return number < e.number
}

func (t *eras) note(from proto.PeerID, number uint64, now int64, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !known && len(t.all) >= maxEras {
		return
	}
	if t.all == nil {
		t.all = make(map[proto.PeerID]era)
	}
	t.all[proto.PeerID([]byte(from))] = era{max(number, t.all[from].number), now}
	t.n.Store(int64(len(t.all)))
}

// sweep forgets senders that have not been heard for long.
func (t *eras) sweep(now int64) {
	if t.n.Load() == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, e := range t.all {
		if now-e.heard > int64(eraMemory) {
			delete(t.all, id)
		}
	}
	t.n.Store(int64(len(t.all)))
}

// overtaken reports whether the sender's present holder has overtaken a frame.
func (g *Gateway) overtaken(era uint64, frame []byte) bool {
	from := proto.RelaySender(frame)
	return from != nil && g.eras.overtaken(proto.PeerID(view(from)), era, g.coarse.Load())
}
