package gateway

import (
	"encoding/json"
	"time"

	"p2pconnector/proto"
)

// authenticate takes a fresh token, so that the connection outlives the old one.
func (c *conn) authenticate(f *proto.Frame) *proto.Error {
	if c.g.verifier == nil {
		return proto.Errorf(proto.Unauthorised, "This server takes no access tokens: nothing needs to be renewed.")
	}
	var args struct {
		Token string `json:"token"`
	}
	if f.Data == nil || json.Unmarshal(f.Data, &args) != nil || args.Token == "" {
		return proto.Missing("data.token", "`data.token` is missing or not a string. Give a fresh access token.")
	}
	a, err := c.g.verifier.verify(args.Token)
	if err != nil {
		return proto.Errorf(proto.Unauthorised, "This access token is malformed, expired or not signed by a known key. Get a fresh one.")
	}
	if old := c.access.Load(); a.user != old.user {
		return proto.Errorf(proto.Unauthorised, "This access token is for another user. Connect again to change the user.")
	}
	c.access.Store(a)
	data := proto.AuthenticatedData{Expires: a.expires.UTC()}
	c.session.deliver(c.g.serverFrame(proto.TypeInfo, string(proto.Authenticated), marshal(data), f.ID))
	return nil
}

// denied is what a client hears when its token does not grant what it wants. It
// is the same whether the room exists or not.
func denied(what grant) *proto.Error {
	return proto.Errorf(proto.Unauthorised, "Your access token does not grant %q here. Get one that does, and send it with Authenticate.", string(what))
}

// allowed reports whether the connection's token grants a room event.
func (c *conn) allowed(event proto.Event, room proto.RoomID, create bool) *proto.Error {
	a := c.access.Load()
	switch {
	case a == nil || !create && event != proto.CreateRoom && c.session.in(room):
		if event == proto.RemoveClient && !a.may(canRemove, room) {
			return denied(canRemove)
		}
	case !a.covers(room):
		return denied(canJoin)
	case (create || event == proto.CreateRoom) && !a.may(canCreate, room):
		return denied(canCreate)
	case event == proto.JoinRoom && !a.may(canJoin, room):
		return denied(canJoin)
	}
	return nil
}

// expired reports whether the connection's token has run out.
func (c *conn) expired(now time.Time) bool {
	a := c.access.Load()
	return a != nil && now.After(a.expires)
}
