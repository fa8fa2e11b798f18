package admission

import (
	"net/http"
	"testing"
)

func TestAllowHost_ListOfHosts_AllowsThoseAddressesAndLocalhost(t *testing.T) {
	const list = "P2P.example.com, *.example.org,"
	for _, x := range []struct {
		list, host string
		want       bool
	}{
		{"", "evil.example", true},
		{list, "p2p.example.com", true},
		{list, "p2p.EXAMPLE.com:8443", true},
		{list, "p2p.example.com.", true},
		{list, "a.example.org", true},
		{list, "a.b.example.org:80", true},
		{list, "example.org", false},
		{list, "evilexample.org", false},
		{list, "p2p.example.com.evil.example", false},
		{list, "evil.example", false},
		{list, "evil.example:8080", false},
		{list, "", false},
		{list, "localhost", true},
		{list, "localhost:8080", true},
		{list, "app.localhost:8080", true},
		{list, "evillocalhost", false},
		{list, "127.0.0.1:8080", true},
		{list, "192.168.1.7", true},
		{list, "[::1]:8080", true},
		{list, "[2001:db8::1]", true},
		{list, "127.0.0.1.evil.example", false},
	} {
		c := newTest(t, Config{AllowedHosts: x.list})
		if got := c.AllowHost(&http.Request{Host: x.host}); got != x.want {
			t.Errorf("hosts %q, host %q: got %v, want %v", x.list, x.host, got, x.want)
		}
	}
	for _, bad := range []string{"https://a.example", "a.example:80", "*", "*.", "a.*", "a b", "a/b"} {
		if _, err := New(Config{AllowedHosts: bad}); err == nil {
			t.Errorf("%q: got no error, want one of allowed-hosts", bad)
		}
	}
}
