package client

import (
	"errors"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/session"
	"p2pconnector/proto"
)

// resume gives the connection the session that a session token names. On an error
// the connection keeps its fresh id.
func (c *Conn) resume(f *proto.Frame) *proto.Error {
	tab := c.tab
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
	t, err := tab.cfg.Keys.Verify(args.Session, tab.cfg.Frames.Wall())
	if err != nil {
		tab.cfg.Metrics.Sessions.Resumes.Inc(metrics.ResumeRefused)
		switch {
		case errors.Is(err, auth.ErrTokenExpired):
			return session.Over()
		case errors.Is(err, auth.ErrKeysOld):
			return proto.Errorf(proto.Unavailable, "The server cannot check this session now. Connect again in a moment and resume, or go on with your fresh id.")
		}
		return proto.Errorf(proto.Unauthorised, "This is not a session token of this service. Go on with your fresh id.")
	}
	if a := c.Access.Load(); a != nil && a.User != t.User {
		tab.cfg.Metrics.Sessions.Resumes.Inc(metrics.ResumeRefused)
		return proto.Errorf(proto.Unauthorised, "This session belongs to another user than your access token. Go on with your fresh id.")
	}
	return tab.cfg.Sessions.Resume(&c.Conn, t, args.Received, f.ID)
}
