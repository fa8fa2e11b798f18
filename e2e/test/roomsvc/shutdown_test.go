package roomsvc_test

import (
	"testing"
	"time"

	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc"
)

// Requests that had reached a room service before its shutdown are still
// answered.
func TestShutdown_RequestsWait_AreAnswered(t *testing.T) {
	s := startNATS(t)
	_, stop := startService(t, s, roomsvc.Config{})
	a := newRequester(t, s)
	var replies []<-chan *bus.Reply
	for range 2000 {
		replies = append(replies, a.send(bus.OpJoin, bus.Request{Room: "r", Peer: a.peer(), Create: true}))
	}
	if err := a.nc.Flush(); err != nil { // the server has routed them
		t.Fatal(err)
	}
	start := time.Now()
	stop()
	if took := time.Since(start); took > 1500*time.Millisecond {
		t.Errorf("got the end after %v, want it within 1.5 s", took)
	}
	if got := collect(t, replies); got[""] != len(replies) {
		t.Errorf("got answers %v, want only successes", got)
	}
}
