package session

import (
	"slices"
	"sync"
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/frames"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/ownership"
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/proto"
)

// Errors of Resume, as clients receive them.
func sessionReplaced() *proto.Error {
	return proto.Errorf(proto.Unauthorised, "This session token has been replaced by a newer one. Use the last one you got, or go on with your fresh id.")
}

// Over returns the error for a session that has ended.
func Over() *proto.Error {
	return proto.Errorf(proto.NotFound, "This session has ended. Go on with your fresh id and join your rooms again.")
}

func resumePending() *proto.Error {
	return proto.Errorf(proto.Unavailable, "Another connection resumes this session, or your fresh one, at this moment. Go on with your fresh id, or connect again.")
}

// Resume gives connection c the session that the token t names; received is how many frames
// the client got on its last connection, if it says. On an error c keeps its fresh session.
// The reader of c calls Resume, as the first thing that it does.
func (tab *Table) Resume(c *Conn, t *auth.SessionToken, received *uint64, id []byte) *proto.Error {
	if t.Peer == c.Session.id {
		tab.learnToken(c.Session, t.TokenRef)
		return c.resumeOwn(t, received, id)
	}
	unlock, ok := tab.resuming.lock(t.Peer, c.Session.id)
	if !ok {
		return resumePending()
	}
	defer unlock()
	e := tab.resumeAs(c, t, received, id)
	if e != nil {
		tab.cfg.Metrics.Sessions.Resumes.Inc(metrics.ResumeRefused)
	}
	return e
}

// resumeOwn answers a Resume of the session that the connection already has.
func (c *Conn) resumeOwn(t *auth.SessionToken, received *uint64, id []byte) *proto.Error {
	s := c.Session
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.conn != c:
		return resumePending()
	case !s.acceptsLocked(t.TokenRef, received):
		s.tab.cfg.Metrics.Sessions.Resumes.Inc(metrics.ResumeRefused)
		return sessionReplaced()
	}
	recovered := !s.lossy
	if c.Client.Enqueue("", s.detailsLocked(&recovered, id)) > FlushNeeded {
		s.unsent++
	}
	s.tab.cfg.Metrics.Sessions.Resumes.Inc(metrics.ResumedHere)
	return nil
}

// resumeAs finds the session and attaches c to it.
func (tab *Table) resumeAs(c *Conn, t *auth.SessionToken, received *uint64, id []byte) *proto.Error {
	for range 2 {
		s := tab.Get(t.Peer)
		if s != nil {
			tab.learnToken(s, t.TokenRef)
		}
		if s == nil || !s.owned() {
			return tab.takeOver(c, t, received, id, s)
		}
		if e, ok := tab.resumeHere(c, s, t, received, id); ok {
			return e
		}
	}
	return Over()
}

// owned reports whether this gateway owns the session, as far as it knows.
func (s *Session) owned() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase <= away || s.phase == lent
}

// resumeHere attaches c to a session that this gateway owns; ok is false when
// the session has just ended or moved.
func (tab *Table) resumeHere(c *Conn, s *Session, t *auth.SessionToken, received *uint64, id []byte) (e *proto.Error, ok bool) {
	s.mu.Lock()
	accepts, old, loan := s.acceptsLocked(t.TokenRef, received), s.conn, s.phase == lent
	s.mu.Unlock()
	if !accepts {
		return sessionReplaced(), true
	}
	if loan {
		s.mu.Lock()
		s.shown = t.TokenRef // the numbers start again in the epoch that is taken
		_, action := s.stepLocked(ownership.Event{Kind: ownership.Resumed})
		s.mu.Unlock()
		if action == ownership.Take {
			tab.takeBack(s)
		}
		if !s.attachable() {
			if s.owned() {
				return resumePending(), true
			}
			return nil, false
		}
	}
	if old != nil {
		old.Socket.AwaitRead(received == nil)
		s.mu.Lock()
		accepts = s.acceptsLocked(t.TokenRef, received)
		s.mu.Unlock()
		if !accepts { // the client reads on, on the connection that it has
			return sessionReplaced(), true
		}
		s.displace(old, proto.CloseTakenOver)
	}
	replayed, recovered := 0, false
	ok = c.moveTo(s, away, func() {
		var missed [][]byte
		if !loan { // otherwise the missed frames are in the copy that was lent
			missed, recovered = s.replayLocked(t.TokenRef, received)
		}
		recovered = recovered && !s.contestedLocked()
		s.shown, replayed = t.TokenRef, len(missed)
		s.attachLocked(c, &recovered, id, append(missed, s.kept.Take(tab.cfg.Buffers)...))
	})
	if !ok {
		return nil, false
	}
	tab.cfg.Logger.Debug("session resumed", "peer", string(s.id), "frames", replayed, "recovered", recovered)
	tab.cfg.Metrics.Sessions.Resumes.Inc(metrics.ResumedHere)
	tab.rejoin(s)
	return nil, true
}

// attachable reports whether the session waits for a connection.
func (s *Session) attachable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase == away
}

// Has reports whether c is the session's connection. The answer stays true as long as the
// caller holds c.leaving.
func (s *Session) Has(c *Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn == c
}

// displace detaches a session from a connection that still looks alive, unless it has
// ended by itself. It keeps the frames that the connection has not sent for the next
// connection, and returns when that is done.
func (s *Session) displace(old *Conn, code proto.CloseCode) {
	old.leaving.Lock() // a connection that has just ended detaches itself
	defer old.leaving.Unlock()
	if !s.Has(old) {
		return
	}
	left := old.retire(code)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = nil
	s.leftLocked(left)
}

// abandon forgets the fresh session of a connection that has become another peer.
func (s *Session) abandon() {
	s.mu.Lock()
	s.conn, s.phase = nil, over
	s.places.End()
	s.mu.Unlock()
	s.tab.drop(s)
}

// rejoin announces a session's present connection to its rooms: frames that they sent
// to an earlier connection may have been lost.
func (tab *Table) rejoin(s *Session) {
	s.mu.Lock()
	rooms := slices.Clone(s.rooms)
	s.mu.Unlock()
	tab.rooms.Reseat(s, rooms)
}

// detailsLocked encodes Client_Details; recovered is nil for a fresh peer.
func (s *Session) detailsLocked(recovered *bool, id []byte) []byte {
	d := proto.Details{
		ID: s.id, Session: s.tokenLocked(), Resumed: recovered != nil, Recovered: recovered,
		IceServers: s.tab.cfg.ICE.List(s.id, s.tab.cfg.Frames.Wall()),
		Limits:     s.tab.cfg.Limits(),
		AcceptFrom: s.acceptFrom,
		Heartbeat:  int(socket.Heartbeat / time.Second),
		Versions:   proto.Versions(),
	}
	if recovered != nil {
		d.Rooms = s.rooms
	}
	return s.tab.cfg.Frames.Server(proto.TypeInfo, string(proto.ClientDetails), frames.Marshal(d), id)
}

// exclusive lets one goroutine at a time work on a peer, or on two. Safe for concurrent use.
type exclusive struct {
	mu   sync.Mutex
	busy map[proto.PeerID]bool
}

// lock locks two peers, without waiting: ok is false when one of them is locked.
func (x *exclusive) lock(a, b proto.PeerID) (unlock func(), ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.busy[a] || x.busy[b] {
		return nil, false
	}
	if x.busy == nil {
		x.busy = make(map[proto.PeerID]bool)
	}
	x.busy[a], x.busy[b] = true, true
	return func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		delete(x.busy, a)
		delete(x.busy, b)
	}, true
}
