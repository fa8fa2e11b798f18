package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"p2pconnector/proto"
)

// leaveTime is how long the honest peer goes on after the attackers have left their rooms.
const leaveTime = proto.RequestDeadline + 3*time.Second

// manyRooms makes as many rooms as it may, and leaves all of them at once. An honest peer
// makes a room and leaves it meanwhile, again and again.
func manyRooms(ctx context.Context, t *trial) error {
	const peers, rooms = 400, 64
	honest, err := t.dial(ctx, honestIP(checkIP))
	if err != nil {
		return err
	}
	use, endUse := context.WithCancel(ctx)
	used := make(chan roomUse)
	go func() { used <- honest.useRooms(use) }()
	making, endMaking := context.WithTimeout(ctx, longAttack)
	defer endMaking()
	err = parallel(making, peers, peers, func(ctx context.Context, i int) error {
		return t.makeRooms(ctx, i, rooms, "{}")
	})
	t.got.noted(t.got.of(string(proto.RoomCreated)), "rooms")
	if err = ignoreEnd(making, err); err == nil {
		t.goodbye(attackerIP)
		_ = wait(ctx, leaveTime)
	}
	endUse()
	u := <-used
	if len(u.took) > 0 {
		t.after = append(t.after, fmt.Sprintf("an honest peer's room requests: p50 %s, p99 %s, of %d", milli(u.took.at(0.5)), milli(u.took.at(0.99)), len(u.took)))
	}
	for _, f := range u.failed {
		t.fault("an honest peer's room request failed: %s", f)
	}
	return err
}

// roomUse is what a peer had of its room requests.
type roomUse struct {
	took   latencies // until the answers, sorted
	failed []string  // the other answers
}

// useRooms makes a room and leaves it, again and again, until ctx ends.
func (c *client) useRooms(ctx context.Context) (u roomUse) {
	for wait(ctx, 100*time.Millisecond) == nil {
		u.ask(ctx, c, proto.CreateRoom, string(proto.RoomCreated))
		u.ask(ctx, c, proto.LeaveRoom, string(proto.RoomLeft))
	}
	slices.Sort(u.took)
	return u
}

// ask sends a room request, and records the answer unless ctx ends before.
func (u *roomUse) ask(ctx context.Context, c *client, event proto.Event, want string) {
	began := time.Now()
	answer, err := c.request(ctx, string(event), `{"room":"honest"}`)
	switch {
	case ctx.Err() != nil:
	case err != nil || answer != want:
		u.failed = append(u.failed, fmt.Sprintf("%s: %s after %v, error %v", event, answer, time.Since(began).Round(time.Millisecond), err))
	default:
		u.took = append(u.took, time.Since(began))
	}
}
