package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"p2pconnector/e2e/kit"
)

// How pairs of PeerJS clients call each other.
const (
	pairCount  = 4
	callPace   = 150 * time.Millisecond // between two calls of a client, on average
	pairFaults = 20 * time.Second
	// callBound is the time in which a call must end: the receiver's gateway may be frozen
	// until others know that it is dead, and then the frame waits for --peerjs-expire.
	callBound = 20 * time.Second
)

// TestPeerJS_Faults_PairsEndConnectedOrReported: under faults, each OFFER is answered, or gives EXPIRE to one
// side, or one of the two connections broke, which its client sees. None arrives twice,
// because a second one would end the connection that the first one made. After the faults,
// every pair is connected again.
func TestPeerJS_Faults_PairsEndConnectedOrReported(t *testing.T) {
	sys := newSystem(t, seed(), shape{nodes: 3, gateways: 3, services: 3})
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	var all []*caller
	for n := range 2 * pairCount {
		all = append(all, &caller{sys: sys, n: n, id: fmt.Sprint("peer ", n), calls: make(map[string]*call), got: make(map[string]bool)})
	}
	for n, c := range all {
		c.partner = all[n^1]
		wg.Go(func() { c.run(ctx) })
	}
	var counts stats
	sys.inject(ctx, plan(sys.seed, pairFaults, strings.Split(*maskFlag, ",")), &counts)
	pause(ctx, time.Until(sys.began.Add(pairFaults)))
	healed := time.Now()
	for _, c := range all {
		if err := sys.await(kit.Patience, c.id+" was answered by nobody after the faults", func() bool { return c.answeredSince(healed) }); err != nil {
			sys.violate("%v", err)
		}
	}
	var sum [4]int
	for _, c := range all {
		if err := sys.await(callBound+kit.Patience/2, c.id+" has calls that go on", c.settled); err != nil {
			sys.violate("%v", err)
		}
		c.check(&sum)
	}
	t.Logf("seed %d: %d faults; %d calls answered, %d expired, %d ended with a connection, %d without outcome", sys.seed, counts.faults.Load(), sum[0], sum[1], sum[2], sum[3])
	if sum[0] == 0 {
		t.Errorf("got no call answered, want most of them")
	}
}

// caller is a client of PeerJS that calls its partner again and again, answers its partner's
// calls, and connects again as soon as its connection has ended, to the next gateway.
type caller struct {
	sys     *system
	n       int
	id      string
	partner *caller

	mu      sync.Mutex
	calls   map[string]*call // that it made, by connection id
	got     map[string]bool  // connection ids of the OFFERs that arrived
	breaks  []time.Time      // of its connection
	expired []time.Time      // when it got EXPIRE
	last    time.Time        // when its last answered call was made
	idle    bool             // it makes no further calls
}

// call is an OFFER, and what its sender learnt.
type call struct {
	at       time.Time
	answered bool
}

func (c *caller) run(ctx context.Context) {
	for turn := c.n; ctx.Err() == nil; turn++ {
		gateway := c.sys.urls(turn % len(c.sys.front))[0]
		dial, cancel := context.WithTimeout(ctx, 3*time.Second)
		q := url.Values{"key": {"peerjs"}, "id": {c.id}, "token": {"secret of " + c.id}}
		ws, _, err := websocket.Dial(dial, gateway+"peerjs?"+q.Encode(), nil)
		if err == nil {
			var b []byte
			if _, b, err = ws.Read(dial); err == nil && string(b) == `{"type":"OPEN"}` {
				cancel()
				c.serve(ctx, ws)
			}
			ws.CloseNow() //nolint:errcheck // it may have ended
		}
		cancel()
		pause(ctx, 100*time.Millisecond+rand.N(100*time.Millisecond))
	}
}

// serve uses a connection until it ends.
func (c *caller) serve(ctx context.Context, ws *websocket.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			if !c.call(ctx, ws) {
				return
			}
			pause(ctx, callPace/2+rand.N(callPace))
		}
	})
	for {
		_, b, err := ws.Read(ctx)
		if err != nil {
			break
		}
		c.read(ctx, ws, b)
	}
	cancel()
	wg.Wait()
	c.mu.Lock()
	c.breaks = append(c.breaks, time.Now())
	c.mu.Unlock()
}

// message is a frame of PeerJS.
type message struct {
	Type    string `json:"type"`
	Src     string `json:"src,omitempty"`
	Dst     string `json:"dst"`
	Payload string `json:"payload"` // the connection id
}

func (c *caller) call(ctx context.Context, ws *websocket.Conn) bool {
	id := fmt.Sprint(c.n, "-", rand.Uint64())
	c.mu.Lock()
	idle := c.idle
	if !idle {
		c.calls[id] = &call{at: time.Now()}
	}
	c.mu.Unlock()
	return idle || c.write(ctx, ws, message{Type: "OFFER", Dst: c.partner.id, Payload: id})
}

func (c *caller) write(ctx context.Context, ws *websocket.Conn, m message) bool {
	b, err := json.Marshal(m)
	if err != nil {
		c.sys.violate("%v", err)
		return false
	}
	return ws.Write(ctx, websocket.MessageText, b) == nil
}

func (c *caller) read(ctx context.Context, ws *websocket.Conn, b []byte) {
	var m message
	if err := json.Unmarshal(b, &m); err != nil || m.Src != c.partner.id || m.Dst != c.id {
		c.sys.violate("%s got %s, want a frame of its partner", c.id, b)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch m.Type {
	case "OFFER":
		if c.got[m.Payload] {
			c.sys.violate("%s got the OFFER %s twice", c.id, m.Payload)
		}
		c.got[m.Payload] = true
		c.write(ctx, ws, message{Type: "ANSWER", Dst: m.Src, Payload: m.Payload})
	case "ANSWER":
		if x := c.calls[m.Payload]; x == nil || x.answered {
			c.sys.violate("%s got an ANSWER to %s twice, or that it did not ask", c.id, m.Payload)
		} else {
			x.answered = true
			if x.at.After(c.last) {
				c.last = x.at
			}
		}
	case "EXPIRE":
		c.expired = append(c.expired, time.Now())
	default:
		c.sys.violate("%s got %s, want no such frame", c.id, b)
	}
}

func (c *caller) answeredSince(at time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last.After(at)
}

// settled makes the client call no more, and reports whether all its calls must have ended.
func (c *caller) settled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = true
	for _, x := range c.calls {
		if !x.answered && time.Since(x.at) < callBound && !c.explainedLocked(x) {
			return false
		}
	}
	return true
}

// explainedLocked reports whether an EXPIRE or a break of the connection explains that a call
// has no answer.
func (c *caller) explainedLocked(x *call) bool { return within(c.expired, x) || within(c.breaks, x) }

// within reports whether something happened while a call went on.
func within(moments []time.Time, x *call) bool {
	for _, at := range moments {
		if after := at.Sub(x.at); after >= 0 && after <= callBound {
			return true
		}
	}
	return false
}

// check counts the calls by their outcomes, and records those that have none.
func (c *caller) check(sum *[4]int) {
	c.partner.mu.Lock()
	expired, broke := append([]time.Time(nil), c.partner.expired...), append([]time.Time(nil), c.partner.breaks...)
	c.partner.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, x := range c.calls {
		switch {
		case x.answered:
			sum[0]++
		case within(c.expired, x), within(expired, x):
			sum[1]++
		case within(c.breaks, x), within(broke, x):
			sum[2]++
		default:
			sum[3]++
			c.sys.violate("%s: the call %s got no answer, neither side got EXPIRE, and both connections stand", c.id, id)
		}
	}
}
