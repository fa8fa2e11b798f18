package webtorrent

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/proto"
)

// network is gateways with clients, whose frames arrive at once.
type network struct {
	t       *testing.T
	view    []proto.GatewayID
	alive   map[proto.GatewayID]*Dialect
	clients map[proto.PeerID]*fake
	code    proto.ErrorCode // of Relay and Pay
	now     clock.AtomicInstant
	counts  map[Event]int
}

func newNetwork(t *testing.T) *network {
	n := &network{t: t, alive: make(map[proto.GatewayID]*Dialect), clients: make(map[proto.PeerID]*fake), counts: make(map[Event]int)}
	n.now.Store(clock.Now())
	for _, g := range []proto.GatewayID{one, two} {
		n.start(g)
	}
	return n
}

// maxSwarms is how many swarms a client of a network may be in.
const maxSwarms = 64

func (n *network) start(g proto.GatewayID) {
	n.view = append(n.view, g)
	n.alive[g] = New(Config{
		Own: g, Interval: 2 * time.Minute, MaxPeers: 100, MaxMembers: 1000, MaxSwarms: maxSwarms, Rate: 10, Clock: &n.now, Count: func(e Event) { n.counts[e]++ },
		Gateways: func() []proto.GatewayID { return append([]proto.GatewayID(nil), n.view...) },
		Alive:    func(g proto.GatewayID) bool { return n.alive[g] != nil },
		Relay:    func(from, to proto.PeerID, frame []byte) { n.route(from, to, frame) },
	})
}

// kill ends a gateway at once, with its clients.
func (n *network) kill(g proto.GatewayID) {
	delete(n.alive, g)
	for p := range n.clients {
		if p.Home() == g {
			delete(n.clients, p)
		}
	}
}

// notice makes the gateways that are left notice who is alive.
func (n *network) notice() {
	n.view = nil
	for g := range n.alive {
		n.view = append(n.view, g)
	}
	n.now.Store(n.now.Load().Add(time.Second))
	for _, d := range n.alive {
		d.Tick()
	}
}

// route delivers a frame, or returns it.
func (n *network) route(from, to proto.PeerID, frame []byte) {
	d := n.alive[to.Home()]
	if c := n.clients[to]; c != nil && d != nil {
		c.take(frame)
		return
	}
	if d != nil && d.Serve(to, frame) {
		return
	}
	if c := n.clients[from]; c != nil {
		c.take(dialect.Returned(frame, false))
	}
}

// fake is a client, and its port.
type fake struct {
	dialect.Port // nil: what a client of WebTorrent does not use

	n     *network
	peer  proto.PeerID
	c     dialect.Translator
	texts []string
}

func (n *network) client(g proto.GatewayID) *fake {
	f := &fake{n: n, peer: proto.NewPeerID(g)}
	f.c = n.alive[g].NewTranslator(nil, "", f)
	n.clients[f.peer] = f
	return f
}

func (f *fake) take(frame []byte) {
	if text, ok := f.c.Encode(frame); ok && text != nil {
		f.texts = append(f.texts, string(text))
	}
}

func (f *fake) Peer() proto.PeerID { return f.peer }
func (f *fake) Relay(to proto.PeerID, frame []byte) proto.ErrorCode {
	if f.n.code == "" {
		f.n.route(f.peer, to, frame)
	}
	return f.n.code
}
func (f *fake) Pay(int) proto.ErrorCode       { return f.n.code }
func (f *fake) Send(text []byte)              { f.texts = append(f.texts, string(text)) }
func (f *fake) Alive(time.Duration) bool      { return true }
func (f *fake) Close(proto.CloseCode, string) {}
func (f *fake) Go(func())                     {}
func (f *fake) Ending() <-chan struct{}       { return nil }
func (f *fake) got() (texts []string)         { texts, f.texts = f.texts, nil; return texts }
func (f *fake) announce(h id, more string) {
	f.c.Decode(fmt.Appendf(nil, `{"action":"announce","info_hash":%s,"peer_id":%s%s}`, h.appendTo(nil), named(string(f.peer)).appendTo(nil), more))
}

// homed returns a hash whose home is g.
func (n *network) homed(g proto.GatewayID) id {
	for i := range 100 {
		if h := named(fmt.Sprint(i)); (&homes{own: g}).homeOf(h, n.view) == g {
			return h
		}
	}
	n.t.Fatal("no hash has this home")
	return id{}
}

// expect fails the test unless the client got one text, which holds want.
func (f *fake) expect(want string) {
	f.n.t.Helper()
	if got := f.got(); len(got) != 1 || !strings.Contains(got[0], want) {
		f.n.t.Errorf("got %q, want one text with %q", got, want)
	}
}

// TestHome_Dies_MembersRegisterWithTheNext: an announce that does not reach the home makes the
// client come again, and what it joined is registered with the new home.
func TestHome_Dies_MembersRegisterWithTheNext(t *testing.T) {
	n := newNetwork(t)
	far, near := n.homed(two), n.homed(one)
	ann, ben := n.client(one), n.client(one)
	for _, h := range []id{far, near} {
		ann.announce(h, `,"left":0`)
		ann.expect(`{"complete":1,"incomplete":0,"action":"announce","interval":120,`)
	}
	dan := n.client(two)
	dan.announce(near, "")
	n.kill(two)
	ben.announce(far, `,"answer":{},"to_peer_id":"01234567890123456789"`)
	if got := ben.got(); got != nil {
		t.Errorf("an answer for a home that is dead: got %q, want nothing", got)
	}
	ben.announce(far, "")
	if got := ben.got(); len(got) != 1 || strings.Contains(got[0], "complete") || strings.Contains(got[0], `"interval":120`) || !strings.Contains(got[0], `"interval":`) {
		t.Errorf("the home is dead: got %q, want that the client shall announce again soon", got)
	}
	n.notice()
	for _, c := range []*fake{ann, ben} {
		if got := c.got(); len(got) != 1 || strings.Contains(got[0], `"interval":120`) || !strings.Contains(got[0], `"action":"announce"`) {
			t.Errorf("it moved: got %q, want that the client shall announce again soon", got)
		}
	}
	ben.c.Decode(scrapeRequest([]id{far, near}))
	ben.expect(fmt.Sprintf(`{%s:{"complete":1,"incomplete":1,"downloaded":1},%s:{"complete":1,"incomplete":0,"downloaded":1}}`, far.appendTo(nil), near.appendTo(nil)))
	if got := n.counts[Moved]; got != 2 {
		t.Errorf("got %d moved, want 2", got)
	}
	n.notice()
	if got := ann.got(); got != nil {
		t.Errorf("nothing has changed: got %q, want nothing", got)
	}
}

// TestHome_GatewayAppears_OldHomeForgets: a swarm that moves leaves nothing behind.
func TestHome_GatewayAppears_OldHomeForgets(t *testing.T) {
	n := newNetwork(t)
	far := n.homed(two)
	n.kill(two)
	n.notice()
	ann := n.client(one)
	ann.announce(far, "")
	n.start(two)
	n.notice()
	if s, _ := n.alive[one].Swarms(); s != 0 {
		t.Errorf("the old home: got %d swarms, want none", s)
	}
	if _, m := n.alive[two].Swarms(); m != 1 {
		t.Errorf("the new home: got %d members, want 1", m)
	}
	ann.c.End()
	if _, m := n.alive[two].Swarms(); m != 0 {
		t.Errorf("after the end: got %d members, want none", m)
	}
}

// TestTick_GatewayDiesWhileItDrains_LosesItsMembers, although it was not among the homes any more.
func TestTick_GatewayDiesWhileItDrains_LosesItsMembers(t *testing.T) {
	n := newNetwork(t)
	near, d := n.homed(one), n.alive[one]
	n.client(one).announce(near, "")
	n.client(two).announce(near, "")
	n.view = []proto.GatewayID{one}
	n.now.Store(n.now.Load().Add(time.Second))
	d.Tick()
	if _, m := d.Swarms(); m != 2 {
		t.Errorf("it drains: got %d members, want 2", m)
	}
	n.kill(two)
	n.notice()
	if _, m := d.Swarms(); m != 1 {
		t.Errorf("it is dead: got %d members, want 1", m)
	}
}

// TestSend_BusOrBudgetRefuses_ClientGetsAnError: what is not sent is answered at once.
func TestSend_BusOrBudgetRefuses_ClientGetsAnError(t *testing.T) {
	n := newNetwork(t)
	n.notice()
	ann := n.client(one)
	for _, g := range []proto.GatewayID{one, two} {
		h := n.homed(g)
		n.code = proto.RateLimited
		ann.announce(h, "")
		ann.expect(`"failure reason":"too many bytes: send fewer"`)
		ann.c.Decode(scrapeRequest([]id{h}))
		ann.expect(`{"action":"scrape","failure reason":"too many bytes: send fewer"}`)
		n.code = ""
	}
	n.code = proto.Unavailable
	ann.announce(n.homed(two), "")
	ann.expect(`{"action":"announce","interval":`)
	ann.c.Decode(scrapeRequest([]id{n.homed(two)}))
	ann.expect(`{"action":"scrape","failure reason":"the tracker does not answer now: try again in a moment"}`)
	n.code = ""
	n.notice()
	ann.expect(`{"complete":0,"incomplete":1,`)
}

// TestDecode_Flood_IsRefusedAtTheRate: at the edge of announces at once and a second.
func TestDecode_Flood_IsRefusedAtTheRate(t *testing.T) {
	n := newNetwork(t)
	ann := n.client(one)
	h := n.homed(one)
	for range 2 * maxSwarms {
		ann.announce(h, "")
	}
	if got := ann.got(); strings.Contains(strings.Join(got, ""), "failure") {
		t.Errorf("up to the burst: got %q, want no refusal", got)
	}
	ann.announce(h, "")
	ann.expect(`"failure reason":"too many announces: send fewer"`)
	n.now.Store(n.now.Load().Add(time.Second))
	for range 10 {
		ann.announce(h, "")
	}
	if got := ann.got(); len(got) != 10 || strings.Contains(strings.Join(got, ""), "failure") {
		t.Errorf("after a second: got %q, want %d replies", got, 10)
	}
	ann.announce(h, "")
	ann.expect(`"failure reason"`)
}

// TestServe_FramesOfOthers_AreNotTaken: a home takes frames of its own dialect only.
func TestServe_FramesOfOthers_AreNotTaken(t *testing.T) {
	n := newNetwork(t)
	d, p := n.alive[one], proto.NewPeerID(two)
	other := dialect.Frame{Name: []byte("peerjs"), From: []byte(p), N: toHome, Text: request(started, named("h"), named("p"), false)}
	own := other
	own.Name = []byte(Name)
	for what, x := range map[string]struct {
		to    proto.PeerID
		frame []byte
	}{
		"another dialect": {Service(one), other.Append(nil)},
		"another gateway": {Service(two), own.Append(nil)},
		"a client":        {proto.NewPeerID(one), own.Append(nil)},
		"no frame":        {Service(one), []byte(`{"event":"Message"}`)},
	} {
		if d.Serve(x.to, x.frame) {
			t.Errorf("%s: got it taken, want it refused", what)
		}
	}
	if !d.Serve(Service(one), own.Append(nil)) {
		t.Error("its own: got it refused, want it taken")
	}
	if _, m := d.Swarms(); m != 1 {
		t.Errorf("got %d members, want 1", m)
	}
	if id := Service(one); !id.Valid() || id.Home() != one {
		t.Errorf("Service: got %s, want a peer id of %s", id, one)
	}
}
