package directory

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/ownership"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

const own, other proto.GatewayID = "0123abcd", "4e5f6071"

// alive are the gateways that are alive.
type alive []proto.GatewayID

func (a alive) Await(proto.GatewayID, <-chan struct{}) {}

func (a alive) Alive(g proto.GatewayID) bool {
	return slices.Contains(a, g)
}

func reply(x bus.SessionEntry, revision uint64, refused bus.SessionRefusal) *bus.SessionReply {
	return &bus.SessionReply{SessionEntry: x, Revision: revision, Refused: refused}
}

// client returns a client whose questions are all answered by answer, the number of
// questions asked, and the number of takes with a conflict.
func client(answer *bus.SessionReply, live ...proto.GatewayID) (c *Client, asked, conflicts *int) {
	asked, conflicts = new(int), new(int)
	var now clock.AtomicInstant
	now.Store(clock.Now())
	return New(Config{
		Own: own, Liveness: alive(live), Clock: &now, Logger: slog.New(slog.DiscardHandler),
		Ask: func(bus.SessionOperation, *bus.SessionRequest, time.Duration) (*bus.SessionReply, error) {
			*asked++
			if answer == nil {
				return nil, errors.New("no answer")
			}
			return answer, nil
		},
		Conflict: func() { *conflicts++ },
	}), asked, conflicts
}

func TestTake_EachReply_HasItsAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		reply     *bus.SessionReply
		want      ownership.Answer
		conflicts int
	}{
		"taken":     {reply(bus.SessionEntry{Epoch: 2}, 9, ""), ownership.Answer{Kind: ownership.Won, Owner: own, Epoch: 2, Revision: 9}, 0},
		"moved":     {reply(bus.SessionEntry{Owner: other, Epoch: 3}, 8, bus.RefusedMoved), ownership.Answer{Kind: ownership.Lost, Owner: other, Epoch: 3, Revision: 8}, 1},
		"ended":     {reply(bus.SessionEntry{}, 0, bus.RefusedEnded), ownership.Answer{Kind: ownership.Ended}, 0},
		"no answer": {nil, ownership.Answer{Kind: ownership.Unknown}, 0},
	} {
		c, _, conflicts := client(tc.reply)
		if got := c.Take(proto.NewPeerID(own), 2, 7, 1); got != tc.want {
			t.Errorf("%s: got %+v, want %+v", name, got, tc.want)
		}
		if *conflicts != tc.conflicts {
			t.Errorf("%s: got %d conflicts, want %d", name, *conflicts, tc.conflicts)
		}
	}
}

func TestFind_EachReply_HasItsRoute(t *testing.T) {
	for name, tc := range map[string]struct {
		reply  *bus.SessionReply
		live   alive
		to     link.Route
		found  bool
		failed bool
		asked  int // in two calls
	}{
		"an entry":                   {reply(bus.SessionEntry{Owner: other, Epoch: 2}, 9, ""), nil, link.Route{Owner: other, Epoch: 2}, true, false, 2},
		"no entry, home is alive":    {new(bus.SessionReply), alive{other}, link.Route{Owner: other}, true, false, 2},
		"no entry, home is gone":     {new(bus.SessionReply), nil, link.Route{}, false, false, 1},
		"it has ended":               {reply(bus.SessionEntry{Ended: true}, 9, ""), alive{other}, link.Route{}, false, false, 1},
		"the directory is not there": {nil, alive{other}, link.Route{}, false, true, 2},
	} {
		c, asked, _ := client(tc.reply, tc.live...)
		p := proto.NewPeerID(other)
		for range 2 {
			if to, found, failed := c.Find(p); to != tc.to || found != tc.found || failed != tc.failed {
				t.Errorf("%s: got %+v, found %v, failed %v, want %+v, %v, %v", name, to, found, failed, tc.to, tc.found, tc.failed)
			}
		}
		if *asked != tc.asked {
			t.Errorf("%s: got %d questions, want %d", name, *asked, tc.asked)
		}
	}
}

// The client remembers absent peers only for a moment, and at most 4,096 of them.
func TestAbsent_TimeAndNumber_AreBounded(t *testing.T) {
	var a absent
	now := clock.Now()
	p := proto.NewPeerID(other)
	a.add(p, now)
	if !a.has(p, now.Add(absentFor-1)) || a.has(p, now.Add(absentFor)) {
		t.Errorf("peer added %v and %v ago: got absent %v and %v, want true and false", absentFor-1, absentFor, a.has(p, now.Add(absentFor-1)), a.has(p, now.Add(absentFor)))
	}
	for len(a.all) < 4096 {
		before := len(a.all)
		if a.add(proto.NewPeerID(other), now); len(a.all) <= before {
			t.Fatalf("got %d peers remembered after %d, want one more", len(a.all), before)
		}
	}
	if a.add(proto.NewPeerID(other), now); len(a.all) != 1 {
		t.Errorf("one above 4,096: got %d peers remembered, want it alone", len(a.all))
	}
}
