package gateway

import "p2pconnector/gateway/internal/link"

// snapshot holds what a metric cannot read in one step. It is taken once for
// each scrape.
type snapshot struct {
	conns, behind   int
	queued, longest int // bytes

	phases [over]int

	members, membersHere int

	live, silent, ended int // gateways

	links link.Counts
	holes uint64 // in what other gateways have sent

	pendingIn, pendingOut, dropped int
}

// snapshot looks at everything the gateway holds, one lock at a time.
func (g *Gateway) snapshot() *snapshot {
	now := new(snapshot)
	for _, c := range g.conns.list(nil) {
		n := c.ws.QueuedBytes()
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
	now.live, now.silent, now.ended = g.liveness.Counts()
	now.links, now.holes = g.links.counts(), g.links.holes()
	now.pendingOut, _ = g.nc.Buffered() // -1 without a connection
	now.pendingOut = max(now.pendingOut, 0) + g.dialer.waiting()
	now.pendingIn = len(g.inbox)
	if g.wildcard != nil {
		now.dropped, _ = g.wildcard.Dropped()
	}
	return now
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
