package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// Times after which a relay is checked, and within which a break explains it.
const (
	checkAfter = 60 * time.Second // longer than a grace, a takeover and every fault
	senderTime = 15 * time.Second // a frame in transit is lost with the connection, whose end the client may notice so much later
	answerTime = 20 * time.Second // an error, or the frame itself, waits for a disconnected client
)

// load is the payload of a numbered frame.
type load struct {
	Worker int          `json:"p"`
	Number uint64       `json:"n"`
	To     proto.PeerID `json:"to"`
}

// flight is one frame in transit.
type flight struct {
	load
	from      proto.PeerID
	receiver  *worker
	sender    *worker
	sent      int64 // 0: not sent yet
	delivered int64 // 0: not delivered
	refused   proto.ErrorCode
}

type flightKey struct {
	worker int
	number uint64
}

type pair struct{ from, to proto.PeerID }

// ledger records what becomes of every relayed frame. Safe for concurrent use.
type ledger struct {
	w  *workload
	wg sync.WaitGroup // readers that outlive the workers

	mu      sync.Mutex
	numbers map[int]uint64 // by worker
	flying  map[flightKey]*flight
	newest  map[pair]uint64 // number that arrived last
}

func newLedger(w *workload) *ledger {
	return &ledger{w: w, numbers: make(map[int]uint64), flying: make(map[flightKey]*flight), newest: make(map[pair]uint64)}
}

// send sends numbered frames to anybody until ctx ends.
func (l *ledger) send(ctx context.Context, p *worker, c *client.Client) {
	for ctx.Err() == nil {
		pause(ctx, *relayPace/2+rand.N(*relayPace))
		to := l.w.all[rand.N(len(l.w.all))]
		id := to.id()
		if to == p || id == "" {
			continue
		}
		f := l.take(p, to, id)
		f.from = c.ID()
		err := c.Send(ctx, client.Out{Event: proto.Message, To: id, Data: f.load, ID: fmt.Sprintf("m%d", f.Number)})
		l.mu.Lock()
		if err != nil {
			delete(l.flying, flightKey{p.n, f.Number}) // it was not sent
		} else {
			l.w.stats.frames.Add(1)
			f.sent = l.w.sys.now()
		}
		l.mu.Unlock()
	}
}

func (l *ledger) take(p, to *worker, id proto.PeerID) *flight {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.numbers[p.n]++
	f := &flight{load: load{p.n, l.numbers[p.n], id}, sender: p, receiver: to}
	l.flying[flightKey{p.n, f.Number}] = f
	return f
}

// arrived records a frame that worker p, as peer id, received.
func (l *ledger) arrived(p *worker, id proto.PeerID, in *client.Frame) {
	var d load
	if err := json.Unmarshal(in.Data, &d); err != nil {
		l.w.sys.violate("worker %d got a frame that nobody sent: %s", p.n, in.Raw)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.flying[flightKey{d.Worker, d.Number}]
	key := pair{in.From, d.To}
	switch {
	case d.To != id:
		l.w.sys.violate("worker %d, peer %s, got frame %d of worker %d for %s", p.n, id, d.Number, d.Worker, d.To)
	case f == nil:
		l.w.sys.violate("frame %d of worker %d from %s came to %s after its outcome was known: too late, or twice", d.Number, d.Worker, in.From, id)
	case f.delivered != 0:
		l.w.sys.violate("frame %d of worker %d from %s came to %s twice; sent %.3f, came %.3f; outages of the receiver: %s",
			d.Number, d.Worker, in.From, id, seconds(f.sent), seconds(f.delivered), p.history(f.sent))
	case d.Number <= l.newest[key]:
		l.w.sys.violate("frame %d of worker %d from %s came to %s after frame %d; sent %.3f; outages of the receiver: %s",
			d.Number, d.Worker, in.From, id, l.newest[key], seconds(f.sent), p.history(f.sent))
	}
	if f != nil && f.delivered == 0 {
		f.delivered = l.w.sys.now()
		l.w.stats.delivered.Add(1)
	}
	l.newest[key] = max(l.newest[key], d.Number)
}

// refused records an error frame about a frame of worker p.
func (l *ledger) refused(p *worker, in *client.Frame) {
	number, ok := strings.CutPrefix(strings.Trim(string(in.ID), `"`), "m")
	if !ok {
		return
	}
	var n uint64
	fmt.Sscan(number, &n)
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.flying[flightKey{p.n, n}]
	if f == nil {
		l.w.sys.violate("worker %d got %s for its frame %s, whose outcome was known", p.n, in.Event, number)
		return
	}
	if f.refused == "" {
		l.w.stats.refused.Add(1)
	}
	f.refused = proto.ErrorCode(in.Event)
}

// check removes the frames that are older than age and reports those whose
// outcome is unknown.
func (l *ledger) check(age time.Duration) {
	old := l.w.sys.now() - int64(age)
	l.mu.Lock()
	var lost []*flight
	for key, f := range l.flying {
		if f.sent == 0 || f.sent > old {
			continue
		}
		delete(l.flying, key)
		switch {
		case f.delivered != 0 || f.refused != "":
		case l.explained(f):
			l.w.stats.explained.Add(1)
		default:
			lost = append(lost, f)
		}
	}
	l.mu.Unlock()
	if len(lost) == 0 {
		return
	}
	var some strings.Builder
	for _, f := range lost[:min(len(lost), 8)] {
		fmt.Fprintf(&some, "\n    frame %d of worker %d, sent %.3f by %s to %s; outages of the sender: %s; of the receiver: %s",
			f.Number, f.Worker, seconds(f.sent), f.from, f.To, f.sender.history(f.sent-int64(answerTime)), f.receiver.history(f.sent-int64(answerTime)))
	}
	l.w.sys.violate("%d frames were neither delivered nor refused, and no broken connection explains it%s", len(lost), some.String())
}

// explained reports whether a broken connection may have lost the frame, or the
// error about it.
func (l *ledger) explained(f *flight) bool {
	from := f.sent - int64(time.Second)
	return f.sender.brokeIn(from, f.sent+int64(senderTime)) ||
		f.sender.lostIn(f.from, from, f.sent+int64(answerTime)) ||
		f.receiver.lostIn(f.To, from, f.sent+int64(answerTime))
}

func seconds(ns int64) float64 { return float64(ns) / float64(time.Second) }
