package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/proto"
)

// bus keeps what is published: frames by their text, and the numbers of all.
type bus struct {
	mu    sync.Mutex
	texts []string // "fence" for a fence
	seqs  []uint64
	err   error
}

func (b *bus) PublishRequest(_, reply string, data []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return b.err
	}
	r, _ := proto.ParseLost(reply)
	b.texts, b.seqs = append(b.texts, string(data)), append(b.seqs, r.Seq)
	return nil
}

func (b *bus) Publish(subject string, _ []byte) error {
	return b.PublishRequest("", subject, []byte("fence"))
}

func (b *bus) PublishMsg(m *nats.Msg) error { return b.PublishRequest("", m.Reply, m.Data) }

// fail has every publish end with err from now on; nil heals it.
func (b *bus) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

// take returns what was published since the last time.
func (b *bus) take() (texts string, seqs []uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	texts, seqs = strings.Join(b.texts, " "), b.seqs
	b.texts, b.seqs = nil, nil
	return texts, seqs
}

// stalledWorld is a gateway with one peer that relays to a peer of another.
type stalledWorld struct {
	*Gateway
	t      *testing.T
	bus    *bus
	sender *session
	to     proto.PeerID
}

func stallWorld(t *testing.T) *stalledWorld {
	w := &stalledWorld{Gateway: testGateway(t, Config{}), t: t, bus: new(bus), to: proto.NewPeerID(gwA)}
	w.out = newOutbound(w.id, w.bus, w.coarse.Load)
	w.sender = &session{g: w.Gateway, id: proto.NewPeerID(w.id), phase: away}
	w.sessions.put(w.sender)
	w.leases.heard[gwA] = time.Now()
	return w
}

func (w *stalledWorld) relay(text string) {
	w.t.Helper()
	if e := w.relayTo(toPeer(w.sender.id, w.to), []byte(text)); e != nil {
		w.t.Fatal(e)
	}
}

// back is the server's word that nobody was there for relay seq.
func (w *stalledWorld) back(seq uint64) {
	w.t.Helper()
	sent, frame, ok := w.out.settle(seq)
	if !ok {
		w.t.Fatalf("relay %d is not remembered", seq)
	}
	w.nobodyThere(sent, frame)
}

// published checks what was published since the last time and returns its numbers.
func (w *stalledWorld) published(want string) []uint64 {
	w.t.Helper()
	got, seqs := w.bus.take()
	if got != want {
		w.t.Fatalf("published %q, want %q", got, want)
	}
	return seqs
}

// told returns the errors that the sender got.
func (w *stalledWorld) told() (codes []string) {
	w.sender.mu.Lock()
	defer w.sender.mu.Unlock()
	for _, f := range w.sender.kept.take(w.Gateway) {
		for _, c := range []proto.ErrorCode{proto.NotDelivered, proto.NotFound} {
			if bytes.Contains(f, []byte(`"event":"`+string(c)+`"`)) {
				codes = append(codes, string(c))
			}
		}
	}
	return codes
}

// Frames for a gateway that is away for a moment are sent again in their order,
// new ones behind them, and nobody is told anything.
func TestStallKeepsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := stallWorld(t)
		w.relay("1")
		w.relay("2")
		seqs := w.published("1 2")
		w.back(seqs[0])
		w.back(seqs[1])
		w.relay("3") // waits behind them
		w.published("")
		time.Sleep(stallPauses[0])
		synctest.Wait()
		seqs = w.published("1 2 3 fence")
		w.relay("4") // still waits: whether they arrived is not known yet
		w.published("")
		if !w.stalls.fence(seqs[3]) || w.stalls.fence(seqs[3]) {
			t.Error("the fence is not known, or known twice")
		}
		w.published("4")
		w.relay("5")
		w.published("5")
		if n := w.stalls.n.Load(); n != 0 || len(w.told()) != 0 {
			t.Errorf("%d stalls are left", n)
		}
	})
}

// After three tries in vain each sender is told once: that the peer does not
// take it while its gateway lives, that it is gone when it does not.
func TestStallGivesUp(t *testing.T) {
	for _, lives := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := stallWorld(t)
			w.relay("1")
			w.relay("2")
			seqs := w.published("1 2")
			w.back(seqs[0])
			w.back(seqs[1])
			for _, pause := range stallPauses {
				time.Sleep(pause)
				synctest.Wait()
				if !lives {
					w.leases.ended[gwA] = true
				}
				seqs = w.published("1 2 fence")
				for _, seq := range seqs[:2] {
					sent, frame, _ := w.out.settle(seq)
					w.stalls.hold(sent, frame)
				}
				w.stalls.fence(seqs[2])
			}
			want := string(proto.NotFound)
			if lives {
				want = string(proto.NotDelivered)
			}
			if got := fmt.Sprint(w.told()); got != fmt.Sprintf("[%s %s]", want, want) {
				t.Errorf("told %s, want %s twice", got, want)
			}
			if n := w.stalls.n.Load(); n != 0 {
				t.Errorf("%d stalls are left", n)
			}
		})
	}
}

// A frame that came back although a later one arrived is not sent again behind
// it: its sender is told.
func TestStallNeverReorders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := stallWorld(t)
		w.relay("1")
		w.relay("2")
		seqs := w.published("1 2")
		w.back(seqs[0])
		time.Sleep(stallPauses[0])
		synctest.Wait()
		seqs = w.published("fence")
		w.stalls.fence(seqs[0])
		w.published("")
		if got := w.told(); len(got) != 1 || got[0] != string(proto.NotDelivered) {
			t.Errorf("told %v", got)
		}
	})
}

// Nor is one that came back before others of which nobody knows: their senders were
// told, but they may have arrived.
func TestStallNeverReordersInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := stallWorld(t)
		w.relay("1")
		w.relay("2")
		seqs := w.published("1 2")
		w.back(seqs[0])
		w.undeliveredAll(w.out.sentToPeers([]proto.PeerID{w.to}, ever))
		time.Sleep(stallPauses[0])
		synctest.Wait()
		w.published("fence")
		if got := w.told(); len(got) != 2 {
			t.Errorf("told %v, not of 1 and 2", got)
		}
		w.stalls.close()
	})
}

// A frame may come back after the first that was sent later waits. It keeps its place
// as long as none of those has been sent again, and is given up after that.
func TestStallTakesInWhatComesBackLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := stallWorld(t)
		w.relay("1")
		w.relay("2")
		seqs := w.published("1 2")
		w.back(seqs[0])
		w.relay("3")
		w.back(seqs[1])
		time.Sleep(stallPauses[0])
		synctest.Wait()
		w.published("1 2 3 fence")
		if got := w.told(); len(got) != 0 {
			t.Errorf("told %v", got)
		}
		w.stalls.close()
	})
	synctest.Test(t, func(t *testing.T) {
		w := stallWorld(t)
		w.relay("1")
		w.relay("2")
		seqs := w.published("1 2")
		w.back(seqs[0])
		w.relay("3")
		time.Sleep(stallPauses[0])
		synctest.Wait()
		w.published("3 fence") // 2 seemed to have arrived
		w.back(seqs[1])
		if got := w.told(); len(got) != 2 {
			t.Errorf("told %v, not of 1 and 2", got)
		}
		w.stalls.close()
	})
}

// What waits is bounded, is given up when NATS is away, and when the gateway ends.
func TestStallBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := stallWorld(t)
		w.relay("first")
		w.back(w.published("first")[0])
		for i := 1; i < maxStallFrames; i++ {
			w.relay("more")
		}
		if e := w.relayTo(toPeer(w.sender.id, w.to), []byte("one too many")); e == nil || e.Code != proto.NotDelivered {
			t.Errorf("one too many: %v", e)
		}
		w.bus.fail(errors.New("no connection"))
		time.Sleep(stallPauses[0])
		synctest.Wait()
		if n := len(w.told()); n != maxStallFrames {
			t.Errorf("%d senders were told, want %d", n, maxStallFrames)
		}
		w.bus.fail(nil)
		w.relay("again")
		w.back(w.published("again")[0])
		w.stalls.close()
		if n := len(w.told()); n != 1 || w.stalls.n.Load() != 0 {
			t.Errorf("at the end %d were told, %d stalls are left", n, w.stalls.n.Load())
		}
	})
}

// A fence that is lost with the connection to NATS holds nothing up for ever:
// the senders of what may be lost are told once, and the next frames go out.
func TestStallWithoutFence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := stallWorld(t)
		for _, text := range []string{"1", "2", "3"} {
			w.relay(text)
		}
		for _, seq := range w.published("1 2 3") {
			w.back(seq)
		}
		time.Sleep(stallPauses[0])
		synctest.Wait()
		seqs := w.published("1 2 3 fence")
		w.relay("4")
		w.back(seqs[0])       // came back once more: the fence would say that it is to be sent again
		w.out.settle(seqs[1]) // its sender was told otherwise
		time.Sleep(fencePatience)
		synctest.Wait()
		want := fmt.Sprint([]proto.ErrorCode{proto.NotFound, proto.NotFound, proto.NotFound}) // its lease is over too
		if got := fmt.Sprint(w.told()); got != want {
			t.Errorf("told %s, want %s for 1, 3 and 4", got, want)
		}
		w.relay("5")
		w.published("5")
		if w.stalls.fence(seqs[3]) {
			t.Error("a fence that comes so late is still known")
		}
		if len(w.stalls.fences) != 0 || w.stalls.n.Load() != 0 {
			t.Errorf("%d fences, %d stalls are left", len(w.stalls.fences), w.stalls.n.Load())
		}
	})
}
