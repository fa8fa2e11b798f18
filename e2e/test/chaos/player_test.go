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

	"p2pconnector/e2e/client"
	"p2pconnector/proto"
)

// player is a client that changes rooms and sends frames. It knows for each of its
// ids when the connection broke and how it was resumed. When its client ends it
// continues with a new one. Safe for concurrent use.
type player struct {
	w   *world
	n   int
	ctx context.Context // ends with the workload

	heard atomic.Int64 // when bytes last arrived

	mu      sync.Mutex
	c       *client.Client
	gone    bool // it has ended for good
	broken  []int64
	conns   int     // open TCP connections
	last    *wire   // the newest of them
	since   int64   // start of the last outage
	breaks  []int64 // every moment at which a connection ended
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

func newPlayer(ctx context.Context, w *world, n int) *player {
	return &player{w: w, n: n, ctx: ctx}
}

// connect makes a new client, for as long as it takes.
func (p *player) connect() bool {
	for p.ctx.Err() == nil {
		ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
		c, err := client.Dial(ctx, client.Options{
			URLs: p.w.urls(p.n), Dial: p.dial, Heartbeat: p.heartbeat(), MaxWait: time.Second, Buffer: 4096,
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

// heartbeat makes half of the players impatient: they leave a gateway that hangs for
// some seconds. The others wait.
func (p *player) heartbeat() time.Duration {
	if p.n%2 == 0 {
		return 3 * time.Second
	}
	return 0
}

// client returns the current client, or nil.
func (p *player) client() *client.Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.c
}

// id returns the player's current id, or "".
func (p *player) id() proto.PeerID {
	if c := p.client(); c != nil {
		return c.ID()
	}
	return ""
}

// wire is a TCP connection that records when bytes arrive and when it ends.
type wire struct {
	net.Conn
	p    *player
	once sync.Once
}

func (p *player) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns++
	p.last = &wire{Conn: c, p: p}
	return p.last, nil
}

// move makes the player go to another gateway: its client dials the next one when
// its connection breaks.
func (p *player) move() {
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

func (x *wire) Read(b []byte) (int, error) {
	n, err := x.Conn.Read(b)
	if n > 0 {
		x.p.heard.Store(x.p.w.now())
	}
	if err != nil {
		x.over()
	}
	return n, err
}

func (x *wire) Close() error {
	x.over()
	return x.Conn.Close()
}

func (x *wire) over() {
	x.once.Do(func() {
		p := x.p
		p.mu.Lock()
		defer p.mu.Unlock()
		p.conns--
		p.broken = append(p.broken, p.heard.Load())
		p.breaks = append(p.breaks, p.w.now())
	})
}

// cameBack records the data of a Client_Details. was is the player's previous id.
func (p *player) cameBack(d *proto.Details, was proto.PeerID) {
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
		from: from, to: p.w.now(), id: was, same: d.Resumed && d.ID == was,
		recovered: d.Recovered != nil && *d.Recovered, rooms: d.Rooms,
	})
}

// ended records that a client has ended for good.
func (p *player) ended(was proto.PeerID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	from := p.w.now()
	if len(p.broken) > 0 {
		from = slices.Min(p.broken)
	}
	p.broken = nil
	p.outages = append(p.outages, outage{from: from, to: p.w.now(), id: was})
}

// grace is how long a session outlives its connection, less the difference between
// the times at which the test and a gateway notice the break.
const grace = proto.SessionGrace - 4*time.Second

// mayBeDropped returns the time from which peer id, one of this player's, may have
// been removed from a room as disconnected, if it may.
func (p *player) mayBeDropped(id proto.PeerID, room proto.RoomID) (from int64, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.outages {
		if o.id == id && !o.kept(room) {
			return o.from, true
		}
	}
	if p.c != nil && p.c.ID() == id && len(p.broken) > 0 {
		return slices.Min(p.broken), true
	}
	if p.c == nil || p.c.ID() != id {
		// Not the current id, although no end of it is recorded yet.
		return p.firstDoubtLocked(id), true
	}
	return 0, false
}

// kept reports whether this outage cannot have removed a peer from room: the peer
// resumed in time, and either with the room or with all updates.
func (o *outage) kept(room proto.RoomID) bool {
	return o.same && (slices.Contains(o.rooms, room) || o.recovered && time.Duration(o.to-o.from) < grace)
}

func (p *player) firstDoubtLocked(proto.PeerID) int64 {
	if len(p.broken) > 0 {
		return slices.Min(p.broken)
	}
	return p.since
}

// brokeIn reports whether a connection of the player ended within the time.
func (p *player) brokeIn(from, to int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.breaks, func(at int64) bool { return from <= at && at <= to })
}

// lostIn reports whether peer id was disconnected within the time, or ended before
// it, and did not resume with recovered true.
func (p *player) lostIn(id proto.PeerID, from, to int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.outages {
		if o.id == id && o.from <= to && (!o.same || !o.recovered && from <= o.to) {
			return true
		}
	}
	return len(p.broken) > 0 || p.c == nil || p.gone
}

// history describes the player's connections since a time.
func (p *player) history(since int64) string {
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
