package gateway

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"golang.org/x/time/rate"
)

// admission counts connections: in total, per address, and new ones per second.
// Safe for concurrent use.
type admission struct {
	maxTotal, maxAddr int // 0: no limit
	fresh             *rate.Limiter
	trusted           []netip.Prefix

	mu    sync.Mutex
	total int
	addrs map[netip.Addr]int // only addresses that have a connection
}

func newAdmission(cfg *Config) (*admission, error) {
	a := &admission{
		maxTotal: unlimited(cfg.MaxConnections), maxAddr: unlimited(cfg.MaxPerAddress),
		fresh: rate.NewLimiter(rate.Inf, 0), addrs: make(map[netip.Addr]int),
	}
	if n := unlimited(cfg.ConnectsPerSecond); n > 0 {
		a.fresh = rate.NewLimiter(rate.Limit(n), 2*n)
	}
	for s := range strings.SplitSeq(cfg.TrustedProxies, ",") {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			addr, e := netip.ParseAddr(s)
			if e != nil {
				return nil, fmt.Errorf("%q is neither an address nor a prefix like 10.0.0.0/8", s)
			}
			p = netip.PrefixFrom(addr, addr.BitLen())
		}
		a.trusted = append(a.trusted, p)
	}
	return a, nil
}

// unlimited turns a setting below zero into 0, which means no limit inside.
func unlimited(n int) int { return max(n, 0) }

// admit takes a place for a connection from r. Without a place it returns the
// HTTP status to answer; otherwise leave gives the place back, once.
func (a *admission) admit(r *http.Request) (leave func(), status int) {
	if !a.fresh.Allow() {
		return nil, http.StatusServiceUnavailable
	}
	addr := a.address(r)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.maxTotal > 0 && a.total >= a.maxTotal:
		return nil, http.StatusServiceUnavailable
	case a.maxAddr > 0 && a.addrs[addr] >= a.maxAddr:
		return nil, http.StatusTooManyRequests
	}
	a.total++
	if a.maxAddr > 0 {
		a.addrs[addr]++
	}
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.total--
		if a.addrs[addr]--; a.addrs[addr] <= 0 {
			delete(a.addrs, addr)
		}
	}, 0
}

// address returns whom a connection counts for: the client behind trusted
// proxies, and for IPv6 its /64, which one client has all of.
func (a *admission) address(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, _ := netip.ParseAddr(host)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && a.trusts(addr); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = next
	}
	return network(addr)
}

// network is what one client has all of: an IPv4 address, or an IPv6 /64.
func network(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		p, err := addr.Prefix(64)
		if err == nil {
			addr = p.Addr()
		}
	}
	return addr
}

func (a *admission) trusts(addr netip.Addr) bool {
	for _, p := range a.trusted {
		if p.Contains(addr.Unmap()) {
			return true
		}
	}
	return false
}
