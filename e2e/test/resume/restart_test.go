package resume_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto/bus"
)

// emptyBound is how long after a full restart the last ghost may remain.
const emptyBound = 25 * time.Second

// After a restart of everything on the stored data, no client connects: in the
// end no room is left.
func TestRestart_NobodyComesBack_RoomsEnd(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{Processes: true, StoreDir: t.TempDir()})
	for i := range 20 {
		s.Dial(t, i%2).Create(string(rune('a' + i)))
	}
	for i := range 2 {
		s.KillGateway(t, i)
		s.KillRooms(t, i)
	}
	if err := s.NATS(0).Restart(); err != nil {
		t.Fatal(err)
	}
	if n := roomsIn(t, s); n != 20 {
		t.Fatalf("after the restart: got %d rooms, want 20", n)
	}
	began := time.Now()
	for i := range 2 {
		s.StartRooms(t, i)
		s.StartGateway(t, i)
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for n := 20; n > 0; <-tick.C {
		n = roomsIn(t, s)
		if took := time.Since(began); took > emptyBound {
			t.Fatalf("got %d rooms after %v, want none", n, took)
		}
	}
	t.Logf("empty after %v", time.Since(began))
}

// roomsIn counts the rooms in the bucket.
func roomsIn(t *testing.T, s *kit.Stack) (n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kit.Patience)
	defer cancel()
	nc := s.Connect(t)
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.KeyValue(ctx, bus.RoomsBucket)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := kv.ListKeys(ctx)
	if errors.Is(err, jetstream.ErrNoKeysFound) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	for range keys.Keys() {
		n++
	}
	return n
}
