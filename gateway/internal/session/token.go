package session

import (
	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/frames"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// tokenLocked makes the session's next token.
func (s *Session) tokenLocked() string {
	s.tokens++
	return s.tab.cfg.Keys.Sign(auth.SessionToken{
		Peer: s.id, TokenRef: bus.TokenRef{Owner: s.tab.cfg.Own, Epoch: s.hold.Epoch, Conn: s.conns, Number: s.tokens, Copied: s.hold.Epoch - s.root},
		Rooms: s.rooms, User: s.user, AcceptFrom: s.acceptFrom,
	}, s.tab.cfg.Frames.Wall())
}

// RenewToken implements room.Member: it sends the peer a token with its present rooms,
// which replaces the last. The token is for the present connection only. If it waited for
// the next one, it would arrive after the newer token in Client_Details, and replace that.
func (s *Session) RenewToken() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != attached {
		return // it gets one when it resumes
	}
	frame := s.tab.cfg.Frames.Server(proto.TypeInfo, string(proto.Session), frames.Marshal(proto.SessionData{Session: s.tokenLocked()}), nil)
	if s.conn.Client.Enqueue("", frame) > FlushNeeded {
		s.unsent++
	}
}
