package chaos

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// worker is a client that changes rooms and sends frames. It knows for each of its
// ids when the connection broke and how it was resumed. When its client ends it
// continues with a new one. Safe for concurrent use.
type worker struct {
	sys *system
	n   int
	ctx context.Context // ends with the workload

	lastRead atomic.Int64 // when bytes last arrived

	mu      sync.Mutex
	c       *client.Client
	broken  []int64
	conns   int      // open TCP connections
	last    *tcpConn // the newest of them
	since   int64    // start of the last outage
	breaks  []int64  // every moment at which a connection ended
	outages []outage
}

// outage is the time from a broken connection to the next one.
type outage struct {
	from, to  int64 // last bytes received; known to be back
	id        proto.PeerID
	same      bool // the session was resumed
	recovered bool
	rooms     []proto.RoomID // that the session kept
}

func newWorker(ctx context.Context, sys *system, n int) *worker {
	return &worker{sys: sys, n: n, ctx: ctx}
}

// connect makes a new client, for as long as it takes.
func (p *worker) connect() bool {
	for p.ctx.Err() == nil {
		ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
		c, err := client.Dial(ctx, client.Options{
			URLs: p.sys.urls(p.n), Dial: p.dial, Heartbeat: p.heartbeat(), MaxWait: time.Second, Buffer: 4096,
		})
		cancel()
		if err == nil {
			p.mu.Lock()
			p.c, p.broken = c, nil
			p.mu.Unlock()
			return true
		}
		pause(p.ctx, 200*time.Millisecond)
	}
	return false
}

// heartbeat makes half of the workers impatient: they leave a gateway that hangs for
// some seconds. The others wait.
func (p *worker) heartbeat() time.Duration {
	if p.n%2 == 0 {
		return 3 * time.Second
	}
	return 0
}

// client returns the current client, or nil.
func (p *worker) client() *client.Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.c
}

// id returns the worker's current id, or "".
func (p *worker) id() proto.PeerID {
	if c := p.client(); c != nil {
		return c.ID()
	}
	return ""
}

// tcpConn is a TCP connection that records when bytes arrive and when it ends.
type tcpConn struct {
	net.Conn
	p    *worker
	once sync.Once
}

func (p *worker) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns++
	p.last = &tcpConn{Conn: c, p: p}
	return p.last, nil
}

// move makes the worker go to another gateway: its client dials the next one when
// its connection breaks.
func (p *worker) move() {
	for p.id() == "" && p.ctx.Err() == nil {
		pause(p.ctx, 10*time.Millisecond)
	}
	p.mu.Lock()
	last, before := p.last, len(p.outages)
	p.mu.Unlock()
	last.Close()
	for back := false; !back && p.ctx.Err() == nil; pause(p.ctx, 10*time.Millisecond) {
		p.mu.Lock()
		back = len(p.outages) > before
		p.mu.Unlock()
	}
}

func (x *tcpConn) Read(b []byte) (int, error) {
	n, err := x.Conn.Read(b)
	if n > 0 {
		x.p.lastRead.Store(x.p.sys.now())
	}
	if err != nil {
		x.over()
	}
	return n, err
}

func (x *tcpConn) Close() error {
	x.over()
	return x.Conn.Close()
}

func (x *tcpConn) over() {
	x.once.Do(func() {
		p := x.p
		p.mu.Lock()
		defer p.mu.Unlock()
		p.conns--
		p.broken = append(p.broken, p.lastRead.Load())
		p.breaks = append(p.breaks, p.sys.now())
	})
}

// cameBack records the data of a Client_Details. was is the worker's previous id.
func (p *worker) cameBack(d *proto.Details, was proto.PeerID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	from := p.since
	if len(p.broken) > 0 {
		from = slices.Min(p.broken)
	}
	p.since, p.broken = from, nil
	if p.conns == 0 {
		p.broken = []int64{from} // the connection broke again before this was read
	}
	p.outages = append(p.outages, outage{
		from: from, to: p.sys.now(), id: was, same: d.Resumed && d.ID == was,
		recovered: d.Recovered != nil && *d.Recovered, rooms: d.Rooms,
	})
}

// ended records that a client has ended for good.
func (p *worker) ended(was proto.PeerID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	from := p.sys.now()
	if len(p.broken) > 0 {
		from = slices.Min(p.broken)
	}
	p.broken = nil
	p.outages = append(p.outages, outage{from: from, to: p.sys.now(), id: was})
}

// grace is how long a session outlives its connection, less the difference between
// the times at which the test and a gateway notice the break.
const grace = proto.SessionGrace - 4*time.Second

// mayBeDropped returns the time from which peer id, one of this worker's, may have
// been removed from a room as disconnected, if it may.
func (p *worker) mayBeDropped(id proto.PeerID, room proto.RoomID) (from int64, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.outages {
		if o.id == id && !o.keptIn(room) {
			return o.from, true
		}
	}
	if p.c != nil && p.c.ID() == id && len(p.broken) > 0 {
		return slices.Min(p.broken), true
	}
	if p.c == nil || p.c.ID() != id {
		// Not the current id, although no end of it is recorded yet.
		return p.unknownSinceLocked(id), true
	}
	return 0, false
}

// keptIn reports whether this outage cannot have removed a peer from room: the peer
// resumed in time, and either with the room or with all updates.
func (o *outage) keptIn(room proto.RoomID) bool {
	return o.same && (slices.Contains(o.rooms, room) || o.recovered && time.Duration(o.to-o.from) < grace)
}

func (p *worker) unknownSinceLocked(proto.PeerID) int64 {
	if len(p.broken) > 0 {
		return slices.Min(p.broken)
	}
	return p.since
}

// brokeIn reports whether a connection of the worker ended within the time.
func (p *worker) brokeIn(from, to int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.breaks, func(at int64) bool { return from <= at && at <= to })
}

// lostIn reports whether peer id was disconnected within the time, or ended before
// it, and did not resume with recovered true.
func (p *worker) lostIn(id proto.PeerID, from, to int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.outages {
		if o.id == id && o.from <= to && (!o.same || !o.recovered && from <= o.to) {
			return true
		}
	}
	return len(p.broken) > 0 || p.c == nil
}

// history describes the worker's connections since a time.
func (p *worker) history(since int64) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	for _, o := range p.outages {
		if o.to >= since {
			fmt.Fprintf(&b, "[%.3f to %.3f, same %v, recovered %v, rooms %v]", seconds(o.from), seconds(o.to), o.same, o.recovered, o.rooms)
		}
	}
	return b.String()
}

// pause waits, or returns sooner when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
