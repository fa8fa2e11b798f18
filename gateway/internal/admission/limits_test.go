package admission

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// newTest returns a Controller with cfg.
func newTest(t testing.TB, cfg Config) *Controller {
	t.Helper()
	if cfg.PendingBytes == 0 {
		cfg.PendingBytes = 1 << 30
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// admit admits a connection from addr, and fails unless want is the limit that is met.
func admit(t testing.TB, c *Controller, addr string, want LimitName) (leave func()) {
	t.Helper()
	leave, got := c.Admit(netip.MustParseAddr(addr), "")
	if got != want || (leave == nil) != (want != NoLimit) {
		t.Fatalf("%s: got limit %q, leave given: %v; want limit %q", addr, got, leave != nil, want)
	}
	return leave
}

func TestAdmit_PlacesTaken_RefusesUntilOneIsGivenBack(t *testing.T) {
	c := newTest(t, Config{MaxConnections: 3, MaxPerAddress: 2})
	const x, y = "203.0.113.7", "203.0.113.8"
	x1, x2 := admit(t, c, x, NoLimit), admit(t, c, x, NoLimit)
	admit(t, c, x, MaxPerAddress)
	y1 := admit(t, c, y, NoLimit)
	admit(t, c, y, MaxConnections)
	x1()
	y2 := admit(t, c, y, NoLimit)
	for _, leave := range []func(){x2, y1, y2} {
		leave()
	}
	if c.limits.total != 0 || len(c.limits.addrs) != 0 {
		t.Errorf("left behind: got %d connections, %v, want none", c.limits.total, c.limits.addrs)
	}
}

// TestAdmit_ManyNewConnections_GetTheirRate: connections that another limit refuses take no
// tokens of the rate.
func TestAdmit_ManyNewConnections_GetTheirRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTest(t, Config{MaxPerAddress: 1, ConnectsPerSecond: 10})
		admit(t, c, "203.0.113.1", NoLimit)
		for range 100 {
			admit(t, c, "203.0.113.1", MaxPerAddress)
		}
		addr := netip.MustParseAddr("198.51.100.0")
		next := func() LimitName {
			addr = addr.Next()
			_, met := c.Admit(addr, "")
			return met
		}
		for i := range 2*10 - 1 {
			if met := next(); met != NoLimit {
				t.Fatalf("connection %d at once: got limit %q, want none", i+2, met)
			}
		}
		if met := next(); met != ConnectsPerSecond {
			t.Errorf("one more: got limit %q, want %q", met, ConnectsPerSecond)
		}
		time.Sleep(time.Second)
		for i := range 10 {
			if met := next(); met != NoLimit {
				t.Fatalf("connection %d a second later: got limit %q, want none", i+1, met)
			}
		}
		if met := next(); met != ConnectsPerSecond {
			t.Errorf("one more a second later: got limit %q, want %q", met, ConnectsPerSecond)
		}
	})
}

func TestAdmit_NoLimits_RefusesAndRemembersNothing(t *testing.T) {
	for _, none := range []int{0, -1} {
		c := newTest(t, Config{MaxConnections: none, MaxPerAddress: none, ConnectsPerSecond: none, ConnectsPerAddress: none, TokenFailures: none})
		const addr = "203.0.113.7"
		for range 10_000 {
			if !c.AllowConnect(netip.MustParseAddr(addr)) {
				t.Fatal("the connect rate of an address: got refused, want no limit")
			}
			if c.TokenRefused(netip.MustParseAddr(addr)); !c.AllowToken(netip.MustParseAddr(addr)) {
				t.Fatal("access tokens of an address: got refused, want no limit")
			}
			defer admit(t, c, addr, NoLimit)()
		}
		if len(c.limits.addrs) != 0 {
			t.Errorf("got addresses %v, want none", c.limits.addrs)
		}
	}
}

func TestAllowToken_TooManyRefused_OneAddressWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTest(t, Config{TokenFailures: 10})
		x, y := netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("203.0.113.8")
		for i := range 2 * 10 {
			if !c.AllowToken(x) {
				t.Fatalf("after %d refused tokens: got not allowed, want allowed", i)
			}
			c.TokenRefused(x)
		}
		if c.AllowToken(x) {
			t.Error("after 20 refused tokens: got allowed, want not")
		}
		if !c.AllowToken(y) {
			t.Error("another address: got not allowed, want allowed")
		}
		time.Sleep(time.Second / 10)
		for range 2 {
			if !c.AllowToken(x) {
				t.Error("a tenth of a second later: got not allowed, want allowed until one more is refused")
			}
		}
		if c.TokenRefused(x); c.AllowToken(x) {
			t.Error("after one more: got allowed, want not")
		}
	})
}

// TestRates_OfAnAddressAtTheirEdges_RefuseOneMore: two seconds' worth of handshakes, and of
// refused access tokens, are allowed at once. Another address has its own.
func TestRates_OfAnAddressAtTheirEdges_RefuseOneMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTest(t, Config{ConnectsPerAddress: 10, TokenFailures: 5})
		addr, other := netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("203.0.113.2")
		count := func(allowed func() bool) (n int) {
			for n < 100 && allowed() {
				n++
			}
			return n
		}
		token := func() bool {
			ok := c.AllowToken(addr)
			if ok {
				c.TokenRefused(addr)
			}
			return ok
		}
		connect := func() bool { return c.AllowConnect(addr) }
		for _, want := range []struct{ connects, tokens int }{{20, 10}, {10, 5}} {
			if connects, tokens := count(connect), count(token); connects != want.connects || tokens != want.tokens {
				t.Errorf("got %d handshakes and %d tokens, want %d and %d", connects, tokens, want.connects, want.tokens)
			}
			if !c.AllowConnect(other) || !c.AllowToken(other) {
				t.Error("another address: got it refused, want it allowed")
			}
			time.Sleep(time.Second)
		}
	})
}
