package config

import (
	"testing"
)

func TestConfigOpen_PublicWithoutTokensAndOrigins_IsOpen(t *testing.T) {
	for _, x := range []struct {
		cfg  Config
		want bool
	}{
		{Config{}, true},
		{Config{Listen: "0.0.0.0:80"}, true},
		{Config{Listen: "[::]:80"}, true},
		{Config{Listen: "203.0.113.7:80"}, true},
		{Config{Listen: "p2p.example.com:80"}, true},
		{Config{AllowedOrigins: "*"}, true},
		{Config{AllowedOrigins: "https://app.example.com, *"}, true},
		{Config{AllowedOrigins: " , "}, true},
		{Config{Listen: "0.0.0.0:80", AllowedOrigins: "http://localhost:*,http://127.0.0.1:*, null"}, true},
		{Config{AllowedOrigins: "null, https://app.example.com"}, false},
		{Config{AllowedOrigins: "http://localhost.example.com"}, false},
		{Config{Listen: "127.0.0.1:80"}, false},
		{Config{Listen: "[::1]:80"}, false},
		{Config{Listen: "localhost:80"}, false},
		{Config{Listen: "192.168.1.7:80"}, false},
		{Config{AllowedOrigins: "https://app.example.com"}, false},
		{Config{TokenKey: "file"}, false},
		{Config{TokenJWKS: "https://id.example.com/keys"}, false},
	} {
		cfg := x.cfg.WithDefaults()
		if got := cfg.Open(); got != x.want {
			t.Errorf("listen %q, origins %q, tokens %q%q: got open %v, want %v", cfg.Listen, cfg.AllowedOrigins, cfg.TokenKey, cfg.TokenJWKS, got, x.want)
		}
	}
}
