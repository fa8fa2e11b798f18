package gateway

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/proto"
)

// fakeNet is the network side of a connection: what is written is kept, and
// writing stops while it is blocked. Reading waits for its end.
type fakeNet struct {
	net.Conn // nil: what is not here is not used
	mu       sync.Mutex
	writes   [][]byte
	gate     chan struct{} // not nil: writes wait until it is closed
	done     chan struct{}
	end      sync.Once
}

func newFakeNet(blocked bool) *fakeNet {
	f := &fakeNet{done: make(chan struct{})}
	if blocked {
		f.gate = make(chan struct{})
	}
	return f
}

func (f *fakeNet) Write(b []byte) (int, error) {
	if f.gate != nil {
		select {
		case <-f.gate:
		case <-f.done:
			return 0, net.ErrClosed
		}
	}
	select {
	case <-f.done:
		return 0, net.ErrClosed
	default:
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writes = append(f.writes, append([]byte(nil), b...))
	return len(b), nil
}

func (f *fakeNet) Read([]byte) (int, error)        { <-f.done; return 0, io.EOF }
func (f *fakeNet) Close() error                    { f.end.Do(func() { close(f.done) }); return nil }
func (f *fakeNet) SetReadDeadline(time.Time) error { return nil }
func (f *fakeNet) SetDeadline(time.Time) error     { return nil }

func (f *fakeNet) closed() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

// frames takes apart all that was written.
func (f *fakeNet) frames() (ops []byte, payloads []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, b := range f.writes {
		for len(b) > 0 {
			op, payload, rest := cutFrame(b)
			ops, payloads = append(ops, op), append(payloads, string(payload))
			b = rest
		}
	}
	return ops, payloads
}

// code returns the code of the close frame that was written, or goesOn.
func (f *fakeNet) code() int {
	ops, payloads := f.frames()
	for i, op := range ops {
		if op == opClose {
			if len(payloads[i]) < 2 {
				return 0
			}
			return int(binary.BigEndian.Uint16([]byte(payloads[i])))
		}
	}
	return goesOn
}

// TestFewWrites: all that waits while a write is under way leaves in one.
func TestFewWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		raw := newFakeNet(true)
		c := testConn(testGateway(t, Config{}), raw)
		for range 500 {
			if v := c.enqueue([]byte(`{"event":"Message"}`)); v > pressed {
				t.Fatalf("verdict %d", v)
			}
		}
		synctest.Wait()
		close(raw.gate)
		synctest.Wait()
		if ops, _ := raw.frames(); len(ops) != 500 || len(raw.writes) > 2 {
			t.Errorf("%d frames left in %d writes", len(ops), len(raw.writes))
		}
		if c.writing {
			t.Error("the writer still runs")
		}
	})
}

// TestQueueBounds: 1,024 frames or 256 KiB, what is being written included; one
// more closes with 1013, and within five seconds it is gone, read or not.
func TestQueueBounds(t *testing.T) {
	for name, frame := range map[string]string{"frames": "x", "bytes": strings.Repeat("x", 32<<10)} {
		for _, reads := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { overflow(t, frame, reads) })
			})
		}
	}
}

func overflow(t *testing.T, frame string, reads bool) {
	raw := newFakeNet(true)
	g := testGateway(t, Config{})
	c := testConn(g, raw)
	taken := 0
	for c.enqueue([]byte(frame)) <= pressed {
		taken++
		synctest.Wait()
		if held := len(c.buf) + c.inflight; held > maxQueueBytes || c.frames > maxQueueFrames {
			t.Fatalf("%d bytes in %d frames wait", held, c.frames)
		}
	}
	if room := maxQueueBytes / (len(frame) + 10); taken < min(room, maxQueueFrames)-1 {
		t.Errorf("only %d frames were taken", taken)
	}
	if v := c.enqueue([]byte("late")); v != gone {
		t.Errorf("after the overflow: verdict %d", v)
	}
	if n := g.stats.slowPeers.Load(); n != 1 {
		t.Errorf("counted %d slow peers", n)
	}
	if reads {
		close(raw.gate)
		synctest.Wait()
		if raw.code() != int(proto.CloseTryAgain) {
			t.Errorf("closed with %d", raw.code())
		}
	}
	began := time.Now()
	for !raw.closed() && time.Since(began) < time.Minute {
		time.Sleep(time.Second)
		c.sweep(time.Now())
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("its network was open for %v", took)
	}
	synctest.Wait()
	if unsent := c.remains().unsent; reads != (countText(unsent) == 0) {
		t.Errorf("%d frames are left of %d", countText(unsent), taken)
	}
}

// sweepFor sweeps once a second until the network is closed or d is over, and
// returns how long it took. each runs before every sweep.
func sweepFor(c *conn, raw *fakeNet, d time.Duration, each func()) time.Duration {
	began := time.Now()
	for !raw.closed() && time.Since(began) < d {
		time.Sleep(time.Second)
		synctest.Wait()
		each()
		c.g.coarse.Store(time.Now().UnixNano())
		c.sweep(time.Now())
	}
	synctest.Wait()
	return time.Since(began)
}

// TestHalfOpen: a connection that answers nothing is gone within 45 s, although
// what is written to it is still taken by the network.
func TestHalfOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		raw := newFakeNet(false)
		c := testConn(testGateway(t, Config{}), raw)
		took := sweepFor(c, raw, 10*time.Minute, func() {})
		if took > 45*time.Second || took < 30*time.Second {
			t.Errorf("gone after %v", took)
		}
		if ops, _ := raw.frames(); len(ops) < 2 || ops[0] != opPing {
			t.Errorf("it was asked only %d times", len(ops))
		}
	})
}

// TestBackgroundTab: a client whose scripts sleep stays, since the browser
// answers pings, and never says more.
func TestBackgroundTab(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		raw := newFakeNet(false)
		c := testConn(testGateway(t, Config{}), raw)
		c.guard.clock = func() int64 { return time.Now().UnixNano() }
		answered := 0
		sweepFor(c, raw, time.Hour, func() {
			ops, payloads := raw.frames()
			for ; answered < len(ops); answered++ {
				if ops[answered] == opPing {
					c.guard.inspect(frameBytes(0x8a, []byte(payloads[answered])))
					c.guard.lastRead.Store(time.Now().UnixNano())
					c.ponged([]byte(payloads[answered]))
				}
			}
		})
		if raw.closed() || raw.code() != goesOn || c.guard.err != nil {
			t.Fatalf("closed with %d, %v", raw.code(), c.guard.err)
		}
		if answered < 3600/20 || answered > 3600/10 {
			t.Errorf("%d pings in an hour", answered)
		}
		raw.Close()
	})
}

// TestSlowMessageSwept: a message that is under way for ten seconds closes with 1008.
func TestSlowMessageSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		raw := newFakeNet(false)
		c := testConn(testGateway(t, Config{}), raw)
		c.guard.clock = func() int64 { return time.Now().UnixNano() }
		c.guard.inspect(frameBytes(0x01, []byte("{")))
		began := time.Now()
		var closedAt time.Duration
		took := sweepFor(c, raw, time.Minute, func() {
			c.guard.lastRead.Store(time.Now().UnixNano())
			if raw.code() != goesOn && closedAt == 0 {
				closedAt = time.Since(began)
			}
			c.guard.inspect(frameBytes(0x89, nil)) // pings do not help it
		})
		if raw.code() != int(proto.ClosePolicy) || closedAt < maxMessageTime || closedAt > maxMessageTime+3*time.Second {
			t.Errorf("closed with %d after %v", raw.code(), closedAt)
		}
		if took > 20*time.Second {
			t.Errorf("its network was open for %v", took)
		}
	})
}

// TestTokenExpirySwept: 4001 when the access token is over, not before.
func TestTokenExpirySwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		raw := newFakeNet(false)
		c := testConn(testGateway(t, Config{}), raw)
		c.access.Store(&access{expires: time.Now().Add(5 * time.Second)})
		sweepFor(c, raw, 4*time.Second, func() {})
		if raw.code() != goesOn {
			t.Fatalf("closed with %d before its time", raw.code())
		}
		c.access.Store(&access{expires: time.Now().Add(10 * time.Second)})
		sweepFor(c, raw, 9*time.Second, func() {})
		if raw.code() != goesOn {
			t.Fatalf("closed with %d although it was renewed", raw.code())
		}
		sweepFor(c, raw, 10*time.Second, func() {})
		if raw.code() != int(proto.CloseToken) || !raw.closed() {
			t.Errorf("closed with %d, network closed: %v", raw.code(), raw.closed())
		}
	})
}

// TestStuckWrite: a write that makes no progress for ten seconds ends the
// connection, with nothing above its bound in the queue.
func TestStuckWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		raw := newFakeNet(true)
		c := testConn(testGateway(t, Config{}), raw)
		c.enqueue([]byte("x"))
		took := sweepFor(c, raw, time.Minute, func() { c.guard.lastRead.Store(time.Now().UnixNano()) })
		if took > writeTimeout+3*time.Second {
			t.Errorf("it was there for %v", took)
		}
		if left := c.remains(); countText(left.unsent) != 1 || left.sent != 0 {
			t.Errorf("%d frames are left, %d counted as sent", countText(left.unsent), left.sent)
		}
	})
}

// failAfter takes n bytes and fails then.
type failAfter struct {
	*fakeNet
	n int
}

func (f failAfter) Write(b []byte) (int, error) { return min(f.n, len(b)), errors.New("reset") }

// TestPartialWrite: only whole frames that left count as sent, the others are
// kept with those that came meanwhile, in order.
func TestPartialWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wire []byte
		for _, s := range []string{"one", "two", "three"} {
			wire = appendFrame(wire, opText, []byte(s))
		}
		for cut := range len(wire) {
			c := testConn(testGateway(t, Config{}), failAfter{newFakeNet(false), cut})
			c.writing = true // so that all three are in one batch
			for _, s := range []string{"one", "two", "three"} {
				c.enqueue([]byte(s))
			}
			c.g.conns.wg.Add(1)
			c.writeAlone()
			left := c.remains()
			unsent, sent := left.unsent, left.sent
			whole := 0
			for i, n := range []int{5, 10, 17} {
				if cut >= n {
					whole = i + 1
				}
			}
			if int(sent) != whole || countText(unsent) != 3-whole {
				t.Errorf("%d bytes left: %d sent, %d kept", cut, sent, countText(unsent))
			}
		}
	})
}
