package socket

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"unsafe"

	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
)

// slowConn returns a connection whose network has taken one frame of text, and nothing since.
func slowConn(t *testing.T, text string) (*testServer, *Conn, *sockettest.Net) {
	t.Helper()
	raw, s := sockettest.NewNet(true), newTestServer(maxMessage)
	c := testConn(s, raw)
	t.Cleanup(c.Abort)
	if v := c.Send([]byte(text)); v > FlushNeeded {
		t.Fatalf("first frame: got result %d, want queued", v)
	}
	synctest.Wait() // its write waits for the network
	return s, c, raw
}

// sendUntilRefused sends frames of from until one is refused, and returns how many were queued.
func sendUntilRefused(t *testing.T, c *Conn, from proto.PeerID, text string) (n int) {
	t.Helper()
	for ; n <= 2*defaultQueueFrames; n++ {
		switch v := c.SendFrom(from, []byte(text)); v {
		case Delivered, FlushNeeded:
		case ShareFull:
			return n
		default:
			t.Fatalf("frame %d of %s: got result %d, want it queued or %d", n, from, v, ShareFull)
		}
	}
	t.Fatalf("got %d frames of %s queued, want a refusal", n, from)
	return n
}

// TestSendFrom_OneSenderFloods_LeavesRoomForOthers: one sender gets the first quarter of the
// queue and its share. Others still get theirs, up to three quarters in all. The rest is for
// the server, and only frames of Send close the connection.
func TestSendFrom_OneSenderFloods_LeavesRoomForOthers(t *testing.T) {
	for name, text := range map[string]string{"small": "x", "middle": strings.Repeat("x", 1000), "large": strings.Repeat("x", 30<<10)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, c, _ := slowConn(t, "first")
				weight := max(len(text)+maxHeader, minWeight)
				near := func(what string, n, want int) {
					if low, high := want/weight-1, want/weight+2; n < low || n > high {
						t.Errorf("%s: got %d frames queued, want %d to %d", what, n, low, high)
					}
				}
				flood := sendUntilRefused(t, c, "flooder", text)
				near("the flooder", flood, 2*shareBytes)
				other := sendUntilRefused(t, c, "other", text)
				near("both", flood+other, peersBytes)
				if n := sendUntilRefused(t, c, "third", text); n > 1 {
					t.Errorf("above three quarters: got %d frames queued, want at most 1", n)
				}
				if n, slow := len(c.shares), s.slow.Load(); n > 3 || slow != 0 {
					t.Errorf("got %d senders counted, %d slow clients; want at most 3, 0", n, slow)
				}
				server := 0
				for c.Send([]byte(text)) <= FlushNeeded {
					server++
				}
				near("the server", server, DefaultQueueBytes-peersBytes)
				if slow := s.slow.Load(); slow != 1 {
					t.Errorf("queue full of the server's frames: got %d slow clients, want 1", slow)
				}
			})
		})
	}
}

// TestSendFrom_AtTheEdgeOfAShare_OneByteMoreIsRefused: up to a quarter of the queue, frames are
// not counted. Above it, the frames of one sender may weigh another quarter.
func TestSendFrom_AtTheEdgeOfAShare_OneByteMoreIsRefused(t *testing.T) {
	const header = 4
	for more, refused := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			_, c, _ := slowConn(t, strings.Repeat("x", shareBytes-header))
			c.SendFrom("early", []byte("x"))
			if n := len(c.shares); n != 0 {
				t.Errorf("a quarter waits: got %d senders counted, want none", n)
			}
			c.SendFrom("late", []byte("x"))
			if n := len(c.shares); n != 1 {
				t.Errorf("more than a quarter waits: got %d senders counted, want 1", n)
			}
			c.SendFrom("flooder", make([]byte, 1000-maxHeader))
			if v := c.SendFrom("flooder", make([]byte, shareBytes-1000-maxHeader+more)); (v == ShareFull) != refused {
				t.Errorf("%d bytes above its share: got result %d, want it refused: %t", more, v, refused)
			}
		})
	}
	for more, counted := range []int{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			_, c, _ := slowConn(t, strings.Repeat("x", shareBytes-header+more))
			c.SendFrom("first", []byte("x"))
			if n := len(c.shares); n != counted {
				t.Errorf("%d bytes above a quarter wait: got %d senders counted, want %d", more, n, counted)
			}
		})
	}
}

// TestSendFrom_ClientReadsAgain_ForgetsShares: when the backlog is written, each sender has
// its whole share again, and nothing is counted any more.
func TestSendFrom_ClientReadsAgain_ForgetsShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c, raw := slowConn(t, "first")
		text := strings.Repeat("x", 1000)
		before := sendUntilRefused(t, c, "flooder", text)
		raw.Unblock()
		synctest.Wait()
		if c.shares != nil || c.current.shares != nil {
			t.Errorf("nothing waits: got counts %v, %v, want none", c.shares, c.current.shares)
		}
		raw.Block()
		if v := c.Send([]byte("again")); v > FlushNeeded {
			t.Fatalf("got result %d, want queued", v)
		}
		synctest.Wait()
		if after := sendUntilRefused(t, c, "flooder", text); after != before {
			t.Errorf("after the client has read: got %d frames queued, want %d", after, before)
		}
	})
}

// TestSendFrom_BacklogBeingWritten_StillCounts: the frames in a write that waits for the
// network use up the share of their sender.
func TestSendFrom_BacklogBeingWritten_StillCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c, _ := slowConn(t, strings.Repeat("x", shareBytes))
		c.mu.Lock()
		c.shares = shares{"flooder": shareBytes}
		c.current.shares, c.shares = c.shares, nil // as if its frames were in the batch
		c.mu.Unlock()
		if v := c.SendFrom("flooder", []byte("x")); v != ShareFull {
			t.Errorf("got result %d, want %d", v, ShareFull)
		}
	})
}

// TestSendFrom_LargestFrame_PassesOnce: a frame above a share passes if nothing of its sender
// waits.
func TestSendFrom_LargestFrame_PassesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c, _ := slowConn(t, strings.Repeat("x", shareBytes))
		large := make([]byte, DefaultQueueBytes/2-2*maxHeader)
		if v := c.SendFrom("a", large); v > FlushNeeded {
			t.Errorf("got result %d, want queued", v)
		}
		if v := c.SendFrom("a", large[:1]); v != ShareFull {
			t.Errorf("the next: got result %d, want %d", v, ShareFull)
		}
	})
}

// TestSendFrom_ManySenders_CountsAreBounded by the frames that the queue holds, however many
// senders there are and however long the client is slow.
func TestSendFrom_ManySenders_CountsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c, raw := slowConn(t, "first")
		for round := range 20 {
			for i := range 2 * defaultQueueFrames {
				c.SendFrom(proto.PeerID(fmt.Sprint(round, " ", i)), []byte("x"))
			}
			if n := len(c.shares) + len(c.current.shares); n > 2*defaultQueueFrames {
				t.Fatalf("round %d: got %d counts, want at most %d", round, n, 2*defaultQueueFrames)
			}
			raw.Unblock()
			synctest.Wait()
			raw.Block()
			c.Send([]byte("again"))
			synctest.Wait()
		}
		if n := s.slow.Load(); n != 0 {
			t.Errorf("got %d slow clients, want 0", n)
		}
	})
}

// TestSendFrom_SenderInReusedMemory_KeepsItsCount: the id may point into a buffer that is used
// again.
func TestSendFrom_SenderInReusedMemory_KeepsItsCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c, _ := slowConn(t, strings.Repeat("x", shareBytes))
		id := []byte("a")
		c.SendFrom(proto.PeerID(unsafe.String(&id[0], 1)), []byte("x"))
		clear(id)
		if got := slices.Collect(maps.Keys(c.shares)); len(got) != 1 || got[0] != "a" {
			t.Errorf("got counts of %q, want of a", got)
		}
	})
}
