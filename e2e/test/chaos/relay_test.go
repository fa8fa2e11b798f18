package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"p2pconnector/e2e/client"
	"p2pconnector/proto"
)

// Times after which a relay is checked, and within which a break explains it.
const (
	settleAfter = 60 * time.Second // longer than a grace, a takeover and every fault
	senderTime  = 15 * time.Second // a frame in transit is lost with the connection, whose end the client may notice so much later
	answerTime  = 20 * time.Second // an error, or the frame itself, waits for a disconnected client
)

// load is the payload of a numbered frame.
type load struct {
	Player int          `json:"p"`
	Number uint64       `json:"n"`
	To     proto.PeerID `json:"to"`
}

// flight is one frame in transit.
type flight struct {
	load
	from      proto.PeerID
	receiver  *player
	sender    *player
	sent      int64 // 0: not sent yet
	delivered int64 // 0: not delivered
	refused   proto.ErrorCode
}

type flightKey struct {
	player int
	number uint64
}

type pair struct{ from, to proto.PeerID }

// ledger records what becomes of every relayed frame. Safe for concurrent use.
type ledger struct {
	g  *game
	wg sync.WaitGroup // readers that outlive the players

	mu      sync.Mutex
	numbers map[int]uint64 // by player
	flying  map[flightKey]*flight
	newest  map[pair]uint64 // number that arrived last
}

func newLedger(g *game) *ledger {
	return &ledger{g: g, numbers: make(map[int]uint64), flying: make(map[flightKey]*flight), newest: make(map[pair]uint64)}
}

// send sends numbered frames to anybody until ctx ends.
func (l *ledger) send(ctx context.Context, p *player, c *client.Client) {
	for ctx.Err() == nil {
		pause(ctx, *relayPace/2+rand.N(*relayPace))
		to := l.g.all[rand.N(len(l.g.all))]
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
			l.g.stats.frames.Add(1)
			f.sent = l.g.w.now()
		}
		l.mu.Unlock()
	}
}

func (l *ledger) take(p, to *player, id proto.PeerID) *flight {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.numbers[p.n]++
	f := &flight{load: load{p.n, l.numbers[p.n], id}, sender: p, receiver: to}
	l.flying[flightKey{p.n, f.Number}] = f
	return f
}

// arrived records a frame that player p, as peer id, received.
func (l *ledger) arrived(p *player, id proto.PeerID, in *client.Frame) {
	var d load
	if err := json.Unmarshal(in.Data, &d); err != nil {
		l.g.w.violate("player %d got a frame that nobody sent: %s", p.n, in.Raw)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.flying[flightKey{d.Player, d.Number}]
	key := pair{in.From, d.To}
	switch {
	case d.To != id:
		l.g.w.violate("player %d, peer %s, got frame %d of player %d for %s", p.n, id, d.Number, d.Player, d.To)
	case f == nil:
		l.g.w.violate("frame %d of player %d from %s came to %s after it was settled: too late, or twice", d.Number, d.Player, in.From, id)
	case f.delivered != 0:
		l.g.w.violate("frame %d of player %d from %s came to %s twice; sent %.3f, came %.3f; outages of the receiver: %s",
			d.Number, d.Player, in.From, id, seconds(f.sent), seconds(f.delivered), p.history(f.sent))
	case d.Number <= l.newest[key]:
		l.g.w.violate("frame %d of player %d from %s came to %s after frame %d; sent %.3f; outages of the receiver: %s",
			d.Number, d.Player, in.From, id, l.newest[key], seconds(f.sent), p.history(f.sent))
	}
	if f != nil && f.delivered == 0 {
		f.delivered = l.g.w.now()
		l.g.stats.delivered.Add(1)
	}
	l.newest[key] = max(l.newest[key], d.Number)
}

// refused records an error frame about a frame of player p.
func (l *ledger) refused(p *player, in *client.Frame) {
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
		l.g.w.violate("player %d got %s for its frame %s, which was settled", p.n, in.Event, number)
		return
	}
	if f.refused == "" {
		l.g.stats.refused.Add(1)
	}
	f.refused = proto.ErrorCode(in.Event)
}

// judge removes the frames that are older than age and reports those whose
// outcome is unknown.
func (l *ledger) judge(age time.Duration) {
	old := l.g.w.now() - int64(age)
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
			l.g.stats.explained.Add(1)
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
		fmt.Fprintf(&some, "\n    frame %d of player %d, sent %.3f by %s to %s; outages of the sender: %s; of the receiver: %s",
			f.Number, f.Player, seconds(f.sent), f.from, f.To, f.sender.history(f.sent-int64(answerTime)), f.receiver.history(f.sent-int64(answerTime)))
	}
	l.g.w.violate("%d frames were neither delivered nor refused, and no broken connection explains it%s", len(lost), some.String())
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
