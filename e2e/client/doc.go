// Package client is a small client of the connector: it speaks the protocol of
// package proto over one WebSocket and keeps its identity when that breaks.
//
//	c, err := client.Dial(ctx, client.Options{URLs: []string{"ws://localhost:8080"}})
//	room, err := c.Join(ctx, "lobby", client.JoinOptions{Create: true})
//	for f := range c.Frames() { … }
//
// # Coming back
//
// After any loss other than the close codes 1000, 4001 and 4002 the client
// connects again, to the next of its URLs, with exponential backoff and full
// jitter, and resumes its session: same id, same rooms, the frames that waited
// in their order. A Client_Details frame in [Client.Frames] marks the place where
// that happened; [Frame.Resumed] reads it. When the session could not be resumed,
// the client is a new peer without rooms and goes on as that.
//
// A server that drains says when to come back; the client stays until the server
// closes, and then comes back at that time without backoff.
//
// # What is certain
//
// Send returns when the frame is on its way, and waits while the connection is
// away. A frame that was on its way when the connection broke may be lost: only
// an answer, or [Client.Ping] after it, proves that the server has handled it. (A Ping
// does not wait for room requests without an answer, nor for messages behind them.)
// A request whose answer was not there when the connection broke returns
// [ErrInterrupted]: it may have taken effect.
package client
