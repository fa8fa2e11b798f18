package room

import (
	"slices"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Bounds of the memory of members that have moved to other gateways.
const (
	maxMoved  = 256              // of one room
	movedTime = 10 * time.Second // older relays have been given up
)

// movedMember is a member that has moved to another gateway.
type movedMember struct {
	peer  proto.PeerID
	to    proto.GatewayID
	epoch uint64
	came  uint64    // revision of the room at which it had moved here; 0: it was here from the start
	at    uint64    // revision at which it moved away
	since time.Time // when this gateway learned it
}

// backEndLate is how long after a member has moved away a back end's message to the room is
// forwarded to it: back ends do not say which state of the room they know.
const backEndLate = 5 * time.Second

// Message is an encoded frame for the members of a room that are at this gateway. Each
// member gets it from the gateway that served the member at revision View, and so exactly
// once, even if members move at that moment.
type Message struct {
	From   proto.PeerID   // "": a back end
	Epoch  uint64         // of the sender's session
	View   uint64         // 0: no revision; the frame is for every member
	Except []proto.PeerID // members that get it as a frame of their own, or have it already
	Frame  []byte
	Reply  string // subject on which a back end receives the members that the frame did not reach
}

// Moved remembers which members of a room have moved to other gateways. A message for them
// may still arrive from a sender that does not know of the move, and goes back to be
// forwarded. Not safe for concurrent use.
type Moved struct {
	members   []movedMember // oldest first
	forgotten uint64        // revision of the last member that was evicted
}

// Add remembers a member that was here from revision came on and moved away at a revision.
func (d *Moved) Add(m *bus.Member, came, at uint64) {
	if len(d.members) >= maxMoved {
		d.forgotten = d.members[0].at
		d.members = append(d.members[:0:0], d.members[1:]...)
	}
	d.members = append(d.members, movedMember{m.ID, m.Owner(), m.Epoch, came, at, time.Now()})
}

// Len returns the number of members that are remembered.
func (d *Moved) Len() int { return len(d.members) }

// Fresh reports whether a message for a remembered member may still arrive.
func (d *Moved) Fresh() bool {
	return len(d.members) > 0 && time.Since(d.members[len(d.members)-1].since) < movedTime
}

// Redirect adds to x the remembered members that are receivers of m, according to the
// revision of the room that its sender knew: those that were here at that revision. A member
// that comes and goes is remembered for each time, of which one at most has that revision.
func (d *Moved) Redirect(m *Message, x *bus.Refusal) {
	for _, d := range d.members {
		here := d.came <= m.View && m.View < d.at
		if m.View == 0 {
			here = time.Since(d.since) < backEndLate
		}
		if here && d.peer != m.From && !slices.Contains(m.Except, d.peer) {
			x.Moved = append(x.Moved, bus.Move{Peer: d.peer, Owner: d.to, Epoch: d.epoch})
		}
	}
	if m.View != 0 && m.View < d.forgotten {
		x.Code = proto.NotDelivered
	}
}
