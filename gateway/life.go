package gateway

import (
	"context"
	"log/slog"

	"p2pconnector/proto"
)

// logBegin and logEnd frame what the log has of a connection. Only a client that
// reads too slowly is worth a line at all times: the others anybody could cause,
// as many as they like.
func (c *conn) logBegin() {
	c.g.log.LogAttrs(context.Background(), slog.LevelDebug, "connected",
		slog.String("peer", string(c.session.id)), slog.Bool("delta", c.delta))
}

// logEnd runs on the reader, once.
func (c *conn) logEnd() {
	code := c.ws.CloseCode()
	level := slog.LevelDebug
	if code == proto.CloseTryAgain {
		level = slog.LevelWarn
	}
	c.g.log.LogAttrs(context.Background(), level, "connection ended",
		slog.String("peer", string(c.session.id)), slog.Int("code", int(code)), slog.String("why", code.Reason()))
}
