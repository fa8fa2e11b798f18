package gateway

import (
	"encoding/json"
	"errors"
	"sync"
	"time"

	"p2pconnector/proto"
)

// errors of Resume, as clients hear them.
func sessionReplaced() *proto.Error {
	return proto.Errorf(proto.Unauthorised, "This session token has been replaced by a newer one. Use the last one you got, or go on with your fresh id.")
}

func sessionOver() *proto.Error {
	return proto.Errorf(proto.NotFound, "This session has ended. Go on with your fresh id and join your rooms again.")
}

// resume makes the connection the peer that a session token names. On an error
// the connection keeps its fresh id.
func (c *conn) resume(f *proto.Frame) *proto.Error {
	g := c.g
	if !c.first {
		return proto.Errorf(proto.Unauthorised, "Resume works only as the first frame of a connection. Connect again to resume.")
	}
	var args struct {
		Session  string  `json:"session"`
		Received *uint64 `json:"received"`
	}
	if f.Data == nil || json.Unmarshal(f.Data, &args) != nil || args.Session == "" {
		return proto.Missing("data.session", "`data.session` is missing or not a string. Give the last session token you got.")
	}
	t, err := g.keys.verify(args.Session, time.Now())
	if err != nil {
		g.stats.resumed("refused")
		if errors.Is(err, errTokenExpired) {
			return sessionOver()
		}
		return proto.Errorf(proto.Unauthorised, "This is not a session token of this service. Go on with your fresh id.")
	}
	if a := c.access.Load(); a != nil && a.user != t.User {
		g.stats.resumed("refused")
		return proto.Errorf(proto.Unauthorised, "This session belongs to another user than your access token. Go on with your fresh id.")
	}
	unlock, ok := g.resuming.lock(t.Peer)
	if !ok {
		return proto.Errorf(proto.Unavailable, "This session is being resumed by another connection at this moment. Go on with your fresh id, or connect again.")
	}
	defer unlock()
	e := g.resumeAs(c, t, args.Received, f.ID)
	if e != nil {
		g.stats.resumed("refused")
	}
	return e
}

// resumeAs finds the session and attaches c to it.
func (g *Gateway) resumeAs(c *conn, t *sessionToken, received *uint64, id []byte) *proto.Error {
	for range 2 {
		s := g.sessions.get(t.Peer)
		if s != nil {
			g.yield(s, t.Count, t.Holder)
		}
		if s == nil || s.handedOn() {
			return g.takeOver(c, t, received, id, s)
		}
		if e, ok := g.resumeHere(c, s, t, received, id); ok {
			return e
		}
	}
	return sessionOver()
}

func (s *session) handedOn() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase == moved
}

// resumeHere attaches c to a session that this gateway holds; ok is false when
// it ended or moved at this moment.
func (g *Gateway) resumeHere(c *conn, s *session, t *sessionToken, received *uint64, id []byte) (e *proto.Error, ok bool) {
	s.mu.Lock()
	if !s.acceptsLocked(t.Count, received) {
		s.mu.Unlock()
		return sessionReplaced(), true
	}
	old := s.conn
	if old != nil {
		s.mu.Unlock()
		old.readOut()
		s.displace(old, proto.CloseTakenOver)
		s.mu.Lock()
	}
	if s.phase != away {
		s.mu.Unlock()
		return nil, false
	}
	missed, recovered := s.replayLocked(t.Count, received)
	s.shown = t.Count
	g.abandon(c)
	s.attachLocked(c, g.detailsLocked(s, &recovered, c, id), append(missed, s.kept.take(g)...))
	s.mu.Unlock()
	g.log.Debug("session resumed", "peer", string(s.id), "frames", len(missed), "recovered", recovered)
	g.stats.resumed("here")
	g.rejoin(s)
	return nil, true
}

// displace parts a session from a connection that still looks alive: what that
// one has not taken is kept for the next. It returns when that is so.
func (s *session) displace(old *conn, code proto.CloseCode) {
	old.parting.Lock() // a connection that has just ended leaves everything itself
	defer old.parting.Unlock()
	left := old.retire(code)
	s.mu.Lock()
	if s.conn == old {
		s.conn = nil
		s.leftLocked(left)
	}
	s.mu.Unlock()
}

// retire takes the frames that wait away from a connection, and closes it.
func (c *conn) retire(code proto.CloseCode) remains {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := c.remainsLocked(append(c.lost, c.buf...))
	c.buf, c.frames, c.lost = nil, 0, nil
	c.closeLocked(code, code.Reason(), true)
	c.closeBy = time.Now().Add(closeTimeout)
	return left
}

// abandon forgets the fresh session of a connection that becomes another peer.
func (g *Gateway) abandon(c *conn) {
	fresh := c.session
	fresh.mu.Lock()
	fresh.conn, fresh.phase = nil, over
	fresh.mu.Unlock()
	g.sessions.drop(fresh)
}

// rejoin has rooms know a session's present connection: what they showed an
// earlier one may have been lost.
func (g *Gateway) rejoin(s *session) {
	s.mu.Lock()
	rooms := s.rooms
	s.mu.Unlock()
	for _, id := range rooms {
		if r := g.rooms.get(id); r != nil {
			r.reseat(s)
		}
	}
}

// reseat makes s the local member's session.
func (r *replica) reseat(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if lm := r.local[s.id]; lm != nil {
		lm.s = s
	}
}

// detailsLocked encodes Client_Details for s; recovered is nil for a fresh peer.
func (g *Gateway) detailsLocked(s *session, recovered *bool, c *conn, id []byte) []byte {
	token := s.tokenLocked()
	s.base, s.untold = s.count, recovered != nil && !*recovered
	d := proto.Details{
		ID: s.id, Session: token, Resumed: recovered != nil, Recovered: recovered,
		IceServers: g.ice.list(s.id, time.Now()),
		Limits:     g.cfg.limits(),
		Heartbeat:  int(heartbeat / time.Second),
	}
	if recovered != nil {
		d.Rooms = s.rooms
	}
	return g.serverFrame(proto.TypeInfo, string(proto.ClientDetails), marshal(d), id)
}

// exclusive lets one goroutine at a time work on a peer. Safe for concurrent use.
type exclusive struct {
	mu   sync.Mutex
	busy map[proto.PeerID]bool
}

func (x *exclusive) lock(id proto.PeerID) (unlock func(), ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.busy[id] {
		return nil, false
	}
	if x.busy == nil {
		x.busy = make(map[proto.PeerID]bool)
	}
	x.busy[id] = true
	return func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		delete(x.busy, id)
	}, true
}
