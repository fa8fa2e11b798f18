package link

import (
	"slices"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// DefaultWindowBytes is a bound on one link that suits a Router.
const DefaultWindowBytes = 4 << 20

// recordBytes is the least that a frame weighs in a window, so that the bound on bytes also
// bounds the frames.
const recordBytes = 512

// Window bounds what is on the way on one link: that many bytes, and one frame for each
// recordBytes of them.
type Window int

// Records returns how many frames may be on the way.
func (w Window) Records() int { return int(w) / recordBytes }

// Times of a link. Callers measure them by a clock that runs only while the
// gateway is connected to NATS and is itself running: a gateway that was frozen
// must not give up all frames when it runs again.
const (
	pollAfter    = 1500 * time.Millisecond // age of an unacknowledged frame that makes the sender poll
	pollInterval = time.Second
	blockedLimit = 1500 * time.Millisecond // of 503 answers, after which frames are given up
	ackLimit     = 10 * time.Second        // after which a frame is given up in any case
)

// blockedPauses are the times between the first polls of a gateway that is not
// subscribed.
var blockedPauses = [...]time.Duration{100 * time.Millisecond, 300 * time.Millisecond, 900 * time.Millisecond}

// Frame is one frame on its way, with the data needed to route it and to report
// that it was not delivered.
type Frame struct {
	From   proto.PeerID    // the sender, which gets the error; empty: nobody gets it
	To     proto.PeerID    // empty: for the members of Room at gateway At
	Room   proto.RoomID    // with To: a room message redirected to one member
	At     proto.GatewayID // with an empty To: the gateway
	View   uint64          // revision of Room by which the receivers were chosen
	Shared proto.RoomID    // for the caller only: with To, a room that both are in by revision View
	Epoch  uint64          // of the sender's session
	// ToEpoch is the epoch of the receiver's session in the route that was taken; set by
	// the Router. A gateway that has the session in a later epoch refuses the frame as
	// moved to itself, because frames sent earlier, by an earlier route, may still come
	// back.
	ToEpoch uint64
	Except  []proto.PeerID // members at At that get a room message as a frame of their own
	ID      string         // correlation id of a Connect, whose frame does not hold it
	Reply   string         // subject on which a back end receives the outcome; with an empty From
	Confirm bool           // with Reply: also publish the outcome "delivered"
	Began   int64          // for the caller only: when the frame was read, if it is timed
	Data    []byte

	order     uint64 // in which the Router accepted frames, from 1; 0: not yet accepted
	redirects uint8  // so far
	looked    bool   // the directory was asked for it
}

// Record is a frame in a window.
type Record struct {
	Seq   uint64
	Frame Frame
	at    time.Duration // when it was accepted
}

// Outcome is the outcome of a record, if it must be handled: it is not plain
// delivery, or its sender wants it published in any case.
type Outcome struct {
	Frame   Frame
	Refusal bus.Refusal
}

// Sender is the sending end of a link. The zero value is not ready: see NewSender.
// Not safe for concurrent use.
type Sender struct {
	base, head uint64
	ring       []Record // by number; its length is a power of two
	bytes      int
	most       Window
	total      *int // bytes of all links, these included
	chunks     chunks

	polls    uint64 // number of the newest poll
	pollHead uint64 // head when it was sent
	pollAt   time.Duration

	resentBase uint64 // base of the last resend
	resentPoll uint64 // newest poll at the last resend

	blocked      bool // the receiving gateway is not subscribed
	blockedAt    time.Duration
	blockedPoll  uint64 // newest poll when that began: an answer to a later poll ends it
	blockedTries int
	nextPoll     time.Duration
}

// NewSender returns the sending end of a link that numbers from first, which must be
// above any number that this process used for the same gateway before. It also counts
// bytes in total.
func NewSender(first uint64, most Window, total *int) *Sender {
	return &Sender{base: first, head: first - 1, most: most, total: total}
}

// Base returns the lowest number in the window, or the next one when it is empty.
func (s *Sender) Base() uint64 { return s.base }

// Head returns the newest number.
func (s *Sender) Head() uint64 { return s.head }

// Len returns the number of records in the window.
func (s *Sender) Len() int { return int(s.head + 1 - s.base) }

// Bytes returns the bytes of the frames in the window.
func (s *Sender) Bytes() int { return s.bytes }

// Blocked reports whether the sender waits for the receiving gateway to subscribe.
func (s *Sender) Blocked() bool { return s.blocked }

// Full reports whether a frame of n bytes has no room in the window.
func (s *Sender) Full(n int) bool {
	return s.Len() >= s.most.Records() || s.bytes+n > int(s.most) && s.Len() > 0
}

// Push numbers a frame and copies its bytes into the window, which must have room.
// The caller publishes the record unless publish is false. The record is valid until
// the next call.
func (s *Sender) Push(now time.Duration, f *Frame) (r *Record, publish bool) {
	if s.Len() == len(s.ring) {
		s.grow()
	}
	s.head++
	s.bytes += len(f.Data)
	*s.total += len(f.Data)
	r = s.record(s.head)
	r.Seq, r.Frame, r.at = s.head, *f, now
	r.Frame.Data = s.chunks.add(s.head, f.Data)
	return r, !s.blocked
}

func (s *Sender) record(seq uint64) *Record { return &s.ring[seq&uint64(len(s.ring)-1)] }

func (s *Sender) grow() {
	old := s.ring
	s.ring = make([]Record, max(8, 2*len(old)))
	for seq := s.base; seq <= s.head; seq++ {
		*s.record(seq) = old[seq&uint64(len(old)-1)]
	}
}

// pop removes the oldest record from the window.
func (s *Sender) pop() {
	r := s.record(s.base)
	s.bytes -= len(r.Frame.Data)
	*s.total -= len(r.Frame.Data)
	*r = Record{}
	s.base++
	s.chunks.free(s.base)
}

// Acked removes the records that an ack covers from the window. It returns the refused records and the
// records to confirm, in their order, and whether the window must be published again
// from its base.
func (s *Sender) Acked(a bus.Ack) (refused []Outcome, resend bool) {
	if a.Next > s.head+1 || a.From > s.base {
		return nil, false // not an ack of this link, or an earlier one is missing
	}
	i := 0
	for s.base < a.Next {
		for i < len(a.Refused) && a.Refused[i].Seq < s.base {
			i++
		}
		if i < len(a.Refused) && a.Refused[i].Seq == s.base {
			refused = append(refused, s.outcome(a.Refused[i]))
		} else if s.record(s.base).Frame.Confirm {
			refused = append(refused, s.outcome(bus.Refusal{}))
		}
		s.pop()
	}
	return refused, s.mustResend(a)
}

// outcome returns the outcome of the oldest record. It copies the frame, which may be pushed
// again while other outcomes are handled.
func (s *Sender) outcome(x bus.Refusal) Outcome {
	f := s.record(s.base).Frame
	f.Data = slices.Clone(f.Data)
	return Outcome{Frame: f, Refusal: x}
}

// mustResend decides whether an ack proves that the window was not received.
func (s *Sender) mustResend(a bus.Ack) bool {
	answered := a.Poll > 0 && a.Poll == s.polls
	if s.blocked {
		if a.Poll <= s.blockedPoll {
			return false
		}
		s.blocked = false
		return s.resent()
	}
	if a.Next < s.base || s.Len() == 0 {
		return false
	}
	if a.Hole && s.resentBase != s.base || answered && s.resentPoll != s.polls && a.Next <= s.pollHead {
		return s.resent()
	}
	return false
}

// resent records that the window is published again. It returns false when the window is
// empty.
func (s *Sender) resent() bool {
	s.resentBase, s.resentPoll = s.base, s.polls
	return s.Len() > 0
}

// Unacked calls yield with each record of the window, oldest first.
func (s *Sender) Unacked(yield func(*Record) bool) {
	for seq := s.base; seq <= s.head; seq++ {
		if !yield(s.record(seq)) {
			return
		}
	}
}

// NoResponders records that the NATS server found the receiving gateway not subscribed.
// A late notice about a record that has left the window has no effect.
func (s *Sender) NoResponders(now time.Duration, seq uint64) {
	if s.blocked || seq < s.base || seq > s.head {
		return
	}
	s.blocked, s.blockedAt, s.blockedPoll, s.blockedTries = true, now, s.polls, 0
	s.nextPoll = now + blockedPauses[0]
}

// Poll returns the next poll.
func (s *Sender) Poll(now time.Duration) bus.Poll {
	s.polls++
	s.pollHead, s.pollAt = s.head, now
	if s.blocked {
		s.blockedTries++
		pause := pollInterval
		if s.blockedTries < len(blockedPauses) {
			pause = blockedPauses[s.blockedTries]
		}
		s.nextPoll = now + pause
	}
	return bus.Poll{Number: s.polls, Base: s.base, Head: s.head}
}

// Tick gives up the records that are too old and returns their frames, and reports whether to
// send a poll. The frames are valid until the next Push.
func (s *Sender) Tick(now time.Duration) (gaveUp []Frame, poll bool) {
	for s.Len() > 0 && s.tooOld(now, s.record(s.base).at) {
		gaveUp = append(gaveUp, s.record(s.base).Frame)
		s.pop()
	}
	if s.Len() == 0 {
		s.chunks = chunks{} // an idle link holds no memory for frames
	}
	switch {
	case s.blocked:
		poll = now >= s.nextPoll
	case len(gaveUp) > 0:
		poll = true // the poll carries the new base
	case s.Len() > 0:
		poll = now-s.record(s.base).at >= pollAfter && (s.polls == 0 || now-s.pollAt >= pollInterval)
	}
	return gaveUp, poll
}

func (s *Sender) tooOld(now, at time.Duration) bool {
	if s.blocked && now-s.blockedAt >= blockedLimit && now-at >= blockedLimit {
		return true
	}
	return now-at >= ackLimit
}

// GiveUp gives the whole window up, because the receiving gateway is dead. Nothing may be
// pushed afterwards.
func (s *Sender) GiveUp() (all []Frame) {
	for s.Len() > 0 {
		all = append(all, s.record(s.base).Frame)
		s.pop()
	}
	return all
}
