package gateway

import (
	"strings"
	"testing"
	"time"
)

// TestNew_BadSettingOfAPackage_IsNamed: each setting reaches the package that checks it.
func TestNew_BadSettingOfAPackage_IsNamed(t *testing.T) {
	for setting, cfg := range map[string]Config{
		"allowed-origins": {AllowedOrigins: "app.example.com"},
		"trusted-proxies": {TrustedProxies: "proxy.example"},
		"token-key":       {TokenKey: "/no/such/file"},
		"session-key":     {SessionKey: "short"},
		"ice-servers":     {ICEServers: "{}"},
		"turn-urls":       {TURNURLs: "https://turn.example", TURNSecret: "x"},
		"turn-secret":     {TURNURLs: "turn:a"},
		"turn-ttl":        {TURNTTL: time.Second},
		"ice-servers-url": {ICEServersURL: "turn.example"},
		"ice-servers-ttl": {ICEServersURL: "https://turn.example", ICEServersTTL: time.Second},

		"tls-cert, tls-key": {TLSCert: "/no/such/file", TLSKey: "/no/such/file"},
	} {
		if _, err := New(cfg); err == nil || !strings.HasPrefix(err.Error(), setting+":") {
			t.Errorf("%+v: got %v, want an error of %s", cfg, err, setting)
		}
	}
}

// TestNew_HalfOfATLSPair_IsNamed: a certificate without its key, or a key without its
// certificate, is an error that names both settings.
func TestNew_HalfOfATLSPair_IsNamed(t *testing.T) {
	for _, cfg := range []Config{{TLSCert: "cert.pem"}, {TLSKey: "key.pem"}} {
		if _, err := New(cfg); err == nil || !strings.HasPrefix(err.Error(), "tls-cert, tls-key:") {
			t.Errorf("%+v: got %v, want an error of tls-cert and tls-key", cfg, err)
		}
	}
}
