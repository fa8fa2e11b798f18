package roomsvc

import (
	"flag"
	"strings"
	"testing"
	"time"
)

func TestConfigErrorsNameTheSetting(t *testing.T) {
	for name, cfg := range map[string]Config{
		"nats-cert":        {NATSCert: "c.pem"},
		"nats-creds":       {NATSCreds: "no/such/file"},
		"nats-ca":          {NATSCA: "no/such/file"},
		"replicas":         {Replicas: 2},
		"max-room-members": {MaxRoomMembers: -1},
		"session-grace":    {SessionGrace: time.Hour},
	} {
		_, err := New(cfg)
		if err == nil || !strings.HasPrefix(err.Error(), name) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(Config{}); err != nil {
		t.Errorf("the zero value: %v", err)
	}
}

// Flags shows what zero means, and binds every setting that has a name.
func TestFlags(t *testing.T) {
	var cfg Config
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	cfg.Flags(fs)
	if err := fs.Parse([]string{"-nats-url=a", "-nats-creds=b", "-nats-cert=c", "-nats-key=d", "-nats-ca=e", "-replicas=3", "-max-room-members=7", "-session-grace=9s"}); err != nil {
		t.Fatal(err)
	}
	if cfg.NATSURL != "a" || cfg.NATSCreds != "b" || cfg.NATSCert != "c" || cfg.NATSKey != "d" || cfg.NATSCA != "e" || cfg.Replicas != 3 || cfg.MaxRoomMembers != 7 || cfg.SessionGrace != 9*time.Second {
		t.Errorf("%+v", cfg)
	}
	if d := fs.Lookup("replicas").DefValue; d != "1" {
		t.Errorf("default of replicas: %s", d)
	}
}
