package socket

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
)

// TestSend_WhileWriting_LeavesInOneWrite: all frames queued during a write leave in one write.
func TestSend_WhileWriting_LeavesInOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		raw := sockettest.NewNet(true)
		c := testConn(newTestServer(maxMessage), raw)
		for range 500 {
			if v := c.Send([]byte(`{"event":"Message"}`)); v > FlushNeeded {
				t.Fatalf("got result %d, want delivered", v)
			}
		}
		synctest.Wait()
		raw.Unblock()
		synctest.Wait()
		if ops, _ := raw.Frames(); len(ops) != 500 || raw.Writes() > 2 {
			t.Errorf("got %d frames in %d writes, want fewer writes", len(ops), raw.Writes())
		}
		if c.writing {
			t.Error("got a writer that still runs, want none")
		}
	})
}

// TestSend_QueueFull_Closes1013: the queue holds 1,024 frames or 256 KiB, including those
// being written. One more frame closes with 1013, and the connection is gone within five
// seconds, whether the client reads or not.
func TestSend_QueueFull_Closes1013(t *testing.T) {
	for name, frame := range map[string]string{"frames": "x", "bytes": strings.Repeat("x", 32<<10)} {
		for _, reads := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { overflow(t, frame, reads) })
			})
		}
	}
}

func overflow(t *testing.T, frame string, reads bool) {
	raw := sockettest.NewNet(true)
	s := newTestServer(maxMessage)
	c := testConn(s, raw)
	taken := 0
	for c.Send([]byte(frame)) <= FlushNeeded {
		taken++
		synctest.Wait()
		if held := len(c.buf) + c.inflight; held > DefaultQueueBytes || c.frames > defaultQueueFrames {
			t.Fatalf("got %d bytes in %d frames queued, want at most %d, %d", held, c.frames, DefaultQueueBytes, defaultQueueFrames)
		}
	}
	if room := DefaultQueueBytes / (len(frame) + 10); taken < min(room, defaultQueueFrames)-1 {
		t.Errorf("got %d frames queued, want at least %d", taken, min(room, defaultQueueFrames)-1)
	}
	if v := c.Send([]byte("late")); v != Closed {
		t.Errorf("after the overflow: got result %d, want %d", v, Closed)
	}
	if n := s.slow.Load(); n != 1 {
		t.Errorf("got %d slow clients counted, want 1", n)
	}
	if reads {
		raw.Unblock()
		synctest.Wait()
		if raw.CloseCode() != int(proto.CloseTryAgain) {
			t.Errorf("got close code %d, want %d", raw.CloseCode(), proto.CloseTryAgain)
		}
	}
	began := time.Now()
	for !raw.Closed() && time.Since(began) < time.Minute {
		time.Sleep(time.Second)
		c.Sweep(time.Now(), 0)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("got an open network for %v, want it closed sooner", took)
	}
	synctest.Wait()
	if unsent := c.Remains().Unsent; reads != (countTexts(unsent...) == 0) {
		t.Errorf("got %d unsent frames of %d, want all", countTexts(unsent...), taken)
	}
}

// TestSend_AtTheEdgeOfTheQueue_OneByteMoreIsRefused, whatever the setting is. Frames of other
// peers end at three quarters.
func TestSend_AtTheEdgeOfTheQueue_OneByteMoreIsRefused(t *testing.T) {
	for _, bytes := range []int{16 << 10, 64 << 10} {
		for _, from := range []proto.PeerID{"", "another"} {
			for more, refused := range []bool{false, true} {
				t.Run(fmt.Sprintf("%d bytes, from %q, %d more", bytes, from, more), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						s := newTestServer(maxMessage)
						s.bounds = newQueueBounds(bytes)
						c := testConn(s, sockettest.NewNet(true))
						t.Cleanup(c.Abort)
						most := bytes
						send := c.Send
						if from != "" {
							most = bytes * 3 / 4
							send = func(text []byte) Result { return c.SendFrom(from, text) }
						}
						// The first is being written. It is so long that it weighs its bytes, and within a share.
						c.Send(make([]byte, bytes/5))
						synctest.Wait()
						if from != "" {
							c.SendFrom("a third", make([]byte, bytes/2-bytes/5))
						}
						left := most - c.QueuedBytes() - maxHeader
						if got := send(make([]byte, left+more)); (got > FlushNeeded) != refused {
							t.Errorf("got result %d of a frame that leaves %d bytes, want it refused: %t", got, -more, refused)
						}
					})
				})
			}
		}
	}
}

// TestSend_AsManyFramesAsTheQueueHolds_TheNextIsRefused.
func TestSend_AsManyFramesAsTheQueueHolds_TheNextIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(maxMessage)
		s.bounds = newQueueBounds(16 << 10)
		c := testConn(s, sockettest.NewNet(true))
		t.Cleanup(c.Abort)
		c.Send([]byte("first"))
		synctest.Wait() // it is being written, so it does not wait
		n := 0
		for c.Send(nil) <= FlushNeeded {
			n++
		}
		if n != 64 {
			t.Errorf("got %d small frames in a queue of 16 KiB, want 64: one for each 256 bytes", n)
		}
	})
}

// maxMessage is a bound on messages that most tests do not reach.
const maxMessage = 64 << 10

// sweepFor sweeps once a second until the network is closed or d is over, and
// returns how long it took. each runs before every sweep.
func sweepFor(s *testServer, c *Conn, raw *sockettest.Net, d time.Duration, each func()) time.Duration {
	began := time.Now()
	for !raw.Closed() && time.Since(began) < d {
		time.Sleep(time.Second)
		synctest.Wait()
		s.clock.Store(clock.Now())
		each()
		c.Sweep(time.Now(), 0)
	}
	synctest.Wait()
	return time.Since(began)
}

// TestSweep_NoAnswer_Aborts: a connection whose client answers nothing is gone within 45 s,
// although the network still accepts what is written.
func TestSweep_NoAnswer_Aborts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		raw := sockettest.NewNet(false)
		s := newTestServer(maxMessage)
		c := testConn(s, raw)
		took := sweepFor(s, c, raw, 10*time.Minute, func() {})
		if took > 45*time.Second || took < 30*time.Second {
			t.Errorf("dead client: got it gone after %v, want after 30 s to 45 s", took)
		}
		if ops, _ := raw.Frames(); len(ops) < 2 || ops[0] != sockettest.Ping {
			t.Errorf("got %d pings, want more", len(ops))
		}
	})
}

// TestSweep_OnlyPongs_StaysOpen: a client whose scripts sleep stays connected, because the
// browser answers pings, even if it sends nothing else.
func TestSweep_OnlyPongs_StaysOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		raw := sockettest.NewNet(false)
		s := newTestServer(maxMessage)
		c := testConn(s, raw)
		answered := 0
		sweepFor(s, c, raw, time.Hour, func() {
			ops, payloads := raw.Frames()
			for ; answered < len(ops); answered++ {
				if ops[answered] == sockettest.Ping {
					c.validator.inspect(sockettest.ClientFrame(0x8a, []byte(payloads[answered])))
					c.validator.lastRead.Store(clock.Now())
					c.ponged([]byte(payloads[answered]))
				}
			}
		})
		if raw.Closed() || raw.CloseCode() != sockettest.NoClose || c.validator.err != nil {
			t.Fatalf("client that answers pings: got close code %d, error %v, want it open", raw.CloseCode(), c.validator.err)
		}
		if answered < 3600/20 || answered > 3600/10 {
			t.Errorf("got %d pings in an hour, want 180 to 360", answered)
		}
		raw.Close()
	})
}

// TestSweep_SlowMessage_Closes1008: a message that takes ten seconds closes with 1008.
func TestSweep_SlowMessage_Closes1008(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		raw := sockettest.NewNet(false)
		s := newTestServer(maxMessage)
		c := testConn(s, raw)
		c.validator.inspect(sockettest.ClientFrame(0x01, []byte("{")))
		began := time.Now()
		var closedAt time.Duration
		took := sweepFor(s, c, raw, time.Minute, func() {
			c.validator.lastRead.Store(clock.Now())
			if raw.CloseCode() != sockettest.NoClose && closedAt == 0 {
				closedAt = time.Since(began)
			}
			c.validator.inspect(sockettest.ClientFrame(0x89, nil)) // pings do not extend its time
		})
		if raw.CloseCode() != int(proto.ClosePolicy) || closedAt < maxMessageTime || closedAt > maxMessageTime+3*time.Second {
			t.Errorf("got close code %d after %v, want %d after %v", raw.CloseCode(), closedAt, proto.ClosePolicy, maxMessageTime)
		}
		if took > 20*time.Second {
			t.Errorf("got an open network for %v, want it closed sooner", took)
		}
	})
}

// TestSweep_StuckWrite_Aborts: a write that makes no progress for ten seconds ends the
// connection, with nothing above its bound in the queue.
func TestSweep_StuckWrite_Aborts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		raw := sockettest.NewNet(true)
		s := newTestServer(maxMessage)
		c := testConn(s, raw)
		c.Send([]byte("x"))
		took := sweepFor(s, c, raw, time.Minute, func() { c.validator.lastRead.Store(clock.Now()) })
		if took > writeTimeout+3*time.Second {
			t.Errorf("got the connection open for %v, want it closed sooner", took)
		}
		if left := c.Remains(); countTexts(left.Unsent...) != 1 || left.Sent != 0 {
			t.Errorf("Remains: got %d frames unsent, %d sent, want 1, 0", countTexts(left.Unsent...), left.Sent)
		}
	})
}

// failAfter accepts n bytes and then fails.
type failAfter struct {
	*sockettest.Net
	n int
}

func (f failAfter) Write(b []byte) (int, error) { return min(f.n, len(b)), errors.New("reset") }

// TestRemains_PartialWrite_KeepsWholeFrames: only frames that were written completely count
// as sent. The others are kept with those queued in the meantime, in order.
func TestRemains_PartialWrite_KeepsWholeFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wire []byte
		for _, text := range []string{"one", "two", "three"} {
			wire = appendFrame(wire, opText, []byte(text))
		}
		for cut := range len(wire) {
			s := newTestServer(maxMessage)
			c := testConn(s, failAfter{sockettest.NewNet(false), cut})
			c.writing = true // so that all three are in one batch
			for _, text := range []string{"one", "two", "three"} {
				c.Send([]byte(text))
			}
			s.writes.Add(1)
			c.writeAlone()
			left := c.Remains()
			unsent, sent := left.Unsent, left.Sent
			whole := 0
			for i, n := range []int{5, 10, 17} {
				if cut >= n {
					whole = i + 1
				}
			}
			if int(sent) != whole || countTexts(unsent...) != 3-whole {
				t.Errorf("%d bytes left: got %d frames sent, %d kept, want %d, %d", cut, sent, countTexts(unsent...), whole, 3-whole)
			}
		}
	})
}

// TestRemains_WriteFailsNearItsEnd_CopiesWhatIsLeft: the frames that a failed write leaves
// are copied when most of their buffer was written, because they may wait for the client.
func TestRemains_WriteFailsNearItsEnd_CopiesWhatIsLeft(t *testing.T) {
	frame := appendFrame(nil, opText, make([]byte, 1000))
	const frames = 200
	for name, tc := range map[string]struct {
		written int // frames
		copied  bool
	}{"nearly all": {frames - 1, true}, "little": {1, false}} {
		t.Run(name, func(t *testing.T) {
			c := testConn(newTestServer(maxMessage), sockettest.NewNet(false))
			b := batch{buf: make([]byte, 0, frames*len(frame)), frames: frames}
			for range frames {
				b.buf = append(b.buf, frame...)
			}
			c.server.writes.Add(1)
			c.writing = true
			c.writeFailed(b, tc.written*len(frame)+1)
			unsent := c.Remains().Unsent
			if got, want := countTexts(unsent...), frames-tc.written; got != want {
				t.Fatalf("got %d frames left, want %d", got, want)
			}
			if copied := &unsent[0][0] != &b.buf[tc.written*len(frame)]; copied != tc.copied {
				t.Errorf("got frames copied: %v, want %v", copied, tc.copied)
			}
		})
	}
}
