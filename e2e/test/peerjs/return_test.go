package peerjs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"p2pconnector/e2e/kit"
	"p2pconnector/gateway"
	"p2pconnector/proto"
)

// expireFast makes frames for ids that nobody has expire long before the grace is over.
func expireFast(c *gateway.Config) { c.PeerJSExpire = time.Second }

// breakSocket ends a client's connection without a close frame, and returns when gateway i
// waits for the client.
func breakSocket(t *testing.T, s *kit.Stack, i int, c *client) {
	t.Helper()
	c.Drop()
	for end := time.Now().Add(kit.Patience); time.Now().Before(end); {
		if _, body := kit.Get(t, s.Ops(i)+"/metrics"); strings.Contains(body, `p2p_gateway_clients{state="away"} 1`) {
			return
		}
	}
	t.Fatalf("%s: got no client away at gateway %d, want one", c.Name, i)
}

// nobodyExpires makes sure that all that c has sent until now, and that nobody took, has
// expired.
func nobodyExpires(c *client) {
	c.t.Helper()
	c.Send(`{"type":"OFFER","payload":{},"dst":"nobody"}`)
	c.Expect(expired(c.Name, "nobody"))
}

// TestReturn_SocketBroke_FramesWaitAndNobodyIsNotified: frames for a client whose socket broke wait
// until it returns with the same token, on the same gateway or another.
func TestReturn_SocketBroke_FramesWaitAndNobodyIsNotified(t *testing.T) {
	for _, back := range []int{1, 0} {
		t.Run(fmt.Sprintf("to gateway %d", back), func(t *testing.T) {
			s := kit.Start(t, kit.Options{Ops: true, Grace: kit.Patience, Gateway: expireFast})
			ann, cid, ben := dial(t, s, 0, "ann", "1"), dial(t, s, 1, "cid", "3"), dial(t, s, 1, "ben", "2")
			breakSocket(t, s, 1, ben)
			for _, c := range []*client{ann, cid} {
				for n := range 20 {
					c.Send(`{"type":"CANDIDATE","payload":%d,"dst":"ben"}`, n)
				}
				nobodyExpires(c)
			}
			ben = dial(t, s, back, "ben", "2")
			next := map[string]int{}
			for range 40 {
				text, _ := ben.Next()
				for _, src := range []string{"ann", "cid"} {
					if text == message("CANDIDATE", src, "ben", fmt.Sprint(next[src])) {
						next[src]++
					}
				}
			}
			if next["ann"] != 20 || next["cid"] != 20 {
				t.Errorf("got %d and %d frames of two senders in order, want 20 and 20", next["ann"], next["cid"])
			}
			ben.answers()
			ann.Send(`{"type":"LEAVE","dst":"ben"}`)
			ben.Expect(`{"type":"LEAVE","src":"ann","dst":"ben"}`)
			ann.answers()
			cid.answers()
		})
	}
}

// TestReturn_NotInTime_SendersGetErrors: after the grace a client has left.
func TestReturn_NotInTime_SendersGetErrors(t *testing.T) {
	s := kit.Start(t, kit.Options{Ops: true, Grace: 2 * time.Second, Gateway: expireFast})
	ann, cid, ben := dial(t, s, 0, "ann", "1"), dial(t, s, 1, "cid", "3"), dial(t, s, 1, "ben", "2")
	breakSocket(t, s, 1, ben)
	for _, c := range []*client{ann, cid} {
		c.Send(`{"type":"OFFER","payload":{},"dst":"ben"}`)
	}
	for _, c := range []*client{ann, cid} {
		c.Expect(expired(c.Name, "ben"))
		c.answers()
	}
}

// TestReturn_ClientClosed_HasLeft: a client that closes its socket leaves, whatever the code.
func TestReturn_ClientClosed_HasLeft(t *testing.T) {
	s := kit.Start(t, kit.Options{Grace: kit.Patience, Gateway: expireFast})
	ann := dial(t, s, 0, "ann", "1")
	for i, code := range []websocket.StatusCode{websocket.StatusNormalClosure, websocket.StatusGoingAway, websocket.StatusNoStatusRcvd} {
		ben := dial(t, s, 1, fmt.Sprint("ben ", i), "2")
		_ = ben.WS.Close(code, "") // the test's own reader gets the answer
		ann.Send(`{"type":"OFFER","payload":{},"dst":%q}`, ben.Name)
		ann.Expect(expired("ann", ben.Name))
	}
	ben := dial(t, s, 1, "ben", "2")
	ben.Send(`{"type":"LEAVE"}`)
	ben.expectClosed()
	ann.Send(`{"type":"OFFER","payload":{},"dst":"ben"}`)
	ann.Expect(expired("ann", "ben"))
}

// TestReturn_AnotherToken_GetsTheIDAtOnce: an id whose owner has no socket is free, and what
// waits for the id is for the one that has it.
func TestReturn_AnotherToken_GetsTheIDAtOnce(t *testing.T) {
	for back := range 2 {
		s := kit.Start(t, kit.Options{Ops: true, Grace: kit.Patience, Gateway: expireFast})
		ann, ben := dial(t, s, 0, "ann", "1"), dial(t, s, 1, "ben", "2")
		breakSocket(t, s, 1, ben)
		ann.Send(`{"type":"OFFER","payload":1,"dst":"ben"}`)
		nobodyExpires(ann)
		dial(t, s, back, "ben", "another").Expect(offer("ann", "ben", "1"))
		ann.answers()
	}
}

// TestReturn_TooManyFrames_SenderGetsAnError: what waits for a client is bounded.
func TestReturn_TooManyFrames_SenderGetsAnError(t *testing.T) {
	s := kit.Start(t, kit.Options{Ops: true, Grace: kit.Patience, Gateway: expireFast})
	ann, ben := dial(t, s, 0, "ann", "1"), dial(t, s, 1, "ben", "2")
	breakSocket(t, s, 1, ben)
	for n := range proto.DefaultReplayFrames + 1 {
		ann.Send(`{"type":"CANDIDATE","payload":%d,"dst":"ben"}`, n)
	}
	ann.Expect(expired("ann", "ben"))
	ben = dial(t, s, 0, "ben", "2")
	for n := range proto.DefaultReplayFrames {
		ben.Expect(message("CANDIDATE", "ann", "ben", fmt.Sprint(n)))
	}
	ann.answers()
}
