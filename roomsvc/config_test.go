package roomsvc

import (
	"flag"
	"strings"
	"testing"
	"time"

	"p2pconnector/proto/service"
)

func TestNew_WrongSetting_ErrorNamesIt(t *testing.T) {
	for name, cfg := range map[string]Config{
		"nats-cert":        {NATS: service.NATS{Cert: "c.pem"}},
		"nats-creds":       {NATS: service.NATS{Creds: "no/such/file"}},
		"nats-ca":          {NATS: service.NATS{CA: "no/such/file"}},
		"replicas":         {Replicas: 2},
		"max-room-members": {MaxRoomMembers: -1},
		"session-grace":    {SessionGrace: time.Hour},
	} {
		_, err := New(cfg)
		if err == nil || !strings.HasPrefix(err.Error(), name) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want one line that begins with the name", name, err)
		}
	}
	if _, err := New(Config{}); err != nil {
		t.Errorf("the zero value: got %v, want no error", err)
	}
}

func TestNew_SeveralWrongSettings_ReportsAll(t *testing.T) {
	_, err := New(Config{NATS: service.NATS{Key: "k.pem"}, Ops: service.Ops{Listen: "nowhere"}, Replicas: 2, MaxRoomMembers: -1, MaxBucketBytes: 1, MaxWaiting: 1, SessionGrace: time.Hour})
	for _, want := range []string{"nats-key", "ops-listen", "replicas", "max-room-members", "max-bucket-bytes", "max-waiting-operations", "session-grace"} {
		if err == nil || !strings.Contains(err.Error(), want+": ") {
			t.Errorf("got %v, want %s in it", err, want)
		}
	}
}

// Flags shows what zero means, and binds every setting that has a name.
func TestFlags_Given_SetTheConfig(t *testing.T) {
	var cfg Config
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	cfg.Flags(fs)
	if err := fs.Parse([]string{"-nats-url=a", "-nats-creds=b", "-nats-cert=c", "-nats-key=d", "-nats-ca=e", "-replicas=3", "-max-room-members=7", "-session-grace=9s"}); err != nil {
		t.Fatal(err)
	}
	if want := (service.NATS{URL: "a", Creds: "b", Cert: "c", Key: "d", CA: "e"}); cfg.NATS != want || cfg.Replicas != 3 || cfg.MaxRoomMembers != 7 || cfg.SessionGrace != 9*time.Second {
		t.Errorf("got %+v, want the values of the flags", cfg)
	}
	if d := fs.Lookup("replicas").DefValue; d != "1" {
		t.Errorf("default of replicas: got %s, want 1", d)
	}
}
