package roomsvc

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

var errDown = errors.New("fake: no answer")

// fakeBucket is a bucket in memory, with the faults of a real bucket.
type fakeBucket struct {
	mu       sync.Mutex
	seq      uint64
	keys     map[string]record
	old      map[string]record // what the key held before
	writes   int
	reads    int
	confirms int

	// Faults. Functions get the number of the call of its kind, from 1.
	latency  func() time.Duration
	down     func() bool      // nothing is done, and no answer comes
	lostAck  func(n int) bool // the write is done, and no answer comes
	conflict func(n int) bool // reports a conflict that does not exist
	stale    func(n int) bool // a read returns the record before the last
	unproven bool             // reads do not prove that a record is the latest
	missed   bool             // every record is overwritten while latest looks
}

func newFakeBucket() *fakeBucket {
	return &fakeBucket{keys: make(map[string]record), old: make(map[string]record)}
}

// wait takes the time of a call. When the bucket is down, it waits until ctx
// ends.
func (b *fakeBucket) wait(ctx context.Context) error {
	if b.down != nil && b.down() {
		<-ctx.Done()
		return errDown
	}
	if b.latency == nil {
		return nil
	}
	select {
	case <-time.After(b.latency()):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *fakeBucket) read(ctx context.Context, key string) (record, error) {
	if err := b.wait(ctx); err != nil {
		return record{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reads++
	rec := b.keys[key]
	if b.stale != nil && b.stale(b.reads) {
		rec = b.old[key]
	}
	rec.proven = !b.unproven
	return rec, nil
}

func (b *fakeBucket) write(ctx context.Context, key string, value []byte, expected uint64) (uint64, error) {
	return b.put(ctx, key, record{value: value}, expected)
}

func (b *fakeBucket) remove(ctx context.Context, key string, tombstone []byte, expected uint64) (uint64, error) {
	return b.put(ctx, key, record{value: tombstone, deleted: true}, expected)
}

func (b *fakeBucket) put(ctx context.Context, key string, rec record, expected uint64) (uint64, error) {
	if err := b.wait(ctx); err != nil {
		return 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.writes++
	n := b.writes
	if b.keys[key].revision != expected || b.conflict != nil && b.conflict(n) {
		return 0, errConflict
	}
	b.seq++
	rec.revision = b.seq
	b.old[key], b.keys[key] = b.keys[key], rec
	if b.lostAck != nil && b.lostAck(n) {
		return 0, errDown
	}
	return b.seq, nil
}

func (b *fakeBucket) confirm(ctx context.Context, key string, revision uint64) error {
	if err := b.wait(ctx); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.confirms++
	if b.keys[key].revision != revision {
		return errConflict
	}
	return nil
}

func (b *fakeBucket) latest(ctx context.Context, keys []string) (map[string]record, bool, error) {
	if err := b.wait(ctx); err != nil {
		return nil, false, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	found := make(map[string]record)
	for _, k := range keys {
		if rec, ok := b.keys[k]; ok && !b.missed {
			found[k] = rec
		}
	}
	return found, !b.missed, nil
}

// room returns the room under the key of id.
func (b *fakeBucket) room(t *testing.T, id proto.RoomID) *bus.Room {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	h, err := decode(b.keys[bus.RoomToken(id)])
	if err != nil {
		t.Fatal(err)
	}
	return h.room
}

// instance is a committer that records what it announces.
type instance struct {
	*committer
	mu      sync.Mutex
	changes []bus.Change // in the order of announcement
	told    [][]proto.GatewayID
}

func newInstance(t *testing.T, b bucket) *instance {
	i := &instance{committer: newCommitter(b, limits{members: 2000, bytes: bus.MaxRoomStateBytes}, slog.New(slog.DiscardHandler), newStats())}
	i.announce = func(c *bus.Change, to []proto.GatewayID) {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.changes = append(i.changes, *c)
		i.told = append(i.told, to)
	}
	t.Cleanup(func() { i.close(context.Background()) })
	return i
}

// send submits a request; its answer comes on the channel, nil when it was dropped.
func (i *instance) send(kind bus.Operation, r bus.Request) <-chan *bus.Reply {
	ch := make(chan *bus.Reply, 1)
	if r.Room == "" {
		r.Room = "r"
	}
	if r.Gateway == "" {
		r.Gateway = r.Peer.Home()
	}
	refused := i.submit(&operation{
		kind: kind, req: &r, deadline: i.now().Add(proto.RequestDeadline), epoch: i.epoch(),
		answer: func(reply *bus.Reply) { ch <- reply },
	})
	if refused != nil {
		ch <- &bus.Reply{Error: refused}
	}
	return ch
}

func (i *instance) ask(kind bus.Operation, r bus.Request) *bus.Reply { return <-i.send(kind, r) }

// code returns the error code of a reply, "" for success, "dropped" for none.
func code(r *bus.Reply) proto.ErrorCode {
	switch {
	case r == nil:
		return "dropped"
	case r.Error != nil:
		return r.Error.Code
	}
	return ""
}
