package room

import (
	"slices"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Bounds of what is remembered of members that have moved to other gateways.
const (
	maxMoved  = 256              // of one room
	movedTime = 10 * time.Second // relays that are older have been given up
)

// movedMember is a member that has moved to another gateway.
type movedMember struct {
	peer  proto.PeerID
	to    proto.GatewayID
	epoch uint64
	at    uint64    // revision of the room that says so
	since time.Time // when this gateway learned it
}

// backEndLate is how long after a member has moved away what a back end sends here for
// the room is passed on to it: back ends do not say which state of the room they know.
const backEndLate = 5 * time.Second

// Message is a finished frame for the members of a room that are at this gateway. Each
// member gets it from the gateway that served it at revision View, and so once, whoever
// moves at that moment.
type Message struct {
	From   proto.PeerID   // "": a back end
	Epoch  uint64         // of the sender's session
	View   uint64         // 0: none, for every member
	Except []proto.PeerID // who gets it alone, or has it already
	Frame  []byte
	Reply  string // subject of a back end that wants to know whom the frame did not reach
}

// Moved remembers which members of a room have moved to other gateways: a message may
// still come for them whose sender does not know, and goes back to be sent on. Not
// safe for concurrent use.
type Moved struct {
	members   []movedMember // oldest first
	forgotten uint64        // revision of the last one that had to give way
}

// Add remembers a member that has moved at a revision.
func (d *Moved) Add(m *bus.Member, at uint64) {
	if len(d.members) >= maxMoved {
		d.forgotten = d.members[0].at
		d.members = append(d.members[:0:0], d.members[1:]...)
	}
	d.members = append(d.members, movedMember{m.ID, m.Holder(), m.Epoch, at, time.Now()})
}

// Len returns how many members are remembered.
func (d *Moved) Len() int { return len(d.members) }

// Fresh reports whether a message for one of them may still come.
func (d *Moved) Fresh() bool {
	return len(d.members) > 0 && time.Since(d.members[len(d.members)-1].since) < movedTime
}

// Redirect adds to x those members that m is for, by what its sender knew of the room.
func (d *Moved) Redirect(m *Message, x *bus.Refusal) {
	for _, d := range d.members {
		late := m.View != 0 || time.Since(d.since) < backEndLate
		if late && m.View < d.at && d.peer != m.From && !slices.Contains(m.Except, d.peer) {
			x.Moved = append(x.Moved, bus.Move{Peer: d.peer, Owner: d.to, Epoch: d.epoch})
		}
	}
	if m.View != 0 && m.View < d.forgotten {
		x.Code = proto.NotDelivered
	}
}
