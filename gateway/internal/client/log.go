package client

import (
	"context"
	"log/slog"

	"p2pconnector/proto"
)

// logBegin logs the start of a connection, at level debug because any client could
// cause as many such lines as it likes.
func (c *Conn) logBegin() {
	c.tab.cfg.Logger.LogAttrs(context.Background(), slog.LevelDebug, "connected",
		slog.String("peer", string(c.Session.ID())), slog.Bool("delta", c.Delta))
}

// logEnd logs the end of a connection: at level debug like its start, and as a warning
// when the client read too slowly. The reader calls it, once.
func (c *Conn) logEnd() {
	code, why := c.Socket.CloseCode(), c.Socket.CloseReason()
	level := slog.LevelDebug
	if code == proto.CloseTryAgain && why == code.Reason() { // other causes have that code too
		level = slog.LevelWarn
	}
	c.tab.cfg.Logger.LogAttrs(context.Background(), level, "connection ended",
		slog.String("peer", string(c.Session.ID())), slog.Int("code", int(code)), slog.String("why", why))
}
