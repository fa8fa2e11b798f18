package commit

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
	"p2pconnector/roomsvc/internal/kv/kvtest"
	"p2pconnector/roomsvc/internal/metrics"
	"p2pconnector/roomsvc/internal/room"
)

// roomIn returns the room that b holds under the key of id.
func roomIn(t *testing.T, b *kvtest.Fake, id proto.RoomID) *bus.Room {
	t.Helper()
	h, err := room.Decode(b.Get(bus.RoomToken(id)))
	if err != nil {
		t.Fatal(err)
	}
	return h.Room
}

// instance is a committer that records what it announces.
type instance struct {
	*Committer
	mu       sync.Mutex
	changes  []bus.Change // in the order of announcement
	notified [][]proto.GatewayID
}

// waiting is how many operations may wait at an instance.
const waiting = 4096

func newInstance(t *testing.T, b kv.Bucket) *instance {
	i := new(instance)
	i.Committer = New(Config{
		Bucket: b, Log: slog.New(slog.DiscardHandler), Metrics: metrics.New(), Usage: new(kv.Usage),
		Limits: func() room.Limits { return room.Limits{Members: 2000, Bytes: bus.MaxRoomStateBytes} },
		Conn:   func() uint64 { return 0 }, Waiting: waiting,
		Announce: func(c *bus.Change, to []proto.GatewayID) {
			i.mu.Lock()
			defer i.mu.Unlock()
			i.changes = append(i.changes, *c)
			i.notified = append(i.notified, to)
		},
	})
	t.Cleanup(func() { i.Close(context.Background()) })
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
	refused := i.Submit(&Operation{
		Operation: room.Operation{Kind: kind, Request: &r}, Arrived: i.now(),
		Answer: func(reply *bus.Reply) { ch <- reply },
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
