package client

import (
	"net/netip"
	"sync"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/ratelimit"
	"p2pconnector/gateway/internal/session"
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/proto"
)

// Conn carries out what a client asks for through one WebSocket. Only its reader may call
// Message. Enqueue, and the methods of its socket that are documented so, are
// safe for concurrent use.
type Conn struct {
	session.Conn
	tab *Table

	translator dialect.Translator // fixed; nil: the client speaks our own protocol

	// Owned by the reader; the session is fixed once anything is in the room queue.
	lookupRate ratelimit.Bucket // of frames to peers that must be looked up in the directory
	tokenRate  ratelimit.Bucket // of access tokens
	first      bool             // no frame has been read yet
	frameRate  ratelimit.Bucket
	began      clock.Instant // when the current frame was read, if it is timed
	lastTo     proto.PeerID  // receiver of its last relay over NATS

	leave func() // gives its place back to the admission controller

	passwordRate ratelimit.Bucket // of passwords of rooms; owned by the worker of the room queue

	roomsMu sync.Mutex
	rooms   *roomQueue // what waits for room requests; nil: nothing
}

// New makes the connection of a client on a WebSocket, without a session. addr is the address
// that it counts for, and delta says that the client wants changes in place of full lists.
func (tab *Table) New(ws *socket.Conn, addr netip.Addr, delta bool) *Conn {
	c := &Conn{tab: tab, Conn: session.Conn{Socket: ws, Addr: addr, Delta: delta, Budget: tab.cfg.Budgets.Client(addr)}, first: true, leave: func() {}}
	c.Client = c
	return c
}

// results maps the results of package socket to those of a frame for a peer.
var results = [...]session.Result{
	socket.Delivered: session.Delivered, socket.FlushNeeded: session.FlushNeeded, socket.QueueFull: session.QueueFull,
	socket.Closed: session.NotFound, socket.ShareFull: session.OverShare,
}

// enqueue queues a text frame.
func (c *Conn) enqueue(payload []byte) session.Result { return c.Enqueue("", payload) }

// Enqueue implements session.Client: it queues a text frame that a peer has sent to this client
// alone; from is "" for other frames.
func (c *Conn) Enqueue(from proto.PeerID, payload []byte) session.Result {
	if c.translator != nil {
		return c.enqueueForeign(from, payload)
	}
	v := c.send(from, payload)
	if v <= session.FlushNeeded {
		c.tab.cfg.Metrics.Frames.Queued(payload)
	}
	return v
}

// send queues a text as it goes to the network.
func (c *Conn) send(from proto.PeerID, text []byte) session.Result {
	if from == "" {
		return results[c.Socket.Send(text)]
	}
	return results[c.Socket.SendFrom(from, text)]
}

// serve reads the connection until it ends.
func (c *Conn) serve() {
	defer c.tab.wg.Done()
	if c.translator != nil {
		c.translator.Greet() // when it refuses the client, nothing is decoded any more
	}
	c.Socket.Serve(c)
	c.readEnded()
}

// readEnded detaches the connection from its session. It runs once, when the read loop has
// ended for whatever reason.
func (c *Conn) readEnded() {
	c.tab.cfg.Budgets.Ended(c.Addr, c.Budget)
	c.awaitRooms() // the client's last requests are carried out and answered before its end
	clean := c.Socket.Finish()
	if c.translator != nil {
		clean = c.Socket.ClosedByClient()
	}
	c.End(clean, func() socket.Remains {
		left := c.Socket.Remains()
		if c.translator != nil {
			left = c.restore(left)
		}
		c.tab.remove(c)
		c.tab.cfg.Budgets.Ended(c.Addr, c.Budget) // before its place is free for the next
		c.leave()
		c.logEnd()
		return left
	})
	if c.translator != nil {
		c.tab.cfg.Metrics.Dialects.Ended.Inc(c.Session.Dialect())
	}
}

// sweep runs the periodic checks of the connection, among them whether its access token
// has expired. It is called once a second.
func (c *Conn) sweep(now time.Time) {
	var code proto.CloseCode
	if c.Access.Load().Expired(c.tab.cfg.Frames.Wall()) {
		code = proto.CloseToken
	}
	c.Socket.Sweep(now, code)
}

// Panicked implements socket.Handler: it counts and logs a panic in the handling of a
// frame, and closes the connection.
func (c *Conn) Panicked(p any, stack []byte) {
	c.tab.cfg.Metrics.Faults.Panics.Inc()
	c.tab.cfg.Logger.Error("panic while handling a frame", "peer", string(c.Session.ID()), "err", p, "stack", string(stack))
	c.Socket.Close(proto.CloseInternal, proto.CloseInternal.Reason(), true)
}
