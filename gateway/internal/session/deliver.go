package session

import (
	"slices"

	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Deliver delivers a frame of the server to the peer: to its connection, or to the
// replay buffer for its next one. It keeps no reference to frame.
func (s *Session) Deliver(frame []byte) (v Result) {
	s.mu.Lock()
	defer s.delivered(&v)
	return s.deliverLocked("", frame)
}

// delivered unlocks s after a delivery, and flushes a connection that got much at once
// before the next frame comes. Otherwise a fast peer's queue may fill before any writer
// empties it.
func (s *Session) delivered(v *Result) {
	c := s.conn
	s.mu.Unlock()
	if *v == FlushNeeded {
		*v = Delivered
		c.Socket.Flush()
	}
}

// deliverLocked is Deliver. from is the peer that has sent the frame to this peer alone; "" for
// frames of the server and of rooms. A frame above the share of its sender was never accepted,
// and its sender learns that at once, so the session is not lossy for it.
func (s *Session) deliverLocked(from proto.PeerID, frame []byte) Result {
	switch s.phase {
	case attached:
		switch v := s.conn.Client.Enqueue(from, frame); v {
		case NotFound:
		case Declined:
			return NotFound // its sender may find another peer
		default:
			s.lossy = s.lossy || v == QueueFull
			return v
		}
		// The connection is closing: new frames are for the next one.
		fallthrough
	case away, arriving:
		if v, keep := s.filterForeign(frame); !keep {
			return v
		}
		if !s.kept.Add(s.tab.cfg.Buffers, s.tab.cfg.Replay, slices.Clone(frame)) {
			s.lossy = true
			s.tab.cfg.Metrics.Sessions.ReplayFull.Inc()
			return QueueFull
		}
		return Delivered
	case lent, moved:
		return Redirected
	}
	return NotFound
}

// Receive delivers a relayed frame to the peer. If the result is Redirected, move names the
// gateway that is to get the frame. Receive keeps no reference to f.
func (s *Session) Receive(f *link.Frame) (v Result, move *bus.Move) {
	s.mu.Lock()
	defer s.delivered(&v)
	switch s.phase {
	case attached, away:
		if f.ToEpoch < s.hold.Epoch { // frames sent before f may still come back, by an earlier route
			return Redirected, &bus.Move{Peer: s.id, Owner: s.tab.cfg.Own, Epoch: s.hold.Epoch}
		}
		return s.takeLocked(f), nil
	case arriving:
		return s.attempt.take(s, f)
	case lent:
		return Redirected, &bus.Move{Peer: s.id, Owner: s.hold.Other, Epoch: s.hold.Epoch + 1, Tentative: true}
	case moved:
		return Redirected, &bus.Move{Peer: s.id, Owner: s.hold.Other, Epoch: s.hold.Epoch}
	}
	return NotFound, nil
}

// TakeDirect delivers a frame of another peer of this gateway; ok is false when the frame
// must go through the router.
func (s *Session) TakeDirect(f *link.Frame) (v Result, ok bool) {
	s.mu.Lock()
	defer s.delivered(&v)
	if !s.direct || s.phase > away {
		return Redirected, false
	}
	return s.takeLocked(f), true
}

// takeLocked delivers a relayed frame, unless the peer does not accept it, or its sender has
// moved after sending it: a later frame may have arrived already.
func (s *Session) takeLocked(f *link.Frame) Result {
	if string(dialect.Of(f.Data)) != s.dialect {
		return NotFound // clients of different protocols do not understand each other
	}
	if s.acceptFrom != proto.AcceptAnyone && s.dialect == "" && !s.tab.rooms.Admits(s.acceptFrom, s.rooms, f) {
		return NotAccepted
	}
	if f.From != "" && !s.fence.Pass(f.From, f.Epoch) {
		s.tab.cfg.Metrics.Relays.Outdated.Inc()
		return QueueFull
	}
	if f.Room != "" {
		return s.deliverLocked("", f.Data) // the peer has joined the room
	}
	return s.deliverLocked(f.From, f.Data)
}

// filterForeign decides about a frame for a client of a dialect that is away. keep says that
// the frame waits for the client; otherwise v is the frame's result. The caller holds s.mu.
func (s *Session) filterForeign(frame []byte) (v Result, keep bool) {
	if s.translator == nil {
		return Delivered, true
	}
	text, ok := s.translator.Encode(frame)
	if !ok {
		return NotFound, false
	}
	return Delivered, text != nil
}
