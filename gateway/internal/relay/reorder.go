package relay

import (
	"sync/atomic"
	"time"

	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Bounds of the reorder buffer.
const (
	MaxReorder      = 1024             // frames
	ReorderLimit    = 10 * time.Second // frames that wait longer are reported as not delivered
	maxReorderBytes = 16 << 20
)

// reorderBuffer holds room messages whose sender's gateway knows a newer state of the room
// than this gateway. Until that state arrives, this gateway does not know which of its
// members are to get them. Everything else that the same sender sends meanwhile, to rooms
// or to peers, waits behind them. All of it has been acknowledged, so this gateway reports
// to the senders what it cannot deliver.
//
// The reader of the inbox owns it; wanted and frames may be used concurrently.
type reorderBuffer struct {
	bySender map[proto.PeerID][]held
	bytes    int
	frames   atomic.Int64
	wanted   atomic.Bool // asks the reader to look for frames to release
}

// held is a relay that waits.
type held struct {
	in      bus.Inbound
	epoch   uint64 // of the sender's session
	toEpoch uint64 // of the receiver's, by which the relay was routed
	msg     natsbus.Message
	since   time.Time
}

// holds reports whether frames of a sender wait.
func (b *reorderBuffer) holds(from proto.PeerID) bool {
	return len(b.bySender) > 0 && len(b.bySender[from]) > 0
}

// add appends a relay to those of its sender; it returns false when the buffer is full.
func (b *reorderBuffer) add(from proto.PeerID, h held) bool {
	if b.frames.Load() >= MaxReorder || b.bytes+len(h.msg.Data) > maxReorderBytes {
		return false
	}
	if b.bySender == nil {
		b.bySender = make(map[proto.PeerID][]held)
	}
	h.since = time.Now()
	b.bySender[proto.PeerID([]byte(from))] = append(b.bySender[from], h) // from may point into a message
	b.bytes += len(h.msg.Data)
	b.frames.Add(1)
	return true
}

// pop removes the first frame of a sender.
func (b *reorderBuffer) pop(from proto.PeerID) {
	h := b.bySender[from]
	b.bytes -= len(h[0].msg.Data)
	b.frames.Add(-1)
	if h = h[1:]; len(h) == 0 {
		delete(b.bySender, from)
		return
	}
	b.bySender[from] = h
}

// ReleaseSoon makes the reader of the inbox look at the reorder buffer. It may be called
// concurrently.
func (l *Links) ReleaseSoon() {
	if l.reorder.frames.Load() == 0 {
		return
	}
	l.reorder.wanted.Store(true)
	l.cfg.Wake()
}

// Release delivers the held frames whose turn has come, and reports those that have
// waited too long; with all, everything that still waits.
func (l *Links) Release(all bool) {
	for from, frames := range l.reorder.bySender {
		for i := range frames {
			if !l.releaseOne(from, &frames[i], all) {
				break
			}
			l.reorder.pop(from)
		}
	}
}

// releaseOne delivers or reports the first frame of a sender; it returns false when the
// frame still waits.
func (l *Links) releaseOne(from proto.PeerID, h *held, all bool) (released bool) {
	released = true // also when its handling panics
	defer l.Recover(h.msg)
	refusal, known := l.handOver(from, h)
	if !known {
		if !all && time.Since(h.since) < ReorderLimit {
			return false
		}
		refusal.Code = proto.NotDelivered
	}
	l.reportHeld(h, &refusal)
	return true
}

// reportHeld reports the peers that a held frame has not reached. Those that have moved
// are among them: a later frame of the same sender may have reached them already.
func (l *Links) reportHeld(h *held, x *bus.Refusal) {
	missed := x.Peers
	for _, m := range x.Moved {
		missed = append(missed, m.Peer)
	}
	switch {
	case x.Code == "" && len(x.Moved) == 0:
	case h.in.Kind == bus.KindPeer && x.Code == proto.Unauthorised:
		l.reportRefused(h.msg.Data, x.Code, proto.PeerID(h.in.First))
	case h.in.Kind == bus.KindPeer:
		l.reportFrame(h.msg.Data, proto.PeerID(h.in.First))
	default:
		l.reportFrame(h.msg.Data, missed...)
	}
}

// ReleaseWanted does what ReleaseSoon asks for. The reader of the inbox calls it.
func (l *Links) ReleaseWanted() {
	if l.reorder.wanted.Swap(false) {
		l.Release(false)
	}
}

// Held returns how many frames wait in the reorder buffer.
func (l *Links) Held() int64 { return l.reorder.frames.Load() }
