package session

import (
	"bytes"
	"slices"
	"time"

	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/gateway/internal/quota"
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/proto/bus"
)

// leftLocked keeps the frames that the last connection has left, for the next one. It
// returns the limit that allows no further session to wait for its client.
func (s *Session) leftLocked(left socket.Remains) (met quota.Limit) {
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
func (s *Session) keepUnconfirmedLocked(unconfirmed []byte) {
	s.tab.cfg.Buffers.Release(membudget.Replay, len(s.unconfirmed))
	s.unconfirmed = nil
	s.kept.Beside(0)
	if len(unconfirmed) == 0 {
		return
	}
	if !s.tab.cfg.Buffers.Reserve(membudget.Replay, s.kept.Bytes(), len(unconfirmed)) {
		s.tab.cfg.Metrics.Sessions.ReplayFull.Inc()
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
func (s *Session) replayLocked(token bus.TokenRef, received *uint64) (frames [][]byte, ok bool) {
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
func (s *Session) unconfirmedLocked() [][]byte {
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
func (s *Session) restoreLocked(unsent [][]byte) {
	newer := s.kept.Take(s.tab.cfg.Buffers)
	var dropped [][]byte
	for payload := range socket.Texts(unsent...) {
		switch {
		case holdsToken(payload):
			s.unsent++
		case !s.kept.Add(s.tab.cfg.Buffers, s.tab.cfg.Replay, payload[:len(payload):len(payload)]): // nobody else holds unsent
			dropped = append(dropped, payload)
		}
	}
	dropped = append(dropped, s.kept.AddAll(s.tab.cfg.Buffers, s.tab.cfg.Replay, newer)...)
	if len(dropped) == 0 {
		return
	}
	s.lossy = true
	s.kept.Compact()
	s.tab.cfg.Go(func() { s.tab.relays.ReportUndelivered(s.id, dropped) }, func() {})
}

// dropLocked drops a frame that was accepted for the peer; its sender gets an error.
func (s *Session) dropLocked(frame []byte) {
	s.lossy = true
	frame = slices.Clone(frame)
	s.tab.cfg.Go(func() { s.tab.relays.ReportUndelivered(s.id, [][]byte{frame}) }, func() {})
}

// The first bytes of the frames that carry a session token.
var (
	tokenFrame   = []byte(`{"type":"info","event":"Session"`)
	detailsFrame = []byte(`{"type":"info","event":"Client_Details"`)
)

// WaitingBytes returns the bytes that wait for a peer that is away; 0 for any other peer.
func (s *Session) WaitingBytes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != away {
		return 0
	}
	return s.kept.Bytes() + len(s.unconfirmed)
}

// Shed gives up the frames that wait for a peer that is away, and reports them to their
// senders. The session stays, and the peer learns when it resumes that frames are missing.
func (s *Session) Shed() {
	s.mu.Lock()
	if s.phase != away {
		s.mu.Unlock()
		return
	}
	s.lossy = true
	frames := append(s.unconfirmedLocked(), s.kept.Take(s.tab.cfg.Buffers)...)
	s.mu.Unlock()
	s.tab.relays.ReportUndelivered(s.id, frames)
}
