package admission

import (
	"net/netip"
	"sync"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/ratelimit"
)

// limits bounds the connections that are admitted: in total, per address, per user, and new
// ones per second. Safe for concurrent use.
type limits struct {
	// Fixed after newLimits; 0 or less: no limit.
	maxTotal, maxAddr, maxUser int
	rate                       ratelimit.Limit // of all addresses together

	mu    sync.Mutex
	total int
	addrs map[netip.Addr]int // only addresses that have a connection
	users map[string]int     // only users that have a connection
	fresh ratelimit.Bucket   // of new connections
}

func newLimits(cfg *Config) *limits {
	return &limits{
		maxTotal: cfg.MaxConnections, maxAddr: cfg.MaxPerAddress, maxUser: cfg.MaxPerUser,
		rate:  ratelimit.Limit{PerSecond: cfg.ConnectsPerSecond, Burst: 2 * cfg.ConnectsPerSecond},
		addrs: make(map[netip.Addr]int), users: make(map[string]int),
	}
}

// admit implements Controller.Admit. Only a connection that every other limit admits takes
// a token of the rate of new connections.
func (l *limits) admit(addr netip.Addr, user string) (leave func(), met LimitName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.maxAddr > 0 && l.addrs[addr] >= l.maxAddr:
		return nil, MaxPerAddress
	case l.maxUser > 0 && user != "" && l.users[user] >= l.maxUser:
		return nil, MaxPerUser
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
	if l.maxUser > 0 && user != "" {
		l.users[user]++
	}
	return func() { l.leave(addr, user) }, NoLimit
}

// leave gives back the place that admit took for a connection from addr, of user.
func (l *limits) leave(addr netip.Addr, user string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total--
	release(l.addrs, addr)
	release(l.users, user)
}

// release counts one connection less for key, which may not be counted.
func release[K comparable](m map[K]int, key K) {
	if m[key]--; m[key] <= 0 {
		delete(m, key)
	}
}
