package gateway

import (
	"slices"
	"time"

	"p2pconnector/proto"
)

// Bounds of what is remembered of members that have moved to other gateways.
const (
	maxMoved    = 256              // of one room
	maxAllMoved = 1 << 14          // of rooms without a member here
	movedTime   = 10 * time.Second // relays that are older have been given up
)

// movedMember is a member that has moved to another gateway.
type movedMember struct {
	peer  proto.PeerID
	to    proto.GatewayID
	epoch uint64
	at    uint64    // revision of the room that says so
	since time.Time // when this gateway learned it
}

// movedMembers remembers which members of a room have moved to other gateways: a message may
// still come for them whose sender does not know, and goes back to be sent on. The replica
// holds it, and the table of rooms when the last member here was among them.
type movedMembers struct {
	members   []movedMember // oldest first
	forgotten uint64        // revision of the last one that had to give way
}

// add remembers a member that has moved at a revision.
func (d *movedMembers) add(m *proto.Member, at uint64) {
	if len(d.members) >= maxMoved {
		d.forgotten = d.members[0].at
		d.members = append(d.members[:0:0], d.members[1:]...)
	}
	d.members = append(d.members, movedMember{m.ID, m.Holder(), m.Epoch, at, time.Now()})
}

// fresh reports whether a message for one of them may still come.
func (d *movedMembers) fresh() bool {
	return len(d.members) > 0 && time.Since(d.members[len(d.members)-1].since) < movedTime
}

// redirect adds to x those members that m is for, by what its sender knew of the room.
func (d *movedMembers) redirect(m *roomMessage, x *proto.Refusal) {
	for _, d := range d.members {
		late := m.view != 0 || time.Since(d.since) < backEndLate
		if late && m.view < d.at && d.peer != m.from && !slices.Contains(m.except, d.peer) {
			x.Moved = append(x.Moved, proto.Move{Peer: d.peer, Owner: d.to, Epoch: d.epoch})
		}
	}
	if m.view != 0 && m.view < d.forgotten {
		x.Code = proto.NotDelivered
	}
}

// keepMovedLocked remembers those of a replica that is dropped, as long as that matters.
func (t *rooms) keepMovedLocked(r *replica) {
	if d := r.movedAway; d.fresh() && t.movedCount+len(d.members) <= maxAllMoved {
		t.movedAway[r.token] = d
		t.movedCount += len(d.members)
	}
}

// takeMovedLocked returns what is remembered of a room, for its new replica.
func (t *rooms) takeMovedLocked(token string) movedMembers {
	d := t.movedAway[token]
	t.movedCount -= len(d.members)
	delete(t.movedAway, token)
	return d
}

// redirectMoved returns the outcome of a message for a room that has no member here: it
// is sent on to those who have moved. Others have left the room meanwhile.
func (t *rooms) redirectMoved(token string, m *roomMessage) (x proto.Refusal) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	d := t.movedAway[token]
	d.redirect(m, &x)
	if len(x.Moved) == 0 {
		x.Code = proto.NotDelivered
	}
	return x
}

// sweepMoved forgets members that moved so long ago that no message for them can come.
func (t *rooms) sweepMoved() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for token, d := range t.movedAway {
		if !d.fresh() {
			t.takeMovedLocked(token)
		}
	}
}
