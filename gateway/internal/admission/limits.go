package admission

import (
	"net/netip"
	"sync"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/ratelimit"
)

// limits bounds the connections that are admitted: in total, per address, and new ones
// per second. Safe for concurrent use.
type limits struct {
	// Fixed after newLimits; 0 or less: no limit.
	maxTotal, maxAddr int
	rate              ratelimit.Limit // of all addresses together

	mu    sync.Mutex
	total int
	addrs map[netip.Addr]int // only addresses that have a connection
	fresh ratelimit.Bucket   // of new connections
}

func newLimits(cfg *Config) *limits {
	return &limits{
		maxTotal: cfg.MaxConnections, maxAddr: cfg.MaxPerAddress,
		rate:  ratelimit.Limit{PerSecond: cfg.ConnectsPerSecond, Burst: 2 * cfg.ConnectsPerSecond},
		addrs: make(map[netip.Addr]int),
	}
}

// admit implements Controller.Admit. Only a connection that every other limit admits takes
// a token of the rate of new connections.
func (l *limits) admit(addr netip.Addr) (leave func(), met LimitName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.maxAddr > 0 && l.addrs[addr] >= l.maxAddr:
		return nil, MaxPerAddress
	case l.maxTotal > 0 && l.total >= l.maxTotal:
		return nil, MaxConnections
	}
	if wait, _ := l.fresh.Take(clock.Now(), l.rate); wait > 0 {
		return nil, ConnectsPerSecond
	}
	l.total++
	if l.maxAddr > 0 {
		l.addrs[addr]++
	}
	return func() { l.leave(addr) }, NoLimit
}

// leave gives back the place that admit took for a connection from addr.
func (l *limits) leave(addr netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total--
	if l.addrs[addr]--; l.addrs[addr] <= 0 {
		delete(l.addrs, addr)
	}
}
