// Package client is a small client of the connector: it speaks the protocol of
// package proto over one WebSocket and keeps its identity when that breaks.
//
//	c, err := client.Dial(ctx, client.Options{URLs: []string{"ws://localhost:8080"}})
//	room, err := c.Join(ctx, "lobby", client.JoinOptions{Create: true})
//	for f := range c.Frames() { … }
//
// # Reconnecting
//
// After any loss other than the close codes 1000, 4001 and 4002 the client reconnects,
// to the next of its URLs, with exponential backoff and full jitter, and resumes its
// session: it keeps its id and its rooms, and receives the frames that waited for it,
// in order. A Client_Details frame in [Client.Frames] marks the place where that
// happened; [Frame.Resumed] reads it. When the session could not be resumed, the
// client continues as a new peer without rooms.
//
// A server that drains announces when to reconnect. The client stays until the server
// closes the connection, and reconnects at that time without backoff.
//
// # Delivery
//
// Send returns when the frame has been written, and waits while the client is
// disconnected. A frame in transit when the connection broke may be lost: only an
// answer, or [Client.Ping] after it, proves that the server has handled the frame. (A
// Ping does not wait for room requests without an answer, nor for messages behind
// them.) A request that had no answer when the connection broke returns
// [ErrInterrupted]: it may have taken effect.
package client
