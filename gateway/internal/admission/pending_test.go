package admission

import (
	"net"
	"net/http"
	"testing"
)

// fakeConn is a connection from an address.
type fakeConn struct {
	net.Conn
	addr   string // "" for a network without addresses
	closed bool
}

func (c *fakeConn) RemoteAddr() net.Addr {
	if c.addr == "" {
		return &net.UnixAddr{Name: "@", Net: "unix"}
	}
	a, err := net.ResolveTCPAddr("tcp", c.addr)
	if err != nil {
		panic(err) // the tests write addresses
	}
	return a
}

func (c *fakeConn) Close() error { c.closed = true; return nil }

// connect makes a new connection from addr, and fails unless it is closed as wanted.
func connect(t *testing.T, c *Controller, addr string, closed bool) *fakeConn {
	t.Helper()
	conn := &fakeConn{addr: addr}
	if c.ConnState(conn, http.StateNew); conn.closed != closed {
		t.Fatalf("%s: got closed %v, want %v", addr, conn.closed, closed)
	}
	c.ConnState(conn, http.StateActive)
	return conn
}

// TestPending_ManyOfOneAddress_AreBounded: a connection that becomes a WebSocket, or ends,
// makes room, and connections that are gone leave no entry.
func TestPending_ManyOfOneAddress_AreBounded(t *testing.T) {
	c := newTest(t, Config{MaxPerAddress: 100, TrustedProxies: "10.0.0.0/8"})
	var open []*fakeConn
	for range 100 {
		open = append(open, connect(t, c, "[2001:db8:1:2::7]:5", false))
	}
	refused := connect(t, c, "[2001:db8:1:2:ffff::1]:6", true) // the same /64
	c.ConnState(refused, http.StateClosed)
	connect(t, c, "[2001:db8:1:2::8]:7", true) // the end of a refused one makes no room
	open = append(open, connect(t, c, "[2001:db8:1:3::7]:5", false), connect(t, c, "192.0.2.1:5", false))
	c.ConnState(open[0], http.StateHijacked)
	c.ConnState(open[1], http.StateClosed)
	open = append(open, connect(t, c, "[2001:db8:1:2::7]:5", false), connect(t, c, "[2001:db8:1:2::7]:5", false))
	connect(t, c, "[2001:db8:1:2::7]:5", true)
	for range 500 { // of a proxy
		open = append(open, connect(t, c, "10.1.2.3:4", false))
	}
	for _, conn := range open {
		c.ConnState(conn, http.StateClosed)
	}
	if p := c.pending; len(p.conns) != 0 || p.order.Len() != 0 || len(p.addrs) != 0 {
		t.Errorf("left behind: got %d connections, %d in order, addresses %v; want none", len(p.conns), p.order.Len(), p.addrs)
	}
}

// TestPending_LowLimitPerAddress_AllowsABrowser: a browser opens several connections,
// however few WebSockets its address may have.
func TestPending_LowLimitPerAddress_AllowsABrowser(t *testing.T) {
	c := newTest(t, Config{MaxPerAddress: 1})
	for range minPendingAddr {
		connect(t, c, "192.0.2.1:5", false)
	}
	connect(t, c, "192.0.2.1:5", true)
}

// TestPending_BudgetOfBytes_BoundsTheirNumber: each costs 25 KiB of the budget, and beyond it
// the oldest is closed and counted.
func TestPending_BudgetOfBytes_BoundsTheirNumber(t *testing.T) {
	const most, each = 100, 25 << 10
	for budget, want := range map[int64]int{most * each: most, most*each - 1: most - 1, 1: minPendingAddr, 1 << 40: 1 << 40 / each} {
		if got := newTest(t, Config{PendingBytes: budget}).pending.most; got != want {
			t.Errorf("%d bytes: got %d connections, want %d", budget, got, want)
		}
	}
	c := newTest(t, Config{PendingBytes: most * each, CloseConn: func(net.Conn) {}})
	for range most + 1 {
		connect(t, c, "", false)
	}
	if n, closed := c.PendingCounts(); n != most || closed != 1 {
		t.Errorf("got %d pending, %d closed; want %d, 1", n, closed, most)
	}
}

func TestPending_TooManyInAll_ClosesTheOldestOnce(t *testing.T) {
	closes := make(map[net.Conn]int)
	c := newTest(t, Config{CloseConn: func(conn net.Conn) { closes[conn]++ }})
	c.pending.most = 3
	all := make([]*fakeConn, 5)
	for i := range all {
		all[i] = connect(t, c, "", false)
		if i == 1 {
			c.ConnState(all[0], http.StateHijacked) // a WebSocket is not pending
		}
	}
	for i, want := range []int{0, 1, 0, 0, 0} {
		if got := closes[all[i]]; got != want {
			t.Errorf("connection %d: got closed %d times, want %d", i, got, want)
		}
	}
	c.ConnState(all[1], http.StateClosed)
	if p := c.pending; len(p.conns) != 3 || p.order.Len() != 3 {
		t.Errorf("got %d connections, %d in order; want 3", len(p.conns), p.order.Len())
	}
	c.ClosePending()
	for i, want := range []int{0, 1, 1, 1, 1} {
		if got := closes[all[i]]; got != want {
			t.Errorf("after ClosePending, connection %d: got closed %d times, want %d", i, got, want)
		}
	}
}
