package gateway

import (
	"bytes"
	"net/netip"
	"slices"
	"sync"
	"time"

	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/egress"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/gateway/internal/ownership"
	"p2pconnector/gateway/internal/quota"
	"p2pconnector/gateway/internal/replay"
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// phase is the state of a session at this gateway.
type phase int

const (
	attached phase = iota // it has a connection
	away                  // its connection broke; frames are kept for it
	arriving              // it is being taken over from another gateway
	lent                  // another gateway has a copy, and may own it by now
	moved                 // another gateway owns it, and gets its frames
	over                  // it has ended
)

// session is a peer as long as this gateway knows it: it outlives its connections by
// the grace. Safe for concurrent use.
type session struct {
	g       *Gateway
	id      proto.PeerID
	dialect string // fixed: of its client; "" for our own protocol

	translator dialect.Translator // fixed: of its client's dialect; nil for our own protocol

	mu      sync.Mutex
	phase   phase
	hold    ownership.Holding // the ownership at this gateway; none while it arrives
	root    uint64            // this gateway has what all owners from this epoch on had
	attempt *attempt          // to take it over; nil unless it arrives
	direct  bool              // frames of this gateway's peers bypass the router, where none waits for it

	conn       *conn          // nil unless attached
	budget     *egress.Client // of bytes; nil before the first connection
	user       string         // name from its access token
	acceptFrom proto.Senders  // whose frames the peer accepts
	conns      uint64         // number of the newest connection in this epoch
	tokens     uint64         // number of the newest session token in this epoch
	unsent     uint64         // of these, the newest that never left this gateway
	shown      bus.TokenRef   // token that the last connection resumed with
	rooms      []proto.RoomID // setRoomsLocked changes them
	places     quota.Holding

	kept        replay.Buffer // frames for the next connection, or for the gateway that has a copy
	fence       link.Fence    // newest epoch of each sender that has moved
	lossy       bool          // a frame for it was dropped since it last resumed
	announced   bool          // the Client_Details of the last connection says that something may be lost
	sent        uint64        // text frames written to the connection that broke
	known       uint64        // of them, confirmed by the client
	unconfirmed []byte        // the last of them, with their headers
	since       time.Time     // of phase away, lent or moved
}

// newSession makes the session of a new peer, whose id this gateway issues. user is the name
// from its access token.
func newSession(g *Gateway, addr netip.Addr, user string) *session {
	return &session{
		g: g, id: proto.NewPeerID(g.id), hold: ownership.Holding{Phase: ownership.Serving}, direct: true,
		user: user, acceptFrom: g.cfg.AcceptFrom, places: g.quota.Open(addr, user),
	}
}

// deliver delivers a frame of the server to the peer: to its connection, or to the
// replay buffer for its next one. It keeps no reference to frame.
func (s *session) deliver(frame []byte) (v result) {
	s.mu.Lock()
	defer s.delivered(&v)
	return s.deliverLocked("", frame)
}

// delivered unlocks s after a delivery, and flushes a connection that got much at once
// before the next frame comes. Otherwise a fast peer's queue may fill before any writer
// empties it.
func (s *session) delivered(v *result) {
	c := s.conn
	s.mu.Unlock()
	if *v == flushNeeded {
		*v = delivered
		c.ws.Flush()
	}
}

// deliverLocked is deliver. from is the peer that has sent the frame to this one alone; "" for
// frames of the server and of rooms. A frame above the share of its sender was never accepted,
// and its sender learns that at once, so the session is not lossy for it.
func (s *session) deliverLocked(from proto.PeerID, frame []byte) result {
	switch s.phase {
	case attached:
		switch v := s.conn.enqueueFrom(from, frame); v {
		case notFound:
		case declined:
			return notFound // its sender may find another peer
		default:
			s.lossy = s.lossy || v == queueFull
			return v
		}
		// The connection is closing: new frames are for the next one.
		fallthrough
	case away, arriving:
		if v, keep := s.filterForeign(frame); !keep {
			return v
		}
		if !s.kept.Add(s.g.buffers, slices.Clone(frame)) {
			s.lossy = true
			s.g.metrics.Sessions.ReplayFull.Inc()
			return queueFull
		}
		return delivered
	case lent, moved:
		return redirected
	}
	return notFound
}

// take delivers a relayed frame to the peer. If the result is redirected, move names the
// gateway that is to get the frame. take keeps no reference to f.
func (s *session) take(f *link.Frame) (v result, move *bus.Move) {
	s.mu.Lock()
	defer s.delivered(&v)
	switch s.phase {
	case attached, away:
		if f.ToEpoch < s.hold.Epoch { // frames sent before f may still come back, by an earlier route
			return redirected, &bus.Move{Peer: s.id, Owner: s.g.id, Epoch: s.hold.Epoch}
		}
		return s.takeLocked(f), nil
	case arriving:
		return s.attempt.take(s, f)
	case lent:
		return redirected, &bus.Move{Peer: s.id, Owner: s.hold.Other, Epoch: s.hold.Epoch + 1, Tentative: true}
	case moved:
		return redirected, &bus.Move{Peer: s.id, Owner: s.hold.Other, Epoch: s.hold.Epoch}
	}
	return notFound, nil
}

// takeDirect delivers a frame of another peer of this gateway; ok is false when the frame
// must go through the router.
func (s *session) takeDirect(f *link.Frame) (v result, ok bool) {
	s.mu.Lock()
	defer s.delivered(&v)
	if !s.direct || s.phase > away {
		return redirected, false
	}
	return s.takeLocked(f), true
}

// takeLocked delivers a relayed frame, unless the peer does not accept it, or its sender has
// moved after sending it: a later frame may have arrived already.
func (s *session) takeLocked(f *link.Frame) result {
	if string(dialect.Of(f.Data)) != s.dialect {
		return notFound // clients of different protocols do not understand each other
	}
	if s.acceptFrom != proto.AcceptAnyone && s.dialect == "" && !s.g.rooms.Admits(s.acceptFrom, s.rooms, f) {
		return notAccepted
	}
	if f.From != "" && !s.fence.Pass(f.From, f.Epoch) {
		s.g.metrics.Relays.Outdated.Inc()
		return queueFull
	}
	if f.Room != "" {
		return s.deliverLocked("", f.Data) // the peer has joined the room
	}
	return s.deliverLocked(f.From, f.Data)
}

// attachLocked makes c the peer's connection and sends Client_Details, then the frames that
// waited. recovered is nil for a fresh peer. From now on, everything that the session held
// before counts as confirmed or lost.
func (s *session) attachLocked(c *conn, recovered *bool, id []byte, frames [][]byte) {
	s.phase, s.conn, s.lossy, s.unsent = attached, c, false, 0
	s.announced = recovered != nil && !*recovered
	s.conns++
	if c.acceptFrom != nil {
		s.acceptFrom = *c.acceptFrom
	}
	c.session, c.epoch = s, s.hold.Epoch
	if s.budget == nil {
		s.budget = c.budget
	}
	c.budget = s.budget
	s.places.Move(c.addr)
	s.places.Back()
	c.enqueue(s.g.detailsLocked(s, recovered, id))
	for i, f := range frames {
		if c.enqueue(f) > flushNeeded {
			s.lossy = true
			for _, f := range s.kept.AddAll(s.g.buffers, frames[i:]) {
				s.dropLocked(f)
			}
			return
		}
	}
}

// detach ends the session's use of connection c. If clean is set, the client closed
// the connection to leave, and the session ends. Otherwise the session waits for the
// client, unless the table of sessions is full, or too many of its address or user wait, or
// the client speaks a dialect in which it cannot come back.
func (s *session) detach(c *conn, clean bool, left socket.Remains) {
	s.mu.Lock()
	if s.conn != c {
		s.mu.Unlock()
		return
	}
	s.conn = nil
	met := s.leftLocked(left)
	s.mu.Unlock()
	ends := clean || !s.mayReturn()
	if met != quota.None && !ends {
		s.g.metrics.Sessions.NotAway.Inc(met)
	}
	if ends || met != quota.None || !s.g.sessions.mayWait() {
		s.g.step(s, ownership.Event{Kind: ownership.GraceOver})
	}
}

// leftLocked keeps the frames that the last connection has left, for the next one. It
// returns the limit that allows no further session to wait for its client.
func (s *session) leftLocked(left socket.Remains) (met quota.Limit) {
	s.sent, s.known = left.Sent, left.Confirmed
	if s.phase == attached {
		s.phase, s.since = away, time.Now()
		met = s.places.Away()
	}
	s.restoreLocked(left.Unsent)
	if !s.lossy { // a lossy session reports a loss in any case, and may cost no more memory than what waits
		s.keepUnconfirmedLocked(left.Unconfirmed)
	}
	return met
}

// keepUnconfirmedLocked keeps the frames that were written last, as long as all peers that
// are away hold no more than they may; nil releases them. Without them the peer's next
// Client_Details reports that something may be lost.
func (s *session) keepUnconfirmedLocked(unconfirmed []byte) {
	s.g.buffers.Release(membudget.Replay, len(s.unconfirmed))
	s.unconfirmed = nil
	s.kept.Beside(0)
	if len(unconfirmed) == 0 {
		return
	}
	if !s.g.buffers.Reserve(membudget.Replay, s.kept.Bytes(), len(unconfirmed)) {
		s.g.metrics.Sessions.ReplayFull.Inc()
		return
	}
	s.unconfirmed = unconfirmed
	s.kept.Beside(len(unconfirmed))
}

// replayLocked returns the frames that were written to the client's last connection and
// that the client has missed. A token of an earlier connection means that nothing arrived
// on the last one. Otherwise received is the number of frames that arrived; if it is nil,
// only frames that a pong confirmed count. ok is false when something may be lost, because
// it is no longer kept or the client did not report what it received.
func (s *session) replayLocked(token bus.TokenRef, received *uint64) (frames [][]byte, ok bool) {
	unconfirmed := s.unconfirmed
	s.keepUnconfirmedLocked(nil)
	earlier := token.Epoch != s.hold.Epoch || token.Conn < s.conns
	s.lossy = s.lossy || s.announced && earlier // that Client_Details never arrived
	var got uint64
	switch {
	case earlier:
	case received != nil:
		got = *received
	default:
		return nil, s.known >= s.sent && !s.lossy
	}
	if got >= s.sent {
		return nil, !s.lossy
	}
	missed := socket.LastTexts(unconfirmed, s.sent-got)
	ok = uint64(len(missed)) == s.sent-got && !s.lossy
	for _, f := range missed {
		if !holdsToken(f) {
			frames = append(frames, slices.Clone(f))
		}
	}
	return frames, ok
}

// unconfirmedLocked takes the frames that were written and that the client has not
// confirmed, as far as they are kept.
func (s *session) unconfirmedLocked() [][]byte {
	unconfirmed := s.unconfirmed
	s.keepUnconfirmedLocked(nil)
	if s.known >= s.sent {
		return nil
	}
	return socket.LastTexts(unconfirmed, s.sent-s.known)
}

// holdsToken reports whether a frame carries a session token. Such a frame is not
// kept, because the next connection gets a newer token.
func holdsToken(f []byte) bool {
	return bytes.HasPrefix(f, tokenFrame) || bytes.HasPrefix(f, detailsFrame)
}

// restoreLocked puts frames that were never written into the replay buffer, before those
// that came later.
func (s *session) restoreLocked(unsent [][]byte) {
	newer := s.kept.Take(s.g.buffers)
	var dropped [][]byte
	for payload := range socket.Texts(unsent...) {
		switch {
		case holdsToken(payload):
			s.unsent++
		case !s.kept.Add(s.g.buffers, payload[:len(payload):len(payload)]): // nobody else holds unsent
			dropped = append(dropped, payload)
		}
	}
	dropped = append(dropped, s.kept.AddAll(s.g.buffers, newer)...)
	if len(dropped) == 0 {
		return
	}
	s.lossy = true
	s.kept.Compact()
	s.g.background(func() { s.g.reportKept(s.id, dropped) }, func() {})
}

// dropLocked drops a frame that was accepted for the peer; its sender gets an error.
func (s *session) dropLocked(frame []byte) {
	s.lossy = true
	frame = slices.Clone(frame)
	s.g.background(func() { s.g.reportFrame(frame, s.id) }, func() {})
}

// The first bytes of the frames that carry a session token.
var (
	tokenFrame   = []byte(`{"type":"info","event":"Session"`)
	detailsFrame = []byte(`{"type":"info","event":"Client_Details"`)
)

// acceptsLocked reports whether a token may resume the session: the newest may, and an
// earlier one may if the newer ones never reached the client.
func (s *session) acceptsLocked(token bus.TokenRef, received *uint64) bool {
	sent, known := s.sent, s.known
	if s.conn != nil {
		sent, known = s.conn.ws.Sent()
	}
	newest := bus.TokenRef{Epoch: s.hold.Epoch, Conn: s.conns, Number: s.tokens}
	switch {
	case newest.Before(token):
		return false
	case token.Epoch == newest.Epoch && token.Conn == newest.Conn:
		behind := newest.Number - token.Number
		return behind <= s.unsent || received != nil && *received < sent && behind <= s.unsent+sent-*received
	}
	return known == 0 && !token.Before(s.shown) // the Client_Details of the last connection may never have arrived
}

// in reports whether the peer is a member of room through this gateway.
func (s *session) in(room proto.RoomID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.rooms, room)
}

// userName returns the name from the peer's access token; "" for none, or while it arrives.
func (s *session) userName() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.user
}

func (s *session) roomCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rooms)
}

// epoch returns the epoch in which this gateway owns the session, or tries to.
func (s *session) epoch() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == arriving {
		return s.attempt.Epoch
	}
	return s.hold.Epoch
}
