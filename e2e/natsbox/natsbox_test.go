package natsbox_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"p2pconnector/e2e/natsbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, cfg natsbox.Config) *natsbox.Server {
	t.Helper()
	s, err := natsbox.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func connect(t *testing.T, s *natsbox.Server, opts ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(s.URL(), append([]nats.Option{nats.InProcessServer(s)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func bucket(t *testing.T, nc *nats.Conn, replicas int) jetstream.KeyValue {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.CreateOrUpdateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "b", Replicas: replicas})
	if err != nil {
		t.Fatal(err)
	}
	return kv
}

// A connection and its data outlive a restart, without any port.
func TestRestart_ConnectionAndData_AreKept(t *testing.T) {
	s := start(t, natsbox.Config{})
	back := make(chan struct{}, 1)
	nc := connect(t, s, nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond),
		nats.ReconnectHandler(func(*nats.Conn) { back <- struct{}{} }))
	kv := bucket(t, nc, 1)
	if _, err := kv.Put(t.Context(), "k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	if _, err := s.InProcessConn(); !errors.Is(err, natsbox.ErrStopped) {
		t.Fatalf("a connection to a stopped server: %v", err)
	}
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-back:
	case <-t.Context().Done():
		t.Fatal("not reconnected")
	}
	e, err := kv.Get(t.Context(), "k")
	if err != nil || string(e.Value()) != "v" {
		t.Fatalf("after the restart: %v, %v", e, err)
	}
}

func TestRestart_DrawnPort_IsKept(t *testing.T) {
	s := start(t, natsbox.Config{Listen: "127.0.0.1:0"})
	url := s.URL()
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	if s.URL() != url {
		t.Fatalf("was at %s, now at %s", url, s.URL())
	}
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
}

// The cause of a failed start reaches the caller.
func TestStart_PortTaken_Fails(t *testing.T) {
	s := start(t, natsbox.Config{Listen: "127.0.0.1:0"})
	if _, err := natsbox.Start(natsbox.Config{Listen: s.URL()[len("nats://"):]}); err == nil {
		t.Fatal("two servers on one port")
	}
	if _, err := natsbox.Start(natsbox.Config{Listen: "nowhere"}); err == nil {
		t.Fatal("started on an address without a port")
	}
}

func TestClose_GivenFolder_IsKept(t *testing.T) {
	s, err := natsbox.Start(natsbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.StoreDir()); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the temporary folder is still there: %v", err)
	}
	dir := t.TempDir()
	s = start(t, natsbox.Config{StoreDir: dir})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Fatalf("the given folder is gone: %v", err)
	}
}

// Three servers replicate, and go on with one of them stopped.
func TestCluster_OneServerEnds_StillServes(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	servers, err := natsbox.StartCluster(ctx, 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, s := range servers {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	kv := bucket(t, connect(t, servers[0]), 3)
	if _, err := kv.Put(ctx, "k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	servers[2].Stop()
	for {
		tctx, cancel := context.WithTimeout(ctx, time.Second)
		_, err := kv.Put(tctx, "k", []byte("w"))
		cancel()
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	if err := servers[2].Restart(); err != nil {
		t.Fatal(err)
	}
	if err := natsbox.WaitCluster(ctx, servers); err != nil {
		t.Fatal(err)
	}
}
