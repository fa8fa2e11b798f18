package gateway

import (
	"container/list"
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// Bounds of the lobby. One that waits costs up to 25 KB, with the headers that it
// may have sent.
const (
	maxLobby     = 1 << 14
	minLobbyAddr = 64 // of one address at least: a browser opens several for a page
)

// lobby counts the connections that are no WebSockets: handshakes that take their
// time, or never end, and readers of pages. Admission counts only those that
// have said what they want. When the lobby is full, the one that has waited
// longest gives way: honest handshakes are over in no time, so it is not theirs.
// Safe for concurrent use.
type lobby struct {
	most, mostAddr int // mostAddr 0: no limit
	trusts         func(netip.Addr) bool

	mu    sync.Mutex
	here  map[net.Conn]*list.Element // of guests
	order list.List                  // of guests, longest first
	addrs map[netip.Addr]int         // only addresses that have a guest
}

type guest struct {
	conn net.Conn
	addr netip.Addr
}

func newLobby(a *admission) *lobby {
	l := &lobby{most: maxLobby, trusts: a.trusts, here: make(map[net.Conn]*list.Element), addrs: make(map[netip.Addr]int)}
	if a.maxAddr > 0 {
		l.mostAddr = max(a.maxAddr, minLobbyAddr)
	}
	return l
}

// watch is the HTTP server's ConnState.
func (l *lobby) watch(c net.Conn, s http.ConnState) {
	var out net.Conn
	switch s {
	case http.StateNew:
		out = l.enter(c)
	case http.StateHijacked, http.StateClosed:
		l.leave(c)
	}
	if out != nil {
		// The server notices when it reads; nobody is there to hear of an error.
		_ = out.Close()
	}
}

// enter takes c in and returns the connection that has to go, if one has to.
func (l *lobby) enter(c net.Conn) (out net.Conn) {
	addr := remoteAddr(c)
	l.mu.Lock()
	defer l.mu.Unlock()
	// All clients of a proxy come from its address.
	if l.mostAddr > 0 && l.addrs[network(addr)] >= l.mostAddr && !l.trusts(addr) {
		return c
	}
	if l.order.Len() >= l.most {
		out = l.order.Front().Value.(guest).conn
		l.leaveLocked(out)
	}
	g := guest{c, network(addr)}
	l.here[c] = l.order.PushBack(g)
	l.addrs[g.addr]++
	return out
}

func (l *lobby) leave(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leaveLocked(c)
}

// leaveLocked does nothing for a connection that was not let in, or had to go.
func (l *lobby) leaveLocked(c net.Conn) {
	e := l.here[c]
	if e == nil {
		return
	}
	delete(l.here, c)
	g := l.order.Remove(e).(guest)
	if l.addrs[g.addr]--; l.addrs[g.addr] == 0 {
		delete(l.addrs, g.addr)
	}
}

// remoteAddr is the zero address for a network that has none.
func remoteAddr(c net.Conn) netip.Addr {
	if tcp, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr()
	}
	return netip.Addr{}
}
