package gateway

import (
	"net"
	"net/http"
	"testing"
)

// visitor is a connection from an address.
type visitor struct {
	net.Conn
	addr string
	shut bool
}

func (v *visitor) RemoteAddr() net.Addr {
	if v.addr == "" {
		return &net.UnixAddr{Name: "@", Net: "unix"}
	}
	a, err := net.ResolveTCPAddr("tcp", v.addr)
	if err != nil {
		panic(err) // the tests write addresses
	}
	return a
}

func (v *visitor) Close() error { v.shut = true; return nil }

func newTestLobby(t *testing.T, cfg Config) *lobby {
	t.Helper()
	a, err := newAdmission(&cfg)
	if err != nil {
		t.Fatal(err)
	}
	return newLobby(a)
}

// Connections of one address that say nothing are bounded; one that becomes a
// WebSocket, or ends, makes room. Nothing is remembered of those that are gone.
func TestLobbyOfOneAddress(t *testing.T) {
	l := newTestLobby(t, Config{MaxPerAddress: 100, TrustedProxies: "10.0.0.0/8"})
	enter := func(addr string, shut bool) *visitor {
		t.Helper()
		v := &visitor{addr: addr}
		if l.watch(v, http.StateNew); v.shut != shut {
			t.Fatalf("%s: closed %v, want %v", addr, v.shut, shut)
		}
		l.watch(v, http.StateActive)
		return v
	}
	var here []*visitor
	for range 100 {
		here = append(here, enter("[2001:db8:1:2::7]:5", false))
	}
	refused := enter("[2001:db8:1:2:ffff::1]:6", true) // the same /64
	l.watch(refused, http.StateClosed)
	enter("[2001:db8:1:2::8]:7", true) // and its end made no room
	here = append(here, enter("[2001:db8:1:3::7]:5", false), enter("192.0.2.1:5", false))
	l.watch(here[0], http.StateHijacked)
	l.watch(here[1], http.StateClosed)
	here = append(here, enter("[2001:db8:1:2::7]:5", false), enter("[2001:db8:1:2::7]:5", false))
	enter("[2001:db8:1:2::7]:5", true)
	for range 500 { // those of a proxy, and of a network without addresses
		here = append(here, enter("10.1.2.3:4", false))
	}
	for _, v := range here {
		l.watch(v, http.StateClosed)
	}
	if len(l.here) != 0 || l.order.Len() != 0 || len(l.addrs) != 0 {
		t.Errorf("left behind: %d, %d, %v", len(l.here), l.order.Len(), l.addrs)
	}
}

// A browser's few connections are let in, however low the limit on WebSockets is.
func TestLobbyTakesABrowser(t *testing.T) {
	l := newTestLobby(t, Config{MaxPerAddress: 1})
	for i := range minLobbyAddr {
		if v := (&visitor{addr: "192.0.2.1:5"}); l.enter(v) != nil {
			t.Fatalf("the connection %d is refused", i+1)
		}
	}
}

// When everything is full, those that have waited longest go, each once.
func TestLobbyFull(t *testing.T) {
	l := newTestLobby(t, Config{MaxPerAddress: -1})
	l.most = 3
	all := make([]*visitor, 5)
	for i := range all {
		all[i] = new(visitor)
		l.watch(all[i], http.StateNew)
		if i == 1 {
			l.watch(all[0], http.StateHijacked) // a WebSocket is out of its reach
		}
	}
	for i, shut := range []bool{false, true, false, false, false} {
		if all[i].shut != shut {
			t.Errorf("connection %d: closed %v, want %v", i, all[i].shut, shut)
		}
	}
	l.watch(all[1], http.StateClosed)
	if len(l.here) != 3 || l.order.Len() != 3 {
		t.Errorf("%d and %d are there", len(l.here), l.order.Len())
	}
}
