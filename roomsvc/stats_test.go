package roomsvc

import (
	"testing"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// TestStats_RequestsAnswered_AreCountedByOutcome: a program that embeds the service sees what
// became of requests without its metrics.
func TestStats_RequestsAnswered_AreCountedByOutcome(t *testing.T) {
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	s.metrics.Answered(string(bus.OpJoin), time.Now(), string(proto.RoomFull))
	s.metrics.Answered(bus.SessionTake.Endpoint(), time.Now(), string(bus.RefusedMoved))
	s.metrics.Answered(bus.NameClaim.Endpoint(), time.Now(), "")
	s.metrics.Rooms.Failures.Add(2)
	s.metrics.Refused.Add(3)
	s.metrics.Dropped.Add(4)
	x := s.Stats()
	for what, n := range map[string]struct{ got, want uint64 }{
		"join, Room_Full": {x.Requests[bus.OpJoin][string(proto.RoomFull)], 1},
		"take, moved":     {x.Sessions[bus.SessionTake][string(bus.RefusedMoved)], 1},
		"claim, ok":       {x.Names[bus.NameClaim]["ok"], 1},
		"failures":        {x.Failures, 2},
		"refused":         {x.Refused, 3},
		"dropped":         {x.Dropped, 4},
	} {
		if n.got != n.want {
			t.Errorf("%s: got %d, want %d", what, n.got, n.want)
		}
	}
}
