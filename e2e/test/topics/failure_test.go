package topics_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"p2pconnector/e2e/kit"
)

// TestPublish_ManyAtOnce_ReachASubscriberThatReads: the queue of its connection does not fill
// before the writers of the gateway get their turn.
func TestPublish_ManyAtOnce_ReachASubscriberThatReads(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	for at := range 2 {
		ann, ben := dial(t, s, 0, "ann"), dial(t, s, at, "ben")
		topic := fmt.Sprint("doc", at)
		ben.subscribe(topic)
		const n = 900
		pad := strings.Repeat("x", 3000)
		data := func(i int) string { return fmt.Sprintf(`{"n":%d,"pad":%q}`, i, pad) }
		for i := range n {
			ann.publish(topic, data(i))
		}
		for i := range n {
			if got, ok := ben.Next(); got != published(topic, data(i)) {
				t.Errorf("gateway %d: publication %d: got %d bytes (open %v, %v), want it", at, i, len(got), ok, ben.Err())
				break
			}
		}
	}
}

// TestGatewayFrozen_OthersThoughtItDead_ClientsConnectAgain: a publication that did not wait for
// the gateway is missed there, so its publisher's connection ends when the gateway is back.
func TestGatewayFrozen_OthersThoughtItDead_ClientsConnectAgain(t *testing.T) {
	s := kit.Start(t, kit.Options{Processes: true})
	ann, ben, eve := dial(t, s, 0, "ann"), dial(t, s, 1, "ben"), dial(t, s, 0, "eve")
	ben.subscribe("doc")
	eve.subscribe("other")
	near, far := s.Dial(t, 0), s.Dial(t, 1)
	s.PauseGateway(t, 1, true)
	near.Send(`{"event":"Message","to":%q,"data":1,"id":1}`, far.ID)
	if f := near.Next(); f.Err() == nil {
		t.Fatalf("got %s, want an error: the gateway is dead", f.Raw)
	}
	ann.subscribe("doc")
	s.PauseGateway(t, 1, false)
	if text, ok := ann.Next(); ok {
		t.Fatalf("ann: got %s, want the connection closed", text)
	}
	if closed, ok := errors.AsType[websocket.CloseError](ann.Err()); !ok || closed.Code != websocket.StatusTryAgainLater || !strings.Contains(closed.Reason, "subscribe again") {
		t.Errorf("ann: got %v, want close 1013 that says to subscribe again", ann.Err())
	}
	ann = dial(t, s, 0, "ann")
	ann.subscribe("doc")
	for {
		if text, ok := ben.Next(); !ok {
			t.Fatalf("ben: got the connection closed (%v), want it open: ann announces herself again", ben.Err())
		} else if text == published("doc", announce("ann")) {
			break
		}
	}
	eve.answers()
}
