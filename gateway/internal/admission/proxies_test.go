package admission

import (
	"net/http"
	"strings"
	"testing"
)

// request is a handshake from remote, with lines of X-Forwarded-For.
func request(remote string, forwarded ...string) *http.Request {
	r := &http.Request{RemoteAddr: remote, Header: http.Header{}}
	for _, f := range forwarded {
		r.Header.Add("X-Forwarded-For", f)
	}
	return r
}

func TestClientAddr_BehindProxies_IsTheFirstNotTrusted(t *testing.T) {
	c := newTest(t, Config{TrustedProxies: "10.0.0.0/8, fd00::/8, 192.0.2.1"})
	for _, x := range []struct {
		r    *http.Request
		want string
	}{
		{request("203.0.113.7:5"), "203.0.113.7"},
		{request("203.0.113.7:5", "1.1.1.1"), "203.0.113.7"}, // not a proxy of ours
		{request("10.1.1.1:5"), "10.1.1.1"},
		{request("10.1.1.1:5", "1.1.1.1"), "1.1.1.1"},
		{request("[::ffff:10.1.1.1]:5", "1.1.1.1"), "1.1.1.1"},
		{request("10.1.1.1:5", "9.9.9.9, 1.1.1.1"), "1.1.1.1"},
		{request("10.1.1.1:5", "9.9.9.9", "1.1.1.1"), "1.1.1.1"},
		{request("10.1.1.1:5", "9.9.9.9, 1.1.1.1, 192.0.2.1, 10.2.2.2"), "1.1.1.1"},
		{request("10.1.1.1:5", "10.3.3.3, 10.2.2.2"), "10.3.3.3"},
		{request("10.1.1.1:5", "garbage"), "10.1.1.1"},
		{request("10.1.1.1:5", "1.1.1.1, garbage"), "10.1.1.1"},
		{request("10.1.1.1:5", ""), "10.1.1.1"},
		{request("10.1.1.1:5", strings.Repeat(",", 5000)), "10.1.1.1"},
		{request("[2001:db8:1:2:3:4:5:6]:5"), "2001:db8:1:2::"},
		{request("[2001:db8:1:2:ffff::1]:5"), "2001:db8:1:2::"},
		{request("[fd00::1]:5", "2001:db8:1:3::1"), "2001:db8:1:3::"},
		{request("[fe80::1%eth0]:5"), "fe80::"},
		{request("[::ffff:203.0.113.7]:5"), "203.0.113.7"},
		{request("pipe"), "invalid IP"},
	} {
		if got := c.ClientAddr(x.r).String(); got != x.want {
			t.Errorf("%s with %q: got %s, want %s", x.r.RemoteAddr, x.r.Header["X-Forwarded-For"], got, x.want)
		}
	}
}

func TestNew_BadTrustedProxies_NamesTheSetting(t *testing.T) {
	for _, s := range []string{"10.0.0.0/33", "proxy.example", "10.0.0.1:80"} {
		if _, err := New(Config{TrustedProxies: s}); err == nil || !strings.HasPrefix(err.Error(), "trusted-proxies:") {
			t.Errorf("%q: got %v, want an error of trusted-proxies", s, err)
		}
	}
}
