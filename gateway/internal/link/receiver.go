package link

import (
	"slices"

	"p2pconnector/proto/bus"
)

// Numbers of records and of bytes after which an ack is sent without a poll.
const (
	ackRecords = 256
	ackBytes   = 64 << 10
)

// Receiver is the receiving end of a link. The zero value is ready, and begins at
// the base of the first message. Not safe for concurrent use.
type Receiver struct {
	next    uint64
	base    uint64        // of the sender, as last received
	acked   uint64        // next at the last ack
	whole   bool          // the next ack covers all numbers from base on: the last acks may be lost
	refused []bus.Refusal // numbers from base on
	records int           // taken since the last ack
	bytes   int
	holeAt  uint64 // value of next when a hole was last acked
	hole    bool
	holes   uint64
	poll    uint64 // newest poll that is not answered; 0: none
	due     bool
}

// Data handles a data message. When it returns true the caller delivers the frame and
// then calls Taken or Refused; otherwise the caller discards the frame.
func (r *Receiver) Data(seq, base uint64) bool {
	r.advance(base)
	switch {
	case seq == r.next:
		return seq > 0
	case seq > r.next && r.holeAt != r.next:
		r.hole, r.holeAt, r.due, r.whole = true, r.next, true, true
		r.holes++
	case seq < r.next:
		r.records++ // its sender has not received the ack: the next tick sends one
	}
	return false
}

// advance follows the sender's base, which passes the frames that the sender gave up.
func (r *Receiver) advance(base uint64) {
	r.next, r.base = max(r.next, base), max(r.base, base)
	if len(r.refused) > 0 && r.refused[0].Seq < base {
		r.refused = slices.DeleteFunc(r.refused, func(x bus.Refusal) bool { return x.Seq < base })
	}
}

// Taken records that the frame of the last Data was delivered.
func (r *Receiver) Taken(bytes int) {
	r.next++
	r.records++
	r.bytes += bytes
	r.due = r.due || r.records >= ackRecords || r.bytes >= ackBytes
}

// Refused records that the frame of the last Data was not delivered to all its
// receivers. The refusal's number need not be filled in.
func (r *Receiver) Refused(x bus.Refusal) {
	x.Seq = r.next
	r.refused = append(r.refused, x)
	r.next++
	r.records++
	r.due = true
}

// Remind makes the next ack due although no poll asks for it: the last acks may be lost.
func (r *Receiver) Remind() { r.due, r.whole = r.due || r.next > 0, true }

// Holes returns the number of holes seen.
func (r *Receiver) Holes() uint64 { return r.holes }

// Polled handles a poll.
func (r *Receiver) Polled(p bus.Poll) {
	r.advance(p.Base)
	r.poll = max(r.poll, p.Number)
	r.due, r.whole = true, true
}

// Due reports whether an ack must be sent at once.
func (r *Receiver) Due() bool { return r.due }

// Ack returns the ack to send, or false when there is nothing to acknowledge. On the
// tick, once a second, it also returns an ack that is not due yet.
func (r *Receiver) Ack(tick bool) (bus.Ack, bool) {
	if !r.due && (!tick || r.records == 0) {
		return bus.Ack{}, false
	}
	a := bus.Ack{From: r.acked, Next: r.next, Hole: r.hole, Poll: r.poll}
	if r.whole {
		a.From = r.base
	}
	i := len(r.refused) // each refusal is in one ack, unless that ack may be lost
	for i > 0 && r.refused[i-1].Seq >= a.From {
		i--
	}
	a.Refused = slices.Clone(r.refused[i:])
	r.records, r.bytes, r.hole, r.poll, r.due, r.whole, r.acked = 0, 0, false, 0, false, false, r.next
	return a, true
}
