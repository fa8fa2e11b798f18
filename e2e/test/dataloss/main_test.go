// Package dataloss_test proves that the system works again, without a restart of
// any of its services, after JetStream has lost its data.
package dataloss_test

import (
	"os"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto/bus"
)

func TestMain(m *testing.M) { kit.Main(m) }

const room = "r"

// loseStore stops NATS, deletes its store directory and starts it again.
func loseStore(t *testing.T, s *kit.Stack) {
	t.Helper()
	s.NATS(0).Stop()
	if err := os.RemoveAll(s.NATS(0).StoreDir()); err != nil {
		t.Fatal(err)
	}
	if err := s.NATS(0).Restart(); err != nil {
		t.Fatal(err)
	}
}

// deleteBuckets deletes buckets as an operator's tools do, while the services
// run.
func deleteBuckets(t *testing.T, js jetstream.JetStream, buckets ...string) {
	t.Helper()
	for _, b := range buckets {
		if err := js.DeleteKeyValue(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
}

func jetStream(t *testing.T, s *kit.Stack) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(s.Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// losses are the ways in which the data goes, and the NATS servers that lose it.
var losses = map[string]struct {
	nodes int
	lose  func(*testing.T, *kit.Stack)
}{
	"store directory":             {1, loseStore},
	"buckets by hand":             {1, deleteAll},
	"replicated buckets, by hand": {3, deleteAll},
}

func deleteAll(t *testing.T, s *kit.Stack) {
	t.Helper()
	deleteBuckets(t, jetStream(t, s), bus.RoomsBucket, bus.KeysBucket)
}
