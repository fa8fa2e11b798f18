package gateway

import (
	"errors"
	"slices"
	"sync"
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/ownership"
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/proto"
)

// Errors of Resume, as clients receive them.
func sessionReplaced() *proto.Error {
	return proto.Errorf(proto.Unauthorised, "This session token has been replaced by a newer one. Use the last one you got, or go on with your fresh id.")
}

func sessionOver() *proto.Error {
	return proto.Errorf(proto.NotFound, "This session has ended. Go on with your fresh id and join your rooms again.")
}

func resumedElsewhere() *proto.Error {
	return proto.Errorf(proto.Unavailable, "Another connection resumes this session, or your fresh one, at this moment. Go on with your fresh id, or connect again.")
}

// resume gives the connection the session that a session token names. On an error
// the connection keeps its fresh id.
func (c *conn) resume(f *proto.Frame) *proto.Error {
	g := c.g
	if !c.first {
		return proto.Errorf(proto.Unauthorised, "Resume works only as the first frame of a connection. Connect again to resume.")
	}
	var args proto.ResumeData
	switch wrong, ok := proto.Unpack(f.Data, map[string]any{"session": &args.Session, "received": &args.Received}); {
	case wrong == "received":
		return proto.Missing("data.received", "`data.received` must be a whole number: how many frames you got. Leave it out if you do not know.")
	case !ok, args.Session == "":
		return proto.Missing("data.session", "`data.session` is missing or not a string. Give the last session token you got.")
	}
	t, err := g.keys.Verify(args.Session, g.wall())
	if err != nil {
		g.metrics.Sessions.Resumes.Inc(metrics.ResumeRefused)
		switch {
		case errors.Is(err, auth.ErrTokenExpired):
			return sessionOver()
		case errors.Is(err, auth.ErrKeysOld):
			return proto.Errorf(proto.Unavailable, "The server cannot check this session now. Connect again in a moment and resume, or go on with your fresh id.")
		}
		return proto.Errorf(proto.Unauthorised, "This is not a session token of this service. Go on with your fresh id.")
	}
	if a := c.access.Load(); a != nil && a.User != t.User {
		g.metrics.Sessions.Resumes.Inc(metrics.ResumeRefused)
		return proto.Errorf(proto.Unauthorised, "This session belongs to another user than your access token. Go on with your fresh id.")
	}
	if t.Peer == c.session.id {
		g.learnToken(c.session, t.TokenRef)
		return c.resumeOwn(t, args.Received, f.ID)
	}
	unlock, ok := g.resuming.lock(t.Peer, c.session.id)
	if !ok {
		return resumedElsewhere()
	}
	defer unlock()
	e := g.resumeAs(c, t, args.Received, f.ID)
	if e != nil {
		g.metrics.Sessions.Resumes.Inc(metrics.ResumeRefused)
	}
	return e
}

// resumeOwn answers a Resume of the session that the connection already has.
func (c *conn) resumeOwn(t *auth.SessionToken, received *uint64, id []byte) *proto.Error {
	s := c.session
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.conn != c:
		return resumedElsewhere()
	case !s.acceptsLocked(t.TokenRef, received):
		c.g.metrics.Sessions.Resumes.Inc(metrics.ResumeRefused)
		return sessionReplaced()
	}
	recovered := !s.lossy
	if c.enqueue(c.g.detailsLocked(s, &recovered, id)) > flushNeeded {
		s.unsent++
	}
	c.g.metrics.Sessions.Resumes.Inc(metrics.ResumedHere)
	return nil
}

// resumeAs finds the session and attaches c to it.
func (g *Gateway) resumeAs(c *conn, t *auth.SessionToken, received *uint64, id []byte) *proto.Error {
	for range 2 {
		s := g.sessions.get(t.Peer)
		if s != nil {
			g.learnToken(s, t.TokenRef)
		}
		if s == nil || !s.owned() {
			return g.takeOver(c, t, received, id, s)
		}
		if e, ok := g.resumeHere(c, s, t, received, id); ok {
			return e
		}
	}
	return sessionOver()
}

// owned reports whether this gateway owns the session, as far as it knows.
func (s *session) owned() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase <= away || s.phase == lent
}

// resumeHere attaches c to a session that this gateway owns; ok is false when
// the session has just ended or moved.
func (g *Gateway) resumeHere(c *conn, s *session, t *auth.SessionToken, received *uint64, id []byte) (e *proto.Error, ok bool) {
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
			g.takeBack(s)
		}
		if !s.attachable() {
			return resumedElsewhere(), true
		}
	}
	if old != nil {
		old.ws.AwaitRead()
		s.displace(old, proto.CloseTakenOver)
	}
	replayed, recovered := 0, false
	ok = c.moveTo(s, away, func() {
		var missed [][]byte
		if !loan { // otherwise the missed frames are in the copy that was lent
			missed, recovered = s.replayLocked(t.TokenRef, received)
		}
		recovered = recovered && !g.suspicion.Raised()
		s.shown, replayed = t.TokenRef, len(missed)
		s.attachLocked(c, &recovered, id, append(missed, s.kept.Take(g.buffers)...))
	})
	if !ok {
		return nil, false
	}
	g.log.Debug("session resumed", "peer", string(s.id), "frames", replayed, "recovered", recovered)
	g.metrics.Sessions.Resumes.Inc(metrics.ResumedHere)
	g.rejoin(s)
	return nil, true
}

// attachable reports whether the session waits for a connection.
func (s *session) attachable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase == away
}

// moveTo makes c the connection of s and ends the session that c had. The reader of c
// calls it. attach runs under the lock of s. ok is false, and nothing has changed, when s
// is no longer in phase from, or c was displaced. Only one session is locked at a time:
// c.detaching keeps c with its old session until it has left that session.
func (c *conn) moveTo(s *session, from phase, attach func()) (ok bool) {
	c.detaching.Lock()
	defer c.detaching.Unlock()
	fresh := c.session
	if !fresh.has(c) {
		return false
	}
	s.mu.Lock()
	if ok = s.phase == from; ok {
		attach()
	}
	s.mu.Unlock()
	if ok {
		c.g.abandon(fresh)
	}
	return ok
}

// has reports whether c is the session's connection. The answer stays true as long as the
// caller holds c.detaching.
func (s *session) has(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn == c
}

// displace detaches a session from a connection that still looks alive, unless it has
// ended by itself. It keeps the frames that the connection has not sent for the next
// connection, and returns when that is done.
func (s *session) displace(old *conn, code proto.CloseCode) {
	old.detaching.Lock() // a connection that has just ended detaches itself
	defer old.detaching.Unlock()
	if !s.has(old) {
		return
	}
	left := old.retire(code)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = nil
	s.leftLocked(left)
}

// retire removes the frames that wait in a connection, and closes it.
func (c *conn) retire(code proto.CloseCode) socket.Remains {
	left := c.ws.CloseAndTake(code)
	left.Unsent = append(left.Unsent, c.refuseRooms())
	return left
}

// abandon forgets the fresh session of a connection that has become another peer.
func (g *Gateway) abandon(fresh *session) {
	fresh.mu.Lock()
	fresh.conn, fresh.phase = nil, over
	fresh.places.End()
	fresh.mu.Unlock()
	g.sessions.drop(fresh)
}

// rejoin announces a session's present connection to its rooms: frames that they sent
// to an earlier connection may have been lost.
func (g *Gateway) rejoin(s *session) {
	s.mu.Lock()
	rooms := slices.Clone(s.rooms)
	s.mu.Unlock()
	g.rooms.Reseat(s, rooms)
}

// detailsLocked encodes Client_Details; recovered is nil for a fresh peer.
func (g *Gateway) detailsLocked(s *session, recovered *bool, id []byte) []byte {
	d := proto.Details{
		ID: s.id, Session: s.tokenLocked(), Resumed: recovered != nil, Recovered: recovered,
		IceServers: g.ice.List(s.id, g.wall()),
		Limits:     g.limits(),
		AcceptFrom: s.acceptFrom,
		Heartbeat:  int(socket.Heartbeat / time.Second),
	}
	if recovered != nil {
		d.Rooms = s.rooms
	}
	return g.serverFrame(proto.TypeInfo, string(proto.ClientDetails), marshal(d), id)
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
