package names

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

const own, other proto.GatewayID = "0123abcd", "4e5f6071"

// directory answers a client's requests, in this order; without an answer it is away.
type directory struct {
	answers []*bus.NameReply
	asked   []bus.NameRequest
	now     clock.AtomicInstant
	alive   bool
	late    bool // the owner's lease comes while a claim awaits it
}

func (d *directory) client() *Client {
	d.now.Store(clock.Now())
	return New(Config{
		Namespace: "n", Own: own, Requests: 16, Known: 100, Clock: &d.now, Count: func(Outcome) {}, Logger: slog.New(slog.DiscardHandler),
		Alive: func(proto.GatewayID) bool { return d.alive },
		Await: func(proto.GatewayID) { d.alive = d.alive || d.late },
		Ask: func(_ bus.NameOperation, r *bus.NameRequest, _ time.Duration) (*bus.NameReply, error) {
			d.asked = append(d.asked, *r)
			if len(d.answers) == 0 {
				return nil, errors.New("no answer")
			}
			a := d.answers[0]
			d.answers = d.answers[1:]
			return a, nil
		},
	})
}

func TestClaim_EachAnswer_HasItsOutcome(t *testing.T) {
	p, ben := proto.NewPeerID(own), proto.NewPeerID(other)
	mine := &bus.NameReply{Peer: p, Owner: own, Revision: 9}
	changed := &bus.NameReply{Refused: bus.RefusedChanged, Peer: ben, Owner: other, Revision: 7}
	free := &bus.NameReply{Refused: bus.RefusedChanged, Free: true, Revision: 8}
	taken := &bus.NameReply{Refused: bus.RefusedTaken, Peer: ben, Owner: other, Revision: 7}
	for name, c := range map[string]struct {
		answers     []*bus.NameReply
		alive, gone bool
		want        Outcome
		former      proto.PeerID
		force       bool // of the last request
		revision    uint64
	}{
		"free":                        {[]*bus.NameReply{mine}, true, false, Claimed, "", false, 0},
		"was free":                    {[]*bus.NameReply{free, mine}, true, false, Claimed, "", false, 8},
		"the same secret":             {[]*bus.NameReply{changed, mine}, true, false, TakenOver, ben, false, 7},
		"changed twice":               {[]*bus.NameReply{changed, free, mine}, true, false, Claimed, "", false, 8},
		"another secret":              {[]*bus.NameReply{taken}, true, false, Taken, "", false, 0},
		"another secret, gone":        {[]*bus.NameReply{taken, mine}, true, true, TakenOver, ben, true, 7},
		"another secret, dead owner":  {[]*bus.NameReply{taken, mine}, false, false, TakenOver, ben, true, 7},
		"gone, and changed meanwhile": {[]*bus.NameReply{taken, free, mine}, true, true, Claimed, "", false, 8},
		"no answer":                   {nil, true, false, Unavailable, "", false, 0},
	} {
		d := &directory{answers: c.answers, alive: c.alive}
		x := d.client()
		got, former := x.Claim("a", p, "s", time.Second, func(proto.PeerID) bool { return c.gone })
		last := d.asked[len(d.asked)-1]
		if got != c.want || former != c.former || last.Force != c.force || last.Revision != c.revision {
			t.Errorf("%s: got %s from %q, last request %+v, want %s from %q", name, got, former, last, c.want, c.former)
		}
		if peer, known := x.Known("a"); known != (got == Claimed || got == TakenOver) || known && peer != p {
			t.Errorf("%s: got %q known %v afterwards, want the own peer when it has the name", name, peer, known)
		}
	}
}

// A gateway that has just started knows no other yet: it must not take their names.
func TestClaim_OwnersLeaseIsLate_IsTaken(t *testing.T) {
	d := &directory{late: true, answers: []*bus.NameReply{{Refused: bus.RefusedTaken, Peer: proto.NewPeerID(other), Owner: other, Revision: 7}}}
	if got, _ := d.client().Claim("a", proto.NewPeerID(own), "s", time.Second, func(proto.PeerID) bool { return false }); got != Taken {
		t.Errorf("got %s, want %s", got, Taken)
	}
}

func TestClaim_DirectoryFull_IsItsOwnOutcome(t *testing.T) {
	d := new(directory)
	x := d.client()
	for code, want := range map[proto.ErrorCode]Outcome{proto.LimitExceeded: Full, proto.Unavailable: Unavailable} {
		x.cfg.Ask = func(bus.NameOperation, *bus.NameRequest, time.Duration) (*bus.NameReply, error) {
			return nil, fmt.Errorf("asked: %w", proto.Errorf(code, "no"))
		}
		if got, _ := x.Claim("a", proto.NewPeerID(own), "s", time.Second, nil); got != want {
			t.Errorf("%s: got %s, want %s", code, got, want)
		}
	}
}

func TestClaim_EntryAlwaysChanges_GivesUp(t *testing.T) {
	d := &directory{}
	for n := range uint64(2 * maxTries) {
		d.answers = append(d.answers, &bus.NameReply{Refused: bus.RefusedChanged, Revision: n + 1})
	}
	if got, _ := d.client().Claim("a", proto.NewPeerID(own), "s", time.Second, nil); got != Unavailable || len(d.asked) != maxTries {
		t.Errorf("got %s after %d requests, want unavailable after %d", got, len(d.asked), maxTries)
	}
}

// A name costs one look-up for as long as its answer is remembered.
func TestFind_Twice_AsksOnce(t *testing.T) {
	ben := proto.NewPeerID(other)
	for name, c := range map[string]struct {
		answer *bus.NameReply
		lasts  time.Duration
	}{
		"present": {&bus.NameReply{Peer: ben}, presentFor},
		"absent":  {&bus.NameReply{Free: true}, absentFor},
	} {
		d := &directory{answers: []*bus.NameReply{c.answer, c.answer, c.answer}}
		x := d.client()
		find := func(asked int) {
			t.Helper()
			if p, err := x.Find("a"); err != nil || p != c.answer.Peer || len(d.asked) != asked {
				t.Errorf("%s: got %q, error %v, after %d requests, want %q after %d", name, p, err, len(d.asked), c.answer.Peer, asked)
			}
		}
		find(1)
		d.now.Store(d.now.Load().Add(c.lasts - 1))
		find(1)
		d.now.Store(d.now.Load().Add(1))
		find(2)
		x.Forget("a")
		find(3)
	}
}

func TestFind_DirectoryAway_IsAnError(t *testing.T) {
	x := new(directory).client()
	if p, err := x.Find("a"); err == nil {
		t.Errorf("got %q, want an error", p)
	}
	if _, known := x.Known("a"); known {
		t.Error("got it remembered, want not")
	}
}

// While the directory is away, few look-ups wait for it.
func TestFind_DirectoryAway_IsAskedOnceASecond(t *testing.T) {
	d := new(directory)
	x := d.client()
	for step, want := range []struct {
		after time.Duration
		asked int
	}{{0, 1}, {0, 1}, {awayFor - 1, 1}, {1, 2}} {
		d.now.Store(d.now.Load().Add(want.after))
		if _, err := x.Find(fmt.Sprint(step)); err == nil || len(d.asked) != want.asked {
			t.Errorf("look-up %d: got error %v after %d requests, want one after %d", step, err, len(d.asked), want.asked)
		}
	}
}

// A gateway that is cut off from the directory goes on with what it knew.
func TestFind_DirectoryAway_ReturnsWhoHadTheName(t *testing.T) {
	ben := proto.NewPeerID(other)
	d := &directory{answers: []*bus.NameReply{{Peer: ben}}}
	x := d.client()
	for n := range 3 {
		if p, err := x.Find("a"); err != nil || p != ben {
			t.Errorf("look-up %d: got %q, error %v, want %q", n, p, err, ben)
		}
		d.now.Store(d.now.Load().Add(presentFor))
	}
	x.Forget("a")
	if p, err := x.Find("a"); err == nil {
		t.Errorf("after the peer was not found: got %q, want an error", p)
	}
}

func TestFind_TooManyAtOnce_IsBusy(t *testing.T) {
	d := &directory{answers: []*bus.NameReply{{Free: true}}}
	x := d.client()
	for range x.cfg.Requests - 1 {
		x.finds <- struct{}{}
	}
	if _, err := x.Find("a"); err != nil {
		t.Errorf("at the limit: got %v, want an answer", err)
	}
	x.finds <- struct{}{}
	if _, err := x.Find("b"); !errors.Is(err, ErrBusy) || len(d.asked) != 1 {
		t.Errorf("beyond it: got %v after %d requests, want %v after 1", err, len(d.asked), ErrBusy)
	}
}

func TestRemember_VeryManyNames_IsBounded(t *testing.T) {
	x := new(directory).client()
	for n := range x.cfg.Known + 1 {
		x.remember(fmt.Sprint(n), proto.NewPeerID(other))
	}
	if n := x.Len(); n != x.cfg.Known {
		t.Errorf("got %d names remembered, want %d", n, x.cfg.Known)
	}
}

func TestRelease_TooManyAtOnce_KeepsTheName(t *testing.T) {
	d := &directory{answers: []*bus.NameReply{{Free: true}}}
	x := d.client()
	for range 4*x.cfg.Requests - 1 {
		x.releases <- struct{}{}
	}
	x.Release("a", proto.NewPeerID(own), time.Second)
	x.releases <- struct{}{}
	x.Release("b", proto.NewPeerID(own), time.Second)
	if len(d.asked) != 1 || d.asked[0].Name != "a" {
		t.Errorf("got requests %+v, want one, for the release at the limit", d.asked)
	}
}

// A former peer's release must not make the gateway forget the present one.
func TestRelease_TakenOver_IsStillKnown(t *testing.T) {
	d := &directory{answers: []*bus.NameReply{{}, {Refused: bus.RefusedChanged}}}
	x := d.client()
	p := proto.NewPeerID(own)
	x.Claim("a", p, "s", time.Second, nil)
	x.Release("a", proto.NewPeerID(own), time.Second)
	if got, known := x.Known("a"); !known || got != p {
		t.Errorf("got %q, known %v, want %q", got, known, p)
	}
}
