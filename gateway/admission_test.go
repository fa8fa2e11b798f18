package gateway

import (
	"net/http"
	"strings"
	"testing"
)

func from(remote string, forwarded ...string) *http.Request {
	r := &http.Request{RemoteAddr: remote, Header: http.Header{}}
	for _, f := range forwarded {
		r.Header.Add("X-Forwarded-For", f)
	}
	return r
}

// TestAddress: whom a connection counts for.
func TestAddress(t *testing.T) {
	a, err := newAdmission(&Config{TrustedProxies: "10.0.0.0/8, fd00::/8, 192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		r    *http.Request
		want string
	}{
		{from("203.0.113.7:5"), "203.0.113.7"},
		{from("203.0.113.7:5", "1.1.1.1"), "203.0.113.7"}, // not a proxy of ours
		{from("10.1.1.1:5"), "10.1.1.1"},
		{from("10.1.1.1:5", "1.1.1.1"), "1.1.1.1"},
		{from("[::ffff:10.1.1.1]:5", "1.1.1.1"), "1.1.1.1"},
		{from("10.1.1.1:5", "9.9.9.9, 1.1.1.1"), "1.1.1.1"},
		{from("10.1.1.1:5", "9.9.9.9", "1.1.1.1"), "1.1.1.1"},
		{from("10.1.1.1:5", "9.9.9.9, 1.1.1.1, 192.0.2.1, 10.2.2.2"), "1.1.1.1"},
		{from("10.1.1.1:5", "10.3.3.3, 10.2.2.2"), "10.3.3.3"},
		{from("10.1.1.1:5", "garbage"), "10.1.1.1"},
		{from("10.1.1.1:5", "1.1.1.1, garbage"), "10.1.1.1"},
		{from("10.1.1.1:5", ""), "10.1.1.1"},
		{from("10.1.1.1:5", strings.Repeat(",", 5000)), "10.1.1.1"},
		{from("[2001:db8:1:2:3:4:5:6]:5"), "2001:db8:1:2::"},
		{from("[2001:db8:1:2:ffff::1]:5"), "2001:db8:1:2::"},
		{from("[fd00::1]:5", "2001:db8:1:3::1"), "2001:db8:1:3::"},
		{from("[fe80::1%eth0]:5"), "fe80::"},
		{from("[::ffff:203.0.113.7]:5"), "203.0.113.7"},
		{from("pipe"), "invalid IP"},
	} {
		if got := a.address(c.r).String(); got != c.want {
			t.Errorf("%s with %q counts for %s, want %s", c.r.RemoteAddr, c.r.Header["X-Forwarded-For"], got, c.want)
		}
	}
}

func TestTrustedProxiesMustParse(t *testing.T) {
	for _, s := range []string{"10.0.0.0/33", "proxy.example", "10.0.0.1:80"} {
		if _, err := New(Config{TrustedProxies: s}); err == nil || !strings.HasPrefix(err.Error(), "trusted-proxies:") {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// Places are counted, given back once, and nothing is remembered of addresses
// that have no connection.
func TestAdmissionCounts(t *testing.T) {
	a, err := newAdmission(&Config{MaxConnections: 3, MaxPerAddress: 2, ConnectsPerSecond: -1})
	if err != nil {
		t.Fatal(err)
	}
	x, y := from("203.0.113.7:5"), from("203.0.113.8:5")
	want := func(r *http.Request, status int) func() {
		t.Helper()
		leave, got := a.admit(r)
		if got != status {
			t.Fatalf("answered %d, want %d", got, status)
		}
		return leave
	}
	x1, x2 := want(x, 0), want(x, 0)
	want(x, http.StatusTooManyRequests)
	y1 := want(y, 0)
	want(y, http.StatusServiceUnavailable)
	x1()
	y2 := want(y, 0)
	for _, leave := range []func(){x2, y1, y2} {
		leave()
	}
	if a.total != 0 || len(a.addrs) != 0 {
		t.Errorf("left behind: %d, %v", a.total, a.addrs)
	}
}

// Without limits nobody is refused and nothing is remembered.
func TestAdmissionWithoutLimits(t *testing.T) {
	a, err := newAdmission(&Config{MaxConnections: -1, MaxPerAddress: -1, ConnectsPerSecond: -1})
	if err != nil {
		t.Fatal(err)
	}
	for range 10_000 {
		leave, status := a.admit(from("203.0.113.7:5"))
		if status != 0 {
			t.Fatalf("answered %d", status)
		}
		defer leave()
	}
	if len(a.addrs) != 0 {
		t.Errorf("addresses are remembered: %v", a.addrs)
	}
}
