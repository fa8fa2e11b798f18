package admission

import (
	"net/http"
	"strings"
	"testing"
)

func TestAllowOrigin_ListOfOrigins_AllowsThoseAndItsOwnHost(t *testing.T) {
	const list = "https://app.example.com, https://*.example.org:443,http://localhost:*,http://[::1]:8000,null"
	for _, x := range []struct {
		list    string
		origins []string
		want    bool
	}{
		{"", nil, true}, // no browser
		{"", []string{"https://gateway.example"}, true},
		{"", []string{"https://GATEWAY.example"}, true},
		{"", []string{"https://app.example.com"}, false},
		{"", []string{"https://gateway.example.com"}, false},
		{"", []string{"https://gateway.example@evil.example"}, false},
		{"", []string{"null"}, false},
		{"", []string{""}, false},
		{"", []string{"https://gateway.example", "https://gateway.example"}, false}, // no browser sends two
		{"", []string{"ftp://gateway.example"}, false},
		{"*", []string{"https://evil.example"}, true},
		{list, []string{"https://app.example.com"}, true},
		{list, []string{"https://app.example.com:8443"}, false},
		{list, []string{"http://app.example.com"}, false},
		{list, []string{"https://x.app.example.com"}, false},
		{list, []string{"https://a.example.org"}, true},
		{list, []string{"https://a.b.example.org"}, true},
		{list, []string{"https://example.org"}, false},
		{list, []string{"https://evilexample.org"}, false},
		{list, []string{"http://localhost"}, true},
		{list, []string{"http://localhost:3000"}, true},
		{list, []string{"https://localhost:3000"}, false},
		{list, []string{"http://[::1]:8000"}, true},
		{list, []string{"null"}, true},
		{list, []string{"https://gateway.example"}, true},
	} {
		r := &http.Request{Host: "gateway.example", Header: http.Header{}}
		for _, o := range x.origins {
			r.Header.Add("Origin", o)
		}
		if got := newTest(t, Config{AllowedOrigins: x.list}).AllowOrigin(r); got != x.want {
			t.Errorf("allowed %q, origins %q: got %v, want %v", x.list, x.origins, got, x.want)
		}
	}
}

func TestNew_BadAllowedOrigins_NamesTheSetting(t *testing.T) {
	for _, s := range []string{"app.example.com", "ws://app.example.com", "https://", "https://app.example.com/", "https://a.*.example.com", "https://a@b", "https://app.example.com:x"} {
		if _, err := New(Config{AllowedOrigins: s}); err == nil || !strings.HasPrefix(err.Error(), "allowed-origins:") {
			t.Errorf("%q: got %v, want an error of allowed-origins", s, err)
		}
	}
}
