package gateway

import (
	"bytes"
	"slices"
	"sync"
	"time"

	"p2pconnector/proto"
)

// phase says where a session stands.
type phase int

const (
	attached phase = iota // it has a connection
	away                  // its connection broke; frames are kept for it
	arriving              // it is being taken over from another gateway
	moved                 // another gateway holds it: frames are for that one
	over                  // it has ended
)

// session is a peer as long as this gateway holds it: it outlives its
// connections by the grace. Safe for concurrent use.
type session struct {
	g   *Gateway
	id  proto.PeerID
	bus bool // it was another gateway's: frames for it all come over NATS, so that none overtakes another

	mu       sync.Mutex
	phase    phase
	conn     *conn  // nil unless attached
	user     string // name from its access token
	count    uint64 // of the newest session token
	base     uint64 // of the token in the Client_Details of the last connection
	shown    uint64 // of the token that the last connection resumed with; 0: it did not
	taken    uint64 // of the newest token when this gateway took the session over; 0: it did not
	moves    uint64 // how often it was handed on, as Handover.Moves
	rooms    []proto.RoomID
	kept     keeper    // frames for the next connection
	lossy    bool      // a frame for it was dropped since it last resumed
	untold   bool      // the Client_Details of the last connection says that something may be lost
	sent     uint64    // text frames written to the connection that broke
	known    uint64    // of them, confirmed by the client
	tail     []byte    // the last of them, with their headers
	since    time.Time // of phase away or moved
	movedTo  proto.GatewayID
	from     proto.GatewayID // that handed it over to this one; "" for none
	unsaid   uint64          // tokens of the session that never left this gateway
	parting  *proto.Handover // what a session that moved was handed over with, until its new holder confirms
	parted   uint64          // count of its newest token then: a newer one is of a gateway that got it
	partedBy uint64          // count of the token that it was handed over for
	replayed int             // first frames of parting that its last connection had been sent
	arrivals *arrivals       // frames that reach a session while it is taken over
	leave    func()          // ends the subscription to the frames of a peer that another gateway issued
	unsub    []func()        // end its other subscriptions
}

// keeper holds frames for a peer that is away: 256 frames or 256 KiB.
type keeper struct {
	frames [][]byte
	bytes  int
}

// add is false when there is no room.
func (k *keeper) add(g *Gateway, frame []byte) bool {
	if len(k.frames) >= proto.ReplayFrames || k.bytes+len(frame) > proto.ReplayBytes {
		return false
	}
	if g.keptBytes.Add(int64(len(frame))) > maxKeptBytes {
		g.keptBytes.Add(-int64(len(frame)))
		return false
	}
	k.frames = append(k.frames, frame)
	k.bytes += len(frame)
	return true
}

func (k *keeper) take(g *Gateway) [][]byte {
	frames := k.frames
	g.keptBytes.Add(-int64(k.bytes))
	*k = keeper{}
	return frames
}

// maxKeptBytes bounds what all peers that are away may have waiting.
const maxKeptBytes = 512 << 20

// deliver hands a frame to the peer: to its connection, or to what waits for
// its next one. It keeps no reference to frame.
func (s *session) deliver(frame []byte) verdict { return s.deliverFrom(frame, "", false) }

// deliverFrom is deliver for a frame that came over NATS with the reply subject
// lost; hop marks one that a former holder passed on.
func (s *session) deliverFrom(frame []byte, lost string, hop bool) verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.arrivals != nil && lost != "" {
		if v, done := s.arrivals.add(frame, lost, hop, s.g.coarse.Load()); done {
			return v
		}
	}
	switch s.phase {
	case attached, arriving:
		if s.phase == attached {
			if v := s.conn.enqueue(frame); v != gone {
				s.lossy = s.lossy || v == full
				return v
			}
		}
		// The connection is closing: what comes now is for the next one.
		fallthrough
	case away:
		if !s.kept.add(s.g, slices.Clone(frame)) {
			s.lossy = true
			s.g.stats.keptFull.Add(1)
			return full
		}
		return handed
	case moved:
		return elsewhere
	}
	return gone
}

// writeNow lets a peer that gets much at once have its turn now.
func (s *session) writeNow() {
	s.mu.Lock()
	c := s.conn
	s.mu.Unlock()
	if c != nil {
		c.writeNow()
	}
}

// attach makes c the peer's connection and sends first, then what waited.
// What the session held before is confirmed or lost from here on.
func (s *session) attachLocked(c *conn, first []byte, frames [][]byte) {
	s.phase, s.conn, s.lossy, s.unsaid = attached, c, false, 0
	c.session, c.era = s, s.eraLocked()
	if c.era > 0 {
		s.g.eras.overtaken(s.id, c.era, s.g.coarse.Load())
	}
	c.enqueue(first)
	for i, f := range frames {
		if c.enqueue(f) > pressed {
			s.lossy = true
			for _, f := range frames[i:] {
				s.kept.add(s.g, f)
			}
			return
		}
	}
}

// detach is the end of connection c. With clean, the client has said that it
// leaves; otherwise the session waits for it.
func (s *session) detach(c *conn, clean bool, left remains) {
	s.mu.Lock()
	if s.conn != c {
		s.mu.Unlock()
		return
	}
	s.conn = nil
	s.leftLocked(left)
	s.mu.Unlock()
	if clean || !s.g.sessions.mayWait() {
		s.g.endSession(s)
	}
}

// leftLocked takes what the connection has left behind.
func (s *session) leftLocked(left remains) {
	s.sent, s.known = left.sent, left.known
	s.phase, s.since = away, time.Now()
	s.restoreLocked(left.unsent)
	if !s.lossy { // otherwise it is told of a loss in any case, and what waits is all that it may cost
		s.keepTailLocked(left.tail)
	}
}

// keepTailLocked keeps what was written last, as long as all peers that are away
// hold no more than they may; nil lets go of it. Without it the peer is told
// that something may be lost.
func (s *session) keepTailLocked(tail []byte) {
	s.g.keptBytes.Add(-int64(len(s.tail)))
	s.tail = nil
	if len(tail) == 0 {
		return
	}
	if s.g.keptBytes.Add(int64(len(tail))) > maxKeptBytes {
		s.g.keptBytes.Add(-int64(len(tail)))
		s.g.stats.keptFull.Add(1)
		return
	}
	s.tail = tail
}

// replayLocked returns the frames that the client has missed of what was written
// to its last connection. count is that of its token: one older than the
// connection says that nothing arrived there. Otherwise received says how much
// did, or, without it, what a pong confirmed. ok is false when something may be
// lost, since it is not kept any more or the client does not say.
func (s *session) replayLocked(count uint64, received *uint64) (frames [][]byte, ok bool) {
	tail := s.tail
	s.keepTailLocked(nil)
	s.lossy = s.lossy || s.untold && count < s.base // that Client_Details never arrived
	var got uint64
	switch {
	case count < s.base:
	case received != nil:
		got = *received
	default:
		return nil, s.known >= s.sent && !s.lossy
	}
	if got >= s.sent {
		return nil, !s.lossy
	}
	missed := lastTexts(tail, s.sent-got)
	ok = uint64(len(missed)) == s.sent-got && !s.lossy
	for _, f := range missed {
		if !holdsToken(f) {
			frames = append(frames, slices.Clone(f))
		}
	}
	return frames, ok
}

// holdsToken reports whether a frame is one that carries a session token: the
// next connection gets a newer one.
func holdsToken(f []byte) bool {
	return bytes.HasPrefix(f, tokenFrame) || bytes.HasPrefix(f, detailsFrame)
}

// restoreLocked puts frames that were never written before those that came since.
func (s *session) restoreLocked(unsent []byte) {
	newer := s.kept.take(s.g)
	for len(unsent) > 0 {
		op, payload, rest := cutFrame(unsent)
		unsent = rest
		switch {
		case op != opText:
		case holdsToken(payload):
			s.unsaid++
		case !s.kept.add(s.g, payload[:len(payload):len(payload)]): // nobody else holds unsent
			s.lossy = true
		}
	}
	for _, f := range newer {
		if !s.kept.add(s.g, f) {
			s.lossy = true
		}
	}
}

// How the frames begin that hold a session token.
var (
	tokenFrame   = []byte(`{"type":"info","event":"Session"`)
	detailsFrame = []byte(`{"type":"info","event":"Client_Details"`)
)

// acceptsLocked reports whether a token with this count may resume the session:
// the newest, or one before it when the newer never reached the client.
func (s *session) acceptsLocked(count uint64, received *uint64) bool {
	if count == s.count {
		return true
	}
	if count > s.count {
		return false
	}
	sent, known := s.sent, s.known
	if s.conn != nil {
		s.conn.mu.Lock()
		sent, known = s.conn.sent, s.conn.known
		s.conn.mu.Unlock()
	}
	behind := s.count - count
	switch {
	case behind <= s.unsaid:
		return true
	case count < s.base: // its Client_Details may never have arrived
		return known == 0 && count >= s.shown
	}
	return received != nil && *received < sent && behind <= sent-*received
}

// overtakenLocked reports whether a token shows that another gateway has taken
// the session over while this one was out of reach, or at the same time as this one.
func (s *session) overtakenLocked(count uint64, holder proto.GatewayID) bool {
	newest := s.count
	if s.taken > 0 {
		newest = s.taken // those that came after it are this gateway's own
	}
	return count > newest && holder.Valid() && holder != s.g.id
}

// wantsDelta reports whether the peer's connection asked for changes only.
func (s *session) wantsDelta() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn != nil && s.conn.delta
}

// addRoom and removeRoom keep the set of rooms that the session token carries. There is
// no adding to a session that has ended or was handed on: what it leaves its rooms by is
// taken from the set.
func (s *session) addRoom(id proto.RoomID) (fresh, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase >= moved {
		return false, false
	}
	if slices.Contains(s.rooms, id) {
		return false, true
	}
	s.rooms = append(s.rooms, id)
	return true, true
}

func (s *session) removeRoom(id proto.RoomID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rooms = slices.DeleteFunc(s.rooms, func(r proto.RoomID) bool { return r == id })
	if len(s.rooms) == 0 {
		s.rooms = nil
	}
}

// in reports whether the peer is a member of room through this gateway.
func (s *session) in(room proto.RoomID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.rooms, room)
}

func (s *session) roomCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rooms)
}

// tokenCount is that of the newest token.
func (s *session) tokenCount() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// held reports whether the session is this gateway's, and not only about to be.
func (s *session) held() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase == attached || s.phase == away
}

// live reports whether the peer may be a member of rooms through this gateway.
func (s *session) live() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase < moved
}

// heldSince reports whether the session is held here, or was at a time or later.
func (s *session) heldSince(t time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase < moved || s.phase == moved && !s.since.Before(t)
}
