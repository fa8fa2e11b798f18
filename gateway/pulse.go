package gateway

import (
	"sync"
	"time"

	"p2pconnector/proto"
)

// Times of the pulse.
const (
	pulseInterval = 500 * time.Millisecond
	pulseLate     = 2 * time.Second // a pulse that takes so long says that something was frozen
	// pulseMargin is how long a relay that has reached its server may take to get to
	// that of its receiver, and how long a server that was frozen may take to see that
	// the others have given it up.
	pulseMargin = 500 * time.Millisecond
)

// pulse knows until when the way to NATS and back is known to have worked: a
// number that this gateway publishes to itself returns behind the server's word on
// everything that was published before it. When the connection breaks, what was
// sent after the last pulse is in doubt. Safe for concurrent use.
type pulse struct {
	mu   sync.Mutex
	seq  uint64 // of the beat under way; 0: none
	at   int64  // when it was sent
	good int64  // when the last one that returned was sent
	down bool

	// When this process was frozen last; 0 when a pulse has returned since. Its server
	// may have been so too, and longer: that would not show.
	frozenFrom, frozenTo int64
}

// doubt is a time in which what was on its way may have been lost, in Unix
// nanoseconds.
type doubt struct{ from, until int64 }

func (d doubt) holds(at int64) bool { return d.from <= at && at <= d.until }

// beat sends the next number when the last one has returned. One that seems lost
// is sent again, and found to be late when it returns.
func (p *pulse) beat(now int64, fence func() (uint64, error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	under := p.seq != 0
	if p.down || under && now-p.at < int64(pulseLate) {
		return
	}
	// The lock is held while publishing: the number may return at once.
	if seq, err := fence(); err == nil {
		p.seq = seq
		if !under {
			p.at = now
		}
	}
}

// overflowed returns what is in doubt when messages that had come were dropped.
func (p *pulse) overflowed(now int64) doubt {
	p.mu.Lock()
	defer p.mu.Unlock()
	return doubt{p.good - int64(pulseMargin), now}
}

// returned takes a number that came back; ok is false when it is not the pulse's.
// It came late when d is not empty.
func (p *pulse) returned(seq uint64, now int64) (d doubt, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if seq == 0 || seq != p.seq {
		return d, false
	}
	since := p.at
	if p.frozenFrom != 0 && p.at >= p.frozenTo {
		since, p.frozenFrom = p.frozenFrom, 0
	}
	if now-since >= int64(pulseLate) {
		d = doubt{p.good - int64(pulseMargin), now + int64(pulseMargin)}
	}
	p.good, p.seq = p.at, 0
	return d, true
}

// knows reports whether a number has returned that was sent after a time.
func (p *pulse) knows(at int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.good >= at
}

// froze notes that this process stood still between two times.
func (p *pulse) froze(from, to int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.frozenFrom == 0 {
		p.frozenFrom = from
	}
	p.frozenTo = to
}

// stopped notes that the connection broke.
func (p *pulse) stopped() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down, p.seq = true, 0
}

// started notes that the connection is back, and returns what is in doubt; nothing
// after the first connect.
func (p *pulse) started(now int64) (d doubt, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d = doubt{p.good - int64(pulseMargin), now}
	ok = p.down && p.good != 0
	p.good, p.seq, p.down, p.frozenFrom = now, 0, false, 0
	return d, ok
}

// doubted tells of what may have been lost: the senders here of the relays that
// left in that time, and other gateways, which tell those who sent to peers that this
// gateway holds for them. What it has said of other losses it says again. It waits
// until that time is over.
func (g *Gateway) doubted(d doubt) {
	pause(g.alive, time.Until(time.Unix(0, d.until)))
	relays, frames := g.out.sentWithin(d)
	g.stats.doubted.Add(uint64(len(relays)))
	g.log.Warn("nats: relays in doubt", "relays", len(relays), "time", time.Duration(d.until-d.from).String())
	g.undeliveredAll(relays, frames)
	g.repeat(d.from, "")
	g.tellOutage(d.from, g.heldForOthers(time.Unix(0, d.from)))
}

// heldForOthers lists the peers that others have issued and this gateway has held
// since a time, also when they have been handed on in the meantime.
func (g *Gateway) heldForOthers(since time.Time) (peers []proto.PeerID) {
	for _, s := range g.sessions.list(nil) {
		if s.bus && s.id.Home() != g.id && s.heldSince(since) {
			peers = append(peers, s.id)
		}
	}
	return peers
}
