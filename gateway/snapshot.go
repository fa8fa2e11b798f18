package gateway

import (
	"time"

	"p2pconnector/proto"
)

// snapshot holds what a metric cannot read in one step. It is taken once for
// each scrape.
type snapshot struct {
	conns, behind   int
	queued, longest int // bytes

	phases [over]int

	members, membersHere int

	live, silent, ended int // gateways

	pendingIn, pendingOut, dropped int
}

// snapshot looks at everything the gateway holds, one lock at a time.
func (g *Gateway) snapshot() *snapshot {
	now := new(snapshot)
	for _, c := range g.conns.list(nil) {
		n := c.queuedBytes()
		now.conns++
		now.queued += n
		now.longest = max(now.longest, n)
		if n > 0 {
			now.behind++
		}
	}
	for _, s := range g.sessions.list(nil) {
		s.mu.Lock()
		phase := s.phase
		s.mu.Unlock()
		if phase < over {
			now.phases[phase]++
		}
	}
	for _, r := range g.rooms.list() {
		all, here := r.counts()
		now.members += all
		now.membersHere += here
	}
	now.live, now.silent, now.ended = g.leases.counts(g.id, time.Now())
	now.pendingOut, _ = g.nc.Buffered() // -1 without a connection
	now.pendingOut = max(now.pendingOut, 0) + g.dialer.waiting()
	now.pendingIn = len(g.inbox)
	if g.wildcard != nil {
		now.dropped, _ = g.wildcard.Dropped()
	}
	return now
}

// queuedBytes is what waits for the connection, what is being written included.
func (c *conn) queuedBytes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.buf) + c.inflight
}

// counts returns the members that the replica knows of, and those that this
// gateway holds.
func (r *replica) counts() (all, here int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.room != nil {
		all = len(r.room.Members)
	}
	return max(all, len(r.local)), len(r.local)
}

// counts says how many gateways are heard, silent, and ended, own counted as
// one that is heard.
func (l *leases) counts(own proto.GatewayID, now time.Time) (live, silent, ended int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	live = 1
	for g, at := range l.heard {
		switch {
		case g == own:
		case l.ended[g]:
			ended++
		case now.Sub(at) < proto.LeaseTimeout:
			live++
		default:
			silent++
		}
	}
	return live, silent, ended
}

// len is how many requests wait for an answer.
func (t *requests) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.all)
}
