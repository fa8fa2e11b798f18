package gateway

import (
	"sync/atomic"
	"time"

	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Bounds of the reorder buffer. Frames that wait longer than reorderLimit are reported as
// not delivered.
const (
	maxReorder      = 1024
	maxReorderBytes = 16 << 20
	reorderLimit    = 10 * time.Second
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
	in    bus.Inbound
	sent  bus.Sent
	msg   natsbus.Message
	since time.Time
}

// holds reports whether frames of a sender wait.
func (b *reorderBuffer) holds(from proto.PeerID) bool {
	return len(b.bySender) > 0 && len(b.bySender[from]) > 0
}

// add appends a relay to those of its sender; it returns false when the buffer is full.
func (b *reorderBuffer) add(from proto.PeerID, h held) bool {
	if b.frames.Load() >= maxReorder || b.bytes+len(h.msg.Data) > maxReorderBytes {
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

// releaseSoon makes the reader of the inbox look at the reorder buffer. It may be called
// concurrently.
func (g *Gateway) releaseSoon() {
	if g.reorder.frames.Load() == 0 {
		return
	}
	g.reorder.wanted.Store(true)
	g.bus.Inbox.Wake()
}

// release delivers the held frames whose turn has come, and reports those that have
// waited too long; with all, everything that still waits.
func (g *Gateway) release(all bool) {
	for from, frames := range g.reorder.bySender {
		for i := range frames {
			if !g.releaseOne(from, &frames[i], all) {
				break
			}
			g.reorder.pop(from)
		}
	}
}

// releaseOne delivers or reports the first frame of a sender; it returns false when the
// frame still waits.
func (g *Gateway) releaseOne(from proto.PeerID, h *held, all bool) (released bool) {
	released = true // also when its handling panics
	defer g.recoverFrom(h.msg)
	refusal, known := g.handOver(from, h)
	if !known {
		if !all && time.Since(h.since) < reorderLimit {
			return false
		}
		refusal.Code = proto.NotDelivered
	}
	g.reportHeld(h, &refusal)
	return true
}

// reportHeld reports the peers that a held frame has not reached. Those that have moved
// are among them: a later frame of the same sender may have reached them already.
func (g *Gateway) reportHeld(h *held, x *bus.Refusal) {
	missed := x.Peers
	for _, m := range x.Moved {
		missed = append(missed, m.Peer)
	}
	switch {
	case x.Code == "" && len(x.Moved) == 0:
	case h.in.Kind == bus.KindPeer && x.Code == proto.Unauthorised:
		g.reportRefused(h.msg.Data, x.Code, proto.PeerID(h.in.First))
	case h.in.Kind == bus.KindPeer:
		g.reportFrame(h.msg.Data, proto.PeerID(h.in.First))
	default:
		g.reportFrame(h.msg.Data, missed...)
	}
}
