package client

import (
	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/frames"
	"p2pconnector/gateway/internal/ratelimit"
	"p2pconnector/proto"
)

// Limits of one connection on tokens to check. They are its own, so that it cannot use up
// what others of its address need to connect.
const (
	tokensPerSecond = 1
	tokenBurst      = 20
)

// authenticate replaces the connection's access token, so that the connection outlives
// the old one.
func (c *Conn) authenticate(f *proto.Frame) *proto.Error {
	if c.tab.cfg.Verifier() == nil {
		return proto.Errorf(proto.Unauthorised, "This server takes no access tokens: nothing needs to be renewed.")
	}
	var args proto.AuthenticateData
	if _, ok := proto.Unpack(f.Data, map[string]any{"token": &args.Token}); !ok || args.Token == "" {
		return proto.Missing("data.token", "`data.token` is missing or not a string. Give a fresh access token.")
	}
	if wait, _ := c.tokenRate.Take(c.tab.cfg.Clock.Load(), ratelimit.Limit{PerSecond: tokensPerSecond, Burst: tokenBurst}); wait > 0 {
		e := proto.Errorf(proto.RateLimited, "Too many access tokens on this connection: %d a second are checked. Get a fresh one and send it in a moment.", tokensPerSecond)
		e.RetryAfterMS = wait.Milliseconds()
		return e
	}
	a, err := c.tab.cfg.Verifier().Verify(args.Token)
	if err != nil {
		c.tab.cfg.Metrics.Handshakes.Tokens.Inc()
		return proto.Errorf(proto.Unauthorised, "This access token is malformed, expired or not signed by a known key. Get a fresh one.")
	}
	if old := c.Access.Load(); a.User != old.User {
		return proto.Errorf(proto.Unauthorised, "This access token is for another user. Connect again to change the user.")
	}
	c.Access.Store(a)
	data := proto.AuthenticatedData{Expires: a.Expires.UTC()}
	c.Session.Deliver(c.tab.cfg.Frames.Server(proto.TypeInfo, string(proto.Authenticated), frames.Marshal(data), f.ID))
	c.accessChanged()
	return nil
}

// denied returns the error for a client whose token does not grant what it asks for. The
// error is the same whether the room exists or not.
func denied(what auth.Grant) *proto.Error {
	return proto.Errorf(proto.Unauthorised, "Your access token does not grant %q here. Get one that does, and send it with Authenticate.", string(what))
}

// allowed returns an error unless the connection's token grants a room event.
func (c *Conn) allowed(event proto.Event, room proto.RoomID, create bool) *proto.Error {
	a := c.Access.Load()
	if a == nil {
		return nil
	}
	if missing := a.Missing(event, room, create, c.Session.InRoom(room)); missing != "" {
		return denied(missing)
	}
	return nil
}
