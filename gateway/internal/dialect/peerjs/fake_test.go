package peerjs

import (
	"errors"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/names"
	"p2pconnector/proto"
)

const gw proto.GatewayID = "91be04d7"

// fixture is a gateway with one client, and a directory of names.
type fixture struct {
	dialect.Port // nil: what a client of PeerJS does not use

	t    *testing.T
	d    *Dialect
	c    dialect.Translator
	peer proto.PeerID

	mu      sync.Mutex
	names   map[string]proto.PeerID
	claim   names.Outcome // of the next claim; "": it succeeds
	former  proto.PeerID  // of the next claim
	down    bool          // the directory does not answer
	slow    time.Duration // how long it takes
	finds   int
	code    proto.ErrorCode // of relays
	relayed []dialect.Frame
	texts   []string // that the client got
	closed  bool
	onRelay func() // called after the next relay
	counts  map[Event]int
	release []string
	silent  bool // the client answers no ping
	ending  chan struct{}
	wg      sync.WaitGroup
	now     clock.AtomicInstant
}

// Bounds of the clients of a fixture.
const (
	waitBytes = 64 << 10
	lookups   = 20
)

// newFixture runs f in a bubble, with a client whose id is ann.
func newFixture(t *testing.T, f func(w *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &fixture{t: t, peer: proto.NewPeerID(gw), names: make(map[string]proto.PeerID), counts: make(map[Event]int), ending: make(chan struct{})}
		w.d = New(Config{Key: "peerjs", Expire: 5 * time.Second, WaitBytes: waitBytes, Lookups: lookups, Names: w, Clock: &w.now, Count: w.count})
		w.now.Store(clock.Now())
		w.c = w.client("peerjs", "ann", "1")
		f(w)
		w.c.End()
		close(w.ending)
		w.wg.Wait()
		if frames, bytes := w.d.Waiting(); frames != 0 || bytes != 0 {
			t.Errorf("at the end: got %d frames with %d bytes waiting, want none", frames, bytes)
		}
	})
}

func (w *fixture) client(key, id, token string) dialect.Translator {
	q := url.Values{"key": {key}, "id": {id}, "token": {token}}
	return w.d.NewTranslator(httptest.NewRequest("GET", "/peerjs?"+q.Encode(), nil), "", w)
}

// pass lets d pass, with a clock that is as coarse as the gateway's.
func (w *fixture) pass(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(min(50*time.Millisecond, time.Until(end)))
		w.now.Store(clock.Now())
		synctest.Wait()
	}
}

func (w *fixture) count(e Event) { w.mu.Lock(); defer w.mu.Unlock(); w.counts[e]++ }

func (w *fixture) Peer() proto.PeerID { return w.peer }

func (w *fixture) Relay(to proto.PeerID, frame []byte) proto.ErrorCode {
	w.mu.Lock()
	after := w.onRelay
	w.onRelay = nil
	defer func() {
		w.mu.Unlock()
		if after != nil {
			after()
		}
	}()
	if w.code != "" {
		return w.code
	}
	f, ok := dialect.Parse(frame)
	if !ok {
		w.t.Errorf("got %s relayed, want a frame of a dialect", frame)
	}
	w.relayed = append(w.relayed, f)
	return ""
}

func (w *fixture) Pay(int) proto.ErrorCode { return "" }

func (w *fixture) Send(text []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.texts = append(w.texts, string(text))
}

func (w *fixture) Alive(d time.Duration) bool {
	if w.silent {
		time.Sleep(d) // of the bubble's clock
	}
	return !w.silent
}

func (w *fixture) Close(code proto.CloseCode, reason string) {
	if code != 0 || reason != "" { // a PeerServer gives none
		w.t.Errorf("closed with code %d and reason %q, want none", code, reason)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
}

func (w *fixture) isClosed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed
}

func (w *fixture) Go(f func()) { w.wg.Go(f) }

func (w *fixture) Ending() <-chan struct{} { return w.ending }

func (w *fixture) Known(string) (proto.PeerID, bool) { return "", false }

func (w *fixture) Find(name string) (proto.PeerID, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.finds++
	slow := w.slow
	w.mu.Unlock()
	time.Sleep(slow) // of the bubble's clock
	w.mu.Lock()
	if w.down {
		return "", errors.New("no answer")
	}
	return w.names[name], nil
}

func (w *fixture) Forget(string) {}

func (w *fixture) Claim(_ string, _ proto.PeerID, _ string, _ time.Duration, gone func(proto.PeerID) bool) (names.Outcome, proto.PeerID) {
	w.mu.Lock()
	outcome, former := w.claim, w.former
	w.mu.Unlock()
	switch {
	case outcome == names.Taken && former != "" && gone(former):
		return names.TakenOver, former
	case outcome != "":
		return outcome, former
	}
	return names.Claimed, ""
}

func (w *fixture) Release(name string, _ proto.PeerID, _ time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.release = append(w.release, name)
}

func (w *fixture) List() ([]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		return nil, errors.New("no answer")
	}
	var all []string
	for name := range w.names {
		all = append(all, name)
	}
	return all, nil
}

// encode returns the text that the client gets for a frame.
func (w *fixture) encode(frame []byte) []byte {
	text, ok := w.c.Encode(frame)
	if !ok {
		w.t.Errorf("got %s declined, want it taken", frame)
	}
	return text
}

// set changes the fixture while nothing else runs.
func (w *fixture) set(f func()) { w.mu.Lock(); defer w.mu.Unlock(); f() }

// got returns what the client got and what was relayed since the last call.
func (w *fixture) got() (texts []string, relayed []dialect.Frame) {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	texts, relayed, w.texts, w.relayed = w.texts, w.relayed, nil, nil
	return texts, relayed
}
