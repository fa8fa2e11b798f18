package resume_test

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// A gateway that shuts down announces when to reconnect, closes with 1001 at
// that moment, keeps the frames that arrive meanwhile, and hands the session to
// the gateway to which the peer connects.
func TestDrain_OneGateway_PeersMove(t *testing.T) {
	s := kit.Start(t, kit.Options{Drain: 3 * time.Second})
	tr := newTrio(t, s)
	tr.near.Bye()
	for _, c := range []*kit.Conn{tr.far, tr.peer} {
		c.Members(room, tr.far.ID, tr.peer.ID)
	}
	tr.near = s.Dial(t, 1) // the one on gateway 0 would move too
	tr.near.Join(room)
	tr.members = []proto.PeerID{tr.far.ID, tr.peer.ID, tr.near.ID}
	for _, c := range []*kit.Conn{tr.far, tr.peer} {
		c.Members(room, tr.members...)
	}
	ended := s.DrainGateway(t, 0)
	f := tr.peer.Expect(proto.ServerDraining)
	var d struct {
		After *int64 `json:"reconnect_after_ms"`
	}
	if err := json.Unmarshal(f.Data, &d); err != nil || d.After == nil || *d.After < 0 || *d.After > 3000 {
		t.Errorf("got %s", f.Raw)
	}
	tr.send(0, 20) // some before the close, some after
	if code, reason := tr.peer.Closed(); code != proto.CloseGoingAway {
		t.Errorf("closed with %v %q, want 1001", code, reason)
	}
	tr.send(20, 40)
	c := s.Dial(t, 1)
	if d := c.ResumeSession(tr.peer.ID, tr.peer.Session(), tr.peer.Received()); !*d.Recovered {
		t.Error("got recovered false, want true: a drain loses nothing")
	}
	tr.receive(c, 20, 40)
	ended()
	tr.works(c)
}

// load is a client that sends numbered messages to another one all the time, and
// records the messages that it receives.
type load struct {
	c    *client.Client
	to   *load
	n    int // to send
	mu   sync.Mutex
	got  []int
	bad  []string
	full chan struct{} // closed when all have arrived
}

// loadPause is the time between two messages of one sender.
const loadPause = 2 * time.Millisecond

func (l *load) send(ctx context.Context) error {
	tick := time.NewTicker(loadPause)
	defer tick.Stop()
	for i := range l.n {
		if err := l.c.Message(ctx, l.to.c.ID(), i); err != nil {
			return err
		}
		<-tick.C
	}
	return nil
}

func (l *load) receive(want int) {
	defer close(l.full)
	for f := range l.c.Frames() {
		l.mu.Lock()
		switch r, back := f.Resumed(); {
		case back && (!r.Same || !r.Recovered), f.Type == proto.TypeError:
			l.bad = append(l.bad, string(f.Raw))
		case f.Event == string(proto.Message):
			n, err := strconv.Atoi(string(f.Data))
			if err != nil {
				l.bad = append(l.bad, string(f.Raw))
			}
			l.got = append(l.got, n)
		}
		done := len(l.got) >= want
		l.mu.Unlock()
		if done {
			return
		}
	}
}

// TestDrain_UnderLoad_LosesNothing drains every gateway in turn while clients send each other
// messages and rooms change: no message is lost, duplicated or out of order, and
// no acknowledged change is undone.
func TestDrain_UnderLoad_LosesNothing(t *testing.T) {
	const gateways, pairs = 3, 4
	s := kit.Start(t, kit.Options{Gateways: gateways, Drain: 10 * time.Second})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	n := 2000 // about two thirds of them are sent during a drain
	loads := make([]*load, 2*pairs)
	for i := range loads {
		loads[i] = &load{c: s.Client(t, i%gateways, client.Options{}), n: n, full: make(chan struct{})}
	}
	var wg sync.WaitGroup
	for i, l := range loads {
		l.to = loads[i^1]
		wg.Go(func() { l.receive(n) })
	}
	errs := make(chan error, len(loads)+1)
	for _, l := range loads {
		wg.Go(func() { errs <- l.send(ctx) })
	}
	rooms := newChanger(t, s)
	wg.Go(func() { errs <- rooms.run(ctx, loads) })
	for i := range gateways {
		s.DrainGateway(t, i)()
		s.StartGateway(t, i)
	}
	close(rooms.stop)
	for _, l := range loads {
		select {
		case <-l.full:
		case <-ctx.Done():
			t.Error("got fewer messages than were sent, want all")
		}
	}
	for range len(loads) + 1 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	for i, l := range loads {
		l.check(t, i)
	}
	rooms.check(ctx, t)
	for _, l := range loads {
		if err := l.c.Close(); err != nil {
			t.Logf("closing: %v", err)
		}
	}
	wg.Wait()
}

func (l *load) check(t *testing.T, i int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.bad {
		t.Errorf("client %d got %.300s", i, b)
	}
	for k, n := range l.got {
		if n != k {
			t.Fatalf("client %d got number %d, want %d", i, n, k)
		}
	}
	if len(l.got) != l.n {
		t.Errorf("client %d got %d messages, want %d", i, len(l.got), l.n)
	}
}

// TestDrain_PeersOfOneGateway_StayInProcess: two peers whose gateway drains move to the same
// gateway. From then on their frames do not pass NATS, as those of peers that never moved.
func TestDrain_PeersOfOneGateway_StayInProcess(t *testing.T) {
	const frames = 100
	s := kit.Start(t, kit.Options{Gateways: 3, Drain: time.Second})
	a, b, far := s.Dial(t, 0), s.Dial(t, 0), s.Dial(t, 2)
	ended := s.DrainGateway(t, 0)
	moved := make([]*kit.Conn, 2)
	for i, c := range []*kit.Conn{a, b} {
		c.Expect(proto.ServerDraining)
		c.Closed()
		moved[i] = s.Dial(t, 1)
		moved[i].Resume(c)
	}
	ended()
	nc := s.Connect(t)
	relays, err := nc.SubscribeSync("p2p.gw.*.peer.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	for i := range frames {
		for j, c := range moved {
			c.Send(`{"event":"Message","to":%q,"data":%d}`, moved[1-j].ID, i)
		}
	}
	for _, c := range moved {
		for i := range frames {
			if f := c.Expect(proto.Message); string(f.Data) != strconv.Itoa(i) {
				t.Fatalf("got %.200s, want number %d", f.Raw, i)
			}
		}
	}
	far.Send(`{"event":"Message","to":%q}`, a.ID) // passes NATS
	moved[0].Expect(proto.Message)
	m, err := relays.NextMsg(kit.Patience)
	if err != nil {
		t.Fatalf("got no relay (%v), want the one from the other gateway", err)
	}
	if !strings.Contains(string(m.Data), string(far.ID)) {
		t.Errorf("first relay on NATS: got %s with %.200s, want the one of %s", m.Subject, m.Data, far.ID)
	}
}
