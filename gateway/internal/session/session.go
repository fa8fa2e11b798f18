package session

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/egress"
	"p2pconnector/gateway/internal/fairqueue"
	"p2pconnector/gateway/internal/link"
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

// Session is a peer as long as this gateway knows it: it outlives its connections by
// the grace. Safe for concurrent use.
type Session struct {
	tab *Table
	id  proto.PeerID

	// Fixed before Start.
	dialect    string             // of its client; "" for our own protocol
	translator dialect.Translator // of that dialect; nil for our own protocol

	mu      sync.Mutex
	phase   phase
	hold    ownership.Holding // the ownership at this gateway; none while it arrives
	root    uint64            // this gateway has what all owners from this epoch on had
	attempt *attempt          // to take it over; nil unless it arrives
	direct  bool              // frames of this gateway's peers bypass the router, where none waits for it

	conn       *Conn          // nil unless attached
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
	contested   clock.Instant // until then another gateway may have accepted frames
}

// New makes the session of a new peer, whose id this gateway issues. user is the name from its
// access token. Start follows.
func (tab *Table) New(addr netip.Addr, user string) *Session {
	return &Session{
		tab: tab, id: proto.NewPeerID(tab.cfg.Own), hold: ownership.Holding{Phase: ownership.Serving}, direct: true,
		user: user, acceptFrom: tab.cfg.AcceptFrom, places: tab.cfg.Quota.Open(addr, user),
	}
}

// SetDialect sets the name of the client's protocol, if it is not our own, and its translator.
func (s *Session) SetDialect(name string, t dialect.Translator) { s.dialect, s.translator = name, t }

// Start puts a new session into the table, and makes c its connection, which gets its
// Client_Details.
func (s *Session) Start(c *Conn) {
	c.Session = s
	s.tab.put(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attachLocked(c, nil, nil, nil)
}

// attachLocked makes c the peer's connection and sends Client_Details, then the frames that
// waited. recovered is nil for a fresh peer. From now on, everything that the session held
// before counts as confirmed or lost.
func (s *Session) attachLocked(c *Conn, recovered *bool, id []byte, frames [][]byte) {
	s.phase, s.conn, s.lossy, s.unsent = attached, c, false, 0
	s.announced = recovered != nil && !*recovered
	s.conns++
	if c.AcceptFrom != nil {
		s.acceptFrom = *c.AcceptFrom
	}
	c.Session, c.Epoch = s, s.hold.Epoch
	if s.budget == nil {
		s.budget = c.Budget
	}
	c.Budget = s.budget
	s.places.Move(c.Addr)
	s.places.Back()
	c.Client.Enqueue("", s.detailsLocked(recovered, id))
	for i, f := range frames {
		if c.Client.Enqueue("", f) > FlushNeeded {
			s.lossy = true
			for _, f := range s.kept.AddAll(s.tab.cfg.Buffers, s.tab.cfg.Replay, frames[i:]) {
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
func (s *Session) detach(c *Conn, clean bool, left socket.Remains) {
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
		s.tab.cfg.Metrics.Sessions.NotAway.Inc(met)
	}
	if ends || met != quota.None || !s.tab.mayWait() {
		s.tab.step(s, ownership.Event{Kind: ownership.GraceOver})
	}
}

// acceptsLocked reports whether a token may resume the session: the newest may, and an
// earlier one may if the newer ones never reached the client.
func (s *Session) acceptsLocked(token bus.TokenRef, received *uint64) bool {
	sent, known := s.sent, s.known
	if s.conn != nil {
		sent, known = s.conn.Socket.Sent()
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

// InRoom reports whether the peer is a member of room through this gateway.
func (s *Session) InRoom(room proto.RoomID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.rooms, room)
}

// UserName returns the name from the peer's access token; "" for none, or while it arrives.
func (s *Session) UserName() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.user
}

// RoomCount returns how many rooms the peer is a member of through this gateway.
func (s *Session) RoomCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rooms)
}

// epoch returns the epoch in which this gateway owns the session, or tries to.
func (s *Session) epoch() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == arriving {
		return s.attempt.Epoch
	}
	return s.hold.Epoch
}

// mayReturn reports whether the peer, whose connection broke, may come back. When this gateway
// drains and no other is alive, a client of a dialect could return only after the end: its
// session ends while what it has in directories can still be given back.
func (s *Session) mayReturn() bool {
	switch {
	case s.translator == nil:
		return true
	case s.tab.cfg.Draining() && s.tab.cfg.Liveness.Alone():
		return false
	}
	r, ok := s.translator.(dialect.Returner)
	return ok && r.Away()
}

// EndAway ends the session if its client is away.
func (s *Session) EndAway() {
	s.mu.Lock()
	waits := s.phase == away
	s.mu.Unlock()
	if waits {
		s.tab.step(s, ownership.Event{Kind: ownership.GraceOver})
	}
}

// BeginRoom takes a place for a request that may make the peer a member of one more room.
// The caller calls done when the request has been answered; done is nil when a limit is met.
func (s *Session) BeginRoom() (done func(), met quota.Limit) { return s.places.Begin() }

// TurnKey returns as whose requests those of the peer take turns at the room service.
func (s *Session) TurnKey() fairqueue.Key { return fairqueue.Of(s.places.Owner()) }

// Uncovered returns the rooms of the peer that an access token does not cover.
func (s *Session) Uncovered(a *auth.Access) []proto.RoomID {
	s.mu.Lock()
	rooms := slices.Clone(s.rooms)
	s.mu.Unlock()
	return slices.DeleteFunc(rooms, a.Covers)
}

// Unblocked records that no frame for the peer waits in the router, so that those of this
// gateway's peers may bypass it.
func (s *Session) Unblocked() {
	s.mu.Lock()
	s.direct = s.phase <= away
	s.mu.Unlock()
}

// Waiting returns the frames that wait for the client's next connection.
func (s *Session) Waiting() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.kept.Frames())
}
