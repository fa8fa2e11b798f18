package gateway

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/egress"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/ratelimit"
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/proto"
)

// conn carries out what a client asks for through one WebSocket. Only its reader may call
// Message and readEnded. enqueue, and the methods of ws that are documented so, are safe
// for concurrent use.
type conn struct {
	g          *Gateway
	ws         *socket.Conn
	addr       netip.Addr     // that the connection counts for
	delta      bool           // wants changes in place of full lists
	acceptFrom *proto.Senders // whose frames the client accepts; nil: it does not say

	translator dialect.Translator // fixed; nil: the client speaks our own protocol

	// Owned by the reader; session and epoch are fixed once anything is in the room queue.
	session    *session
	budget     *egress.Client   // of bytes: that of session
	epoch      uint64           // of session, when this became its connection
	lookupRate ratelimit.Bucket // of frames to peers that must be looked up in the directory
	tokenRate  ratelimit.Bucket // of access tokens
	first      bool             // no frame has been read yet
	frameRate  ratelimit.Bucket
	began      clock.Instant // when the current frame was read, if it is timed
	lastTo     proto.PeerID  // receiver of its last relay over NATS

	access    atomic.Pointer[auth.Access] // what its token allows; nil: everything
	leave     func()                      // gives its place back to the admission controller
	detaching sync.Mutex                  // held while the connection leaves its session; taken before any session's lock

	roomsMu sync.Mutex
	rooms   *roomQueue // what waits for room requests; nil: nothing
}

func newConn(g *Gateway, ws *socket.Conn, addr netip.Addr, delta bool) *conn {
	return &conn{g: g, ws: ws, addr: addr, delta: delta, budget: g.budgets.Client(addr), first: true}
}

// result is the outcome of a frame for one peer.
type result int

const (
	delivered   result = iota // to the connection, or to the replay buffer
	flushNeeded               // delivered to the connection, which must be flushed before the next one
	queueFull                 // the queue has no room
	notFound                  // no such connection or session
	redirected                // another gateway has the session
	notAccepted               // the peer accepts no frames of the sender
	overShare                 // the sender has used its share of what waits for the peer
	declined                  // the connection takes no frames of others now; a session turns it into notFound
)

// count counts v, the result of a relayed frame for one of its receivers.
func (v result) count(r *metrics.Relays) {
	switch v {
	case delivered, flushNeeded:
		r.Delivered.Inc()
	case queueFull:
		r.QueueFull.Inc()
	case notFound:
		r.NotFound.Inc()
	case redirected:
		r.Moved.Inc()
	case notAccepted:
		r.NotAccepted.Inc()
	case overShare:
		r.OverShare.Inc()
	}
}

// results maps the results of package socket to those of a frame for a peer.
var results = [...]result{socket.Delivered: delivered, socket.FlushNeeded: flushNeeded, socket.QueueFull: queueFull, socket.Closed: notFound, socket.ShareFull: overShare}

// enqueue queues a text frame.
func (c *conn) enqueue(payload []byte) result { return c.enqueueFrom("", payload) }

// enqueueFrom queues a text frame that a peer has sent to this one alone; from is "" for
// other frames.
func (c *conn) enqueueFrom(from proto.PeerID, payload []byte) result {
	if c.translator != nil {
		return c.enqueueForeign(from, payload)
	}
	v := c.send(from, payload)
	if v <= flushNeeded {
		c.g.metrics.Frames.Queued(payload)
	}
	return v
}

// send queues a text as it goes to the network.
func (c *conn) send(from proto.PeerID, text []byte) result {
	if from == "" {
		return results[c.ws.Send(text)]
	}
	return results[c.ws.SendFrom(from, text)]
}

// serve reads the connection until it ends.
func (c *conn) serve() {
	defer c.g.conns.wg.Done()
	if c.translator != nil {
		c.translator.Greet() // when it refuses the client, nothing is decoded any more
	}
	c.ws.Serve(c)
	c.readEnded()
}

// readEnded detaches the connection from its session. It runs once, when the read loop has
// ended for whatever reason.
func (c *conn) readEnded() {
	c.g.budgets.Ended(c.addr, c.budget)
	c.awaitRooms() // the client's last requests are carried out and answered before its end
	clean := c.ws.Finish()
	c.detaching.Lock()
	defer c.detaching.Unlock()
	left := c.ws.Remains()
	if c.translator != nil {
		left, clean = c.restore(left), c.ws.ClosedByClient()
	}
	c.g.conns.remove(c)
	c.g.budgets.Ended(c.addr, c.budget) // before its place is free for the next
	c.leave()
	c.logEnd()
	c.session.detach(c, clean, left)
	if c.translator != nil {
		c.g.metrics.Dialects.Ended.Inc(c.session.dialect)
	}
}

// sweep runs the periodic checks of the connection, among them whether its access token
// has expired. It is called once a second.
func (c *conn) sweep(now time.Time) {
	var code proto.CloseCode
	if c.access.Load().Expired(c.g.wall()) {
		code = proto.CloseToken
	}
	c.ws.Sweep(now, code)
}

// Panicked implements socket.Handler: it counts and logs a panic in the handling of a
// frame, and closes the connection.
func (c *conn) Panicked(p any, stack []byte) {
	c.g.metrics.Faults.Panics.Inc()
	c.g.log.Error("panic while handling a frame", "peer", string(c.session.id), "err", p, "stack", string(stack))
	c.ws.Close(proto.CloseInternal, proto.CloseInternal.Reason(), true)
}
