package resume_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// changer makes rooms and joins them all the time, and records the acknowledged
// changes.
type changer struct {
	maker *client.Client
	other *client.Client
	stop  chan struct{}
	rooms map[proto.RoomID]int // members that must be in it
}

func newChanger(t *testing.T, s *kit.Stack) *changer {
	t.Helper()
	ch := &changer{maker: s.Client(t, 0, client.Options{}), other: s.Client(t, 1, client.Options{}), stop: make(chan struct{}), rooms: map[proto.RoomID]int{}}
	for _, c := range []*client.Client{ch.maker, ch.other} {
		go drop(c)
	}
	return ch
}

// drop receives and drops frames until the client ends.
func drop(c *client.Client) {
	for range c.Frames() {
	}
}

// maxRooms is less than the gateways' limit for one peer.
const maxRooms = 50

func (ch *changer) run(ctx context.Context, _ []*load) error {
	for i := 0; i < maxRooms; i++ {
		room := proto.RoomID(fmt.Sprintf("changed-%d", i))
		if err := again(ctx, proto.DuplicateRoom, func() error {
			_, err := ch.maker.Create(ctx, client.RoomOptions{Room: room})
			return err
		}); err != nil {
			return fmt.Errorf("creating %s: %w", room, err)
		}
		ch.rooms[room] = 1
		if err := again(ctx, proto.AlreadyExists, func() error {
			_, err := ch.other.Join(ctx, room, client.JoinOptions{})
			return err
		}); err != nil {
			return fmt.Errorf("joining %s: %w", room, err)
		}
		ch.rooms[room] = 2
		pause := time.NewTimer(50 * time.Millisecond)
		select {
		case <-ch.stop:
			pause.Stop()
			return nil
		case <-pause.C:
		}
	}
	return nil
}

// again repeats a request that was interrupted or unavailable; done is the
// error that shows that an earlier try took effect.
func again(ctx context.Context, done proto.ErrorCode, f func() error) error {
	for tries := 0; ; tries++ {
		err := f()
		switch code := client.Code(err); {
		case err == nil, tries > 0 && code == done:
			return nil
		case ctx.Err() == nil && (errors.Is(err, client.ErrInterrupted) || code == proto.Unavailable):
		default:
			return err
		}
	}
}

// check compares the rooms with the acknowledged changes.
func (ch *changer) check(ctx context.Context, t *testing.T) {
	t.Helper()
	if len(ch.rooms) == 0 {
		t.Error("no room was changed")
	}
	for room, members := range ch.rooms {
		var d proto.RoomData
		err := again(ctx, "", func() (err error) {
			d, err = ch.maker.Info(ctx, room)
			return err
		})
		if err != nil || len(d.Clients) != members || d.Creator != ch.maker.ID() {
			t.Errorf("%s: %+v, %v; want %d members", room, d, err, members)
		}
	}
}
