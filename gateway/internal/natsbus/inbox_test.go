package natsbus

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
)

// Messages leave the inbox in order, and make a turn only when the reader is woken.
func TestInbox_Next_KeepsOrder(t *testing.T) {
	b := newInbox()
	turn := func() bool {
		select {
		case <-b.Turn():
			return true
		default:
			return false
		}
	}
	b.WakeUnlessEmpty()
	if turn() {
		t.Error("empty: got a turn, want none")
	}
	b.Wake()
	if !turn() {
		t.Error("woken: got no turn, want one")
	}
	for i := range 3 {
		b.messages <- &nats.Msg{Subject: fmt.Sprint(i), Reply: "r", Header: nats.Header{"K": {"v"}}, Data: []byte("d")}
		b.WakeUnlessEmpty()
	}
	if got := b.Len(); got != 3 {
		t.Errorf("length: got %d, want 3", got)
	}
	if first, second := turn(), turn(); !first || second {
		t.Errorf("turns after 3 messages: got a first %v, a second %v, want true, false", first, second)
	}
	b.WakeUnlessEmpty()
	if !turn() {
		t.Error("what is left: got no turn, want one")
	}
	var got []string
	for m, ok := b.Next(); ok; m, ok = b.Next() {
		got = append(got, m.Subject+m.Reply+m.Header.Get("K")+m.Header.Get("k")+string(m.Data))
	}
	if want := "0rvd 1rvd 2rvd"; strings.Join(got, " ") != want {
		t.Errorf("messages: got %q, want %q", got, want)
	}
}

// TestInbox_AtTheEdge_HasNoRoomForOneMore: 16,384 messages have room, until one is handled. The
// NATS client drops what has none.
func TestInbox_AtTheEdge_HasNoRoomForOneMore(t *testing.T) {
	b := newInbox()
	put := func() bool { // as the NATS client does
		select {
		case b.messages <- new(nats.Msg):
			return true
		default:
			return false
		}
	}
	for b.Len() < 16_384 {
		if !put() {
			t.Fatalf("with %d messages: got no room for another, want room for 16,384", b.Len())
		}
	}
	if put() {
		t.Error("one more: got room, want none")
	}
	if b.Next(); !put() {
		t.Error("after one was handled: got no room, want room for another")
	}
}
