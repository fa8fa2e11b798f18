package admission

import (
	"container/list"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
)

// Bounds of pending connections.
const (
	pendingBytes   = 25 << 10 // what one costs, with the headers that its client may have sent
	minPendingAddr = 64       // the lowest bound, for one address and for all: a browser opens several connections for a page
)

// pending tracks the connections that are not WebSockets yet, or never will be. When there
// are too many, pending closes the oldest: handshakes of honest clients end soon, so the
// oldest is not one of theirs. Safe for concurrent use.
type pending struct {
	// Fixed after newPending.
	most, mostAddr int // mostAddr 0: no limit
	proxies        proxies
	closeConn      func(net.Conn)

	closed atomic.Uint64 // because there were too many

	mu    sync.Mutex
	conns map[net.Conn]*list.Element // of pendingConn
	order list.List                  // of pendingConn, oldest first
	addrs map[netip.Addr]int         // only addresses that have a connection
}

// pendingConn is one connection and the address that it counts for.
type pendingConn struct {
	conn net.Conn
	addr netip.Addr
}

func newPending(cfg *Config, trusted proxies) *pending {
	p := &pending{
		most: int(max(cfg.PendingBytes/pendingBytes, minPendingAddr)), proxies: trusted, closeConn: cfg.CloseConn,
		conns: make(map[net.Conn]*list.Element), addrs: make(map[netip.Addr]int),
	}
	if p.closeConn == nil {
		p.closeConn = func(c net.Conn) { _ = c.Close() } // the server notices when it reads
	}
	if cfg.MaxPerAddress > 0 {
		p.mostAddr = max(cfg.MaxPerAddress, minPendingAddr)
	}
	return p
}

// connState implements Controller.ConnState. It closes connections without the lock.
func (p *pending) connState(c net.Conn, s http.ConnState) {
	switch s {
	case http.StateNew:
		if excess := p.add(c); excess != nil {
			p.closed.Add(1)
			p.closeConn(excess)
		}
	case http.StateHijacked, http.StateClosed:
		p.remove(c)
	}
}

// add counts c. When there are too many connections it returns the one to close: c itself,
// or the oldest.
func (p *pending) add(c net.Conn) (excess net.Conn) {
	addr := remoteAddr(c)
	p.mu.Lock()
	defer p.mu.Unlock()
	// All clients of a proxy come from its address.
	if p.mostAddr > 0 && p.addrs[network(addr)] >= p.mostAddr && !p.proxies.trust(addr) {
		return c
	}
	if p.order.Len() >= p.most {
		excess = p.order.Front().Value.(pendingConn).conn
		p.removeLocked(excess)
	}
	added := pendingConn{c, network(addr)}
	p.conns[c] = p.order.PushBack(added)
	p.addrs[added.addr]++
	return excess
}

func (p *pending) remove(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.removeLocked(c)
}

// removeLocked removes c. It does nothing for a connection that is not counted because add
// returned it.
func (p *pending) removeLocked(c net.Conn) {
	e := p.conns[c]
	if e == nil {
		return
	}
	delete(p.conns, c)
	removed := p.order.Remove(e).(pendingConn)
	if p.addrs[removed.addr]--; p.addrs[removed.addr] == 0 {
		delete(p.addrs, removed.addr)
	}
}

// counts implements Controller.PendingCounts.
func (p *pending) counts() (n int, closed uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.order.Len(), p.closed.Load()
}

// closeAll implements Controller.ClosePending.
func (p *pending) closeAll() {
	p.mu.Lock()
	all := slices.Collect(maps.Keys(p.conns))
	p.mu.Unlock()
	for _, c := range all {
		p.closeConn(c)
	}
}

// remoteAddr returns the client's address, or the zero address for a network that has none.
func remoteAddr(c net.Conn) netip.Addr {
	if tcp, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr()
	}
	return netip.Addr{}
}
