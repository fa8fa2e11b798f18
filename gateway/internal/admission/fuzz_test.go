package admission

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// FuzzHandshake reads headers as a client may write them: nothing may panic, no page of
// another host may connect unless it is allowed, and the places of an address are counted
// whatever it is.
func FuzzHandshake(f *testing.F) {
	f.Add("https://*.example.com,http://localhost:*,null", "https://a.example.com", "1.2.3.4, ::1")
	f.Add("http://[::1]:80,*", "http://[::1]", "::ffff:1.2.3.4%eth0")
	f.Add("https://a:b@c", "https://a@b/c?d#e", ",")
	f.Add("", "https://gateway.example@evil.example", "")
	f.Fuzz(func(t *testing.T, allowed, origin, forwarded string) {
		r := &http.Request{Host: "gateway.example", RemoteAddr: "10.0.0.1:1234",
			Header: http.Header{"Origin": {origin}, "X-Forwarded-For": {forwarded}}}
		c, err := New(Config{AllowedOrigins: allowed, TrustedProxies: "10.0.0.0/8", MaxPerAddress: 1})
		if err != nil {
			return
		}
		if allowed == "" && c.AllowOrigin(r) && hostOf(origin) != r.Host {
			t.Errorf("origin %q: got allowed, want only those of %s", origin, r.Host)
		}
		addr := c.ClientAddr(r)
		leave, met := c.Admit(addr, "")
		if met != NoLimit {
			t.Fatalf("first connection: got limit %q, want none", met)
		}
		if _, met := c.Admit(addr, ""); met != MaxPerAddress {
			t.Errorf("second connection of %s: got limit %q, want %q", addr, met, MaxPerAddress)
		}
		if leave(); len(c.limits.addrs) != 0 || c.limits.total != 0 {
			t.Errorf("left behind: got %v, %d, want none", c.limits.addrs, c.limits.total)
		}
	})
}

// hostOf returns the host of an origin, in lower case; "" if it has none.
func hostOf(origin string) string {
	u, err := url.Parse(strings.ToLower(origin))
	if err != nil {
		return ""
	}
	return u.Host
}
