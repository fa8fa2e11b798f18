package gateway

import (
	"p2pconnector/proto/bus"
)

// sawReply notes what a reply of the room service says about its bucket. It is
// called by the reader of the inbox, so what follows from it is done elsewhere.
//
// The revisions of a bucket are above those of every bucket before it. So a copy
// below the first revision of the present bucket is of a room that was lost.
func (g *Gateway) sawReply(reply *bus.Reply) {
	for {
		was := g.first.Load()
		if reply.First <= was {
			return
		}
		if g.first.CompareAndSwap(was, reply.First) {
			if was == 0 {
				return // the first reply of all: there was nothing to lose before
			}
			break
		}
	}
	g.kickSync()
	select { // with the rooms, the keys may be lost
	case g.keysNow <- struct{}{}:
	default:
	}
}

// endLost ends the room when it was lost.
func (r *replica) endLost() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.endLostLocked()
}

// endLostLocked tells the local members that the room has ended, when the bucket that
// it stood in was lost. Room services do not restore rooms from the gateways' copies:
// these differ in age, and no one of them can be proven to be the newest.
func (r *replica) endLostLocked() {
	if r.state.Room == nil || r.state.Revision >= r.g.first.Load() {
		return
	}
	r.g.metrics.Rooms.Lost.Inc()
	d := r.state.Lose()
	r.settleLocked(&d)
}

// lostLocked reports whether what has this revision stood in a bucket that was lost.
func (r *replica) lostLocked(revision uint64) bool { return revision < r.g.first.Load() }
