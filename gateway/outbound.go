package gateway

import (
	"sync"
	"time"
	"unsafe"

	"github.com/nats-io/nats.go"

	"p2pconnector/proto"
)

// Bounds of what is remembered of relays. Both are rings: the oldest give way.
const (
	ringSlots  = 1 << 14
	arenaBytes = 4 << 20
)

// sentTo is what is remembered of one relay for a moment, so that its sender
// can be told when it does not arrive.
type sentTo struct {
	seq  uint64
	link uint64 // number among those to gw
	from proto.PeerID
	to   proto.PeerID    // "" for a room message
	room proto.RoomID    // "" for a frame to a peer
	view uint64          // revision of room by which the receivers were chosen
	era  uint64          // of the sender's session
	gw   proto.GatewayID // whose subject it went to
	off  uint64          // of the frame in the arena, counted from the start of time
	n    int
	at   int64  // coarse, Unix nanoseconds
	id   string // correlation id of a Connect, whose frame does not hold it

	// hop is the reply subject that a frame came with which was passed on to gw,
	// since that holds the peer now; "" for a relay of this gateway's own.
	hop string

	settled bool // what became of it is known, or was said to be unknown
	doubted bool // it was: it may have arrived
	again   bool // it was sent before, and may have been lost

	began int64 // when its sender's gateway read it, if it is timed; Unix nanoseconds
}

// publisher is what outbound needs of a *nats.Conn. It may keep no argument.
type publisher interface {
	Publish(subject string, data []byte) error
	PublishRequest(subject, reply string, data []byte) error
	PublishMsg(m *nats.Msg) error
}

// outbound publishes relays. Each carries a reply subject with a number; the
// lock is held while publishing, so that numbers leave in their order and a
// receiver can tell what it has seen. Nothing is answered when all is well.
// Safe for concurrent use.
type outbound struct {
	own   proto.GatewayID
	nc    publisher
	clock func() int64

	mu      sync.Mutex
	seq     uint64
	links   map[proto.GatewayID]*link
	slots   []sentTo
	arena   []byte
	pos     uint64
	subject []byte
	reply   []byte
}

func newOutbound(own proto.GatewayID, nc publisher, clock func() int64) *outbound {
	return &outbound{own: own, nc: nc, clock: clock, links: make(map[proto.GatewayID]*link), slots: make([]sentTo, ringSlots), arena: make([]byte, arenaBytes)}
}

// publish sends a finished frame to the peer or the room that s names. Without
// s.from nobody is told of its loss.
func (o *outbound) publish(s sentTo, frame []byte) error {
	_, err := o.again(s, frame)
	return err
}

func (o *outbound) publishLocked(s sentTo, frame []byte) error {
	o.seq++
	s.seq, s.at = o.seq, o.clock()
	if s.hop == "" {
		if l := o.linkLocked(s.gw); l != nil {
			l.sent++
			l.last = s.at
			s.link = l.sent
		}
	}
	s.off, s.n = o.keepLocked(frame), len(frame)
	s.settled, s.doubted = false, false
	o.slots[s.seq%ringSlots] = s
	o.reply = proto.AppendLostSubject(o.reply[:0], o.own, s.seq, s.link, s.era)
	if s.began != 0 || s.hop != "" {
		return o.nc.PublishMsg(&nats.Msg{Subject: string(o.subject), Reply: string(o.reply), Header: s.header(), Data: frame})
	}
	// nats.go copies both subjects into its write buffer before it returns.
	return o.nc.PublishRequest(view(o.subject), view(o.reply), frame)
}

// header is what goes with a relay that is timed, or was passed on.
func (s *sentTo) header() nats.Header {
	if s.hop != "" {
		return nats.Header{hopHeader: []string{s.hop}}
	}
	return sentHeaderOf(s.began)
}

// again is publish that returns the frame's number.
func (o *outbound) again(s sentTo, frame []byte) (uint64, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var err error
	if s.hop != "" {
		var at string
		at, err = proto.PeerSubjectAt(s.gw, s.to)
		o.subject = append(o.subject[:0], at...)
	} else if s.room != "" {
		o.subject, err = proto.AppendRoomSubject(o.subject[:0], s.gw, s.room, s.from, s.view)
	} else {
		o.subject, err = proto.AppendPeerSubject(o.subject[:0], s.to)
	}
	if err == nil {
		err = o.publishLocked(s, frame)
	}
	return o.seq, err
}

// fence publishes a number to this gateway itself. It comes back behind the
// server's word on every relay that was published before.
func (o *outbound) fence() (uint64, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seq++
	o.reply = proto.AppendLostSubject(o.reply[:0], o.own, o.seq, 0, 0)
	return o.seq, o.nc.Publish(view(o.reply), nil)
}

// view reads b as a string for the length of a call.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// keepLocked copies frame into the arena. A frame that would wrap starts over.
func (o *outbound) keepLocked(frame []byte) uint64 {
	if left := arenaBytes - int(o.pos%arenaBytes); left < len(frame) {
		o.pos += uint64(left)
	}
	off := o.pos
	copy(o.arena[off%arenaBytes:], frame)
	o.pos += uint64(len(frame))
	return off
}

// settle returns relay number seq and a copy of its frame, once: what became of
// it is known now. It is false when the relay has been overwritten. The frame is
// nil when only it is gone.
func (o *outbound) settle(seq uint64) (sentTo, []byte, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.settleLocked(seq)
}

func (o *outbound) settleLocked(seq uint64) (sentTo, []byte, bool) {
	s := &o.slots[seq%ringSlots]
	if s.seq != seq || seq == 0 || s.settled {
		return sentTo{}, nil, false
	}
	s.settled = true
	return *s, o.frameLocked(*s), true
}

// frameLocked copies a frame out of the arena; nil when it is overwritten.
func (o *outbound) frameLocked(s sentTo) []byte {
	if o.pos-s.off > arenaBytes {
		return nil
	}
	at := s.off % arenaBytes
	return append([]byte(nil), o.arena[at:at+uint64(s.n)]...)
}

// number draws a number for a frame that is delivered without NATS to a session
// that orders by numbers.
func (o *outbound) number() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seq++
	return string(proto.AppendLostSubject(nil, o.own, o.seq, 0, 0))
}

// newest returns the newest number that was drawn.
func (o *outbound) newest() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seq
}

// newestTo returns the newest number above after of a relay that match takes and
// that did not come back, as far as anybody knows.
func (o *outbound) newestTo(after uint64, match func(sentTo) bool) (newest uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for seq := o.oldestLocked(after); seq <= o.seq; seq++ {
		if s := o.slots[seq%ringSlots]; s.seq == seq && (!s.settled || s.doubted) && match(s) {
			newest = seq
		}
	}
	return newest
}

// missed settles the relays to gw that a gap names.
func (o *outbound) missed(gw proto.GatewayID, gap proto.Gap) (relays []sentTo, frames [][]byte) {
	return o.settleAll(func(s *sentTo) bool { return s.gw == gw && gap.After < s.link && s.link < gap.Before })
}

// settleAll settles the relays that match takes and that may have arrived, oldest first.
func (o *outbound) settleAll(match func(*sentTo) bool) (relays []sentTo, frames [][]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for seq := o.oldestLocked(0); seq <= o.seq; seq++ {
		s := &o.slots[seq%ringSlots]
		if s.seq != seq || !match(s) {
			continue
		}
		if r, frame, ok := o.settleLocked(seq); ok {
			s.doubted = true
			relays, frames = append(relays, r), append(frames, frame)
		}
	}
	return relays, frames
}

// oldestLocked is the first number above after that may be remembered.
func (o *outbound) oldestLocked(after uint64) uint64 {
	if o.seq > ringSlots {
		after = max(after, o.seq-ringSlots)
	}
	return after + 1
}

// reconnected reports whether the connection to NATS came back less than d ago:
// then the servers may not know everyone's subscriptions yet.
func (g *Gateway) reconnected(d time.Duration) bool {
	return time.Since(time.Unix(0, g.natsBackAt.Load())) < d
}

// toPeer addresses a frame from one peer to another.
func toPeer(from, to proto.PeerID) sentTo { return sentTo{from: from, to: to, gw: to.Home()} }
