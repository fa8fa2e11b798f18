package gateway

import (
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// sessionKeys returns the configuration of the keys that sign session tokens.
func (g *Gateway) sessionKeys() auth.SessionKeysConfig {
	return auth.SessionKeysConfig{
		Secrets: g.cfg.SessionKey, Fetch: g.fetchKeys, Go: g.background, Count: g.metrics.Sessions.KeyFetches.Inc, Logger: g.log,
	}
}

// fetchKeys asks the room service for the keys that all gateways share.
func (g *Gateway) fetchKeys(have *bus.KeySet) (*bus.KeySet, error) {
	reply, err := g.requests.Ask(bus.OpKeys, &bus.Request{Gateway: g.id, Keys: have})
	if err != nil {
		return nil, err
	}
	return reply.Keys, nil
}

// keysLoop follows the rotation of shared keys, and restores them at the room service
// when it may have lost them.
func (g *Gateway) keysLoop(done <-chan struct{}) {
	if g.cfg.SessionKey != "" {
		return
	}
	repeat(done, g.keysNow, auth.KeyPoll, func() time.Duration {
		g.keys.Refresh()
		return auth.KeyPoll
	})
}

// tokenLocked makes the session's next token.
func (s *session) tokenLocked() string {
	s.tokens++
	return s.g.keys.Sign(auth.SessionToken{
		Peer: s.id, TokenRef: bus.TokenRef{Owner: s.g.id, Epoch: s.hold.Epoch, Conn: s.conns, Number: s.tokens, Copied: s.hold.Epoch - s.root},
		Rooms: s.rooms, User: s.user, AcceptFrom: s.acceptFrom,
	}, s.g.wall())
}

// RenewToken implements room.Member: it sends the peer a token with its present rooms,
// which replaces the last. The token is for the present connection only. If it waited for
// the next one, it would arrive after the newer token in Client_Details, and replace that.
func (s *session) RenewToken() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != attached {
		return // it gets one when it resumes
	}
	frame := s.g.serverFrame(proto.TypeInfo, string(proto.Session), marshal(proto.SessionData{Session: s.tokenLocked()}), nil)
	if s.conn.enqueue(frame) > flushNeeded {
		s.unsent++
	}
}
