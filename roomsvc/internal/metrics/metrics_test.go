package metrics

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// TestHandler_NothingHappenedYet_ShowsWhatQueriesNeed: outcomes that alerts ask for are there
// before the first event; an error's code is not.
func TestHandler_NothingHappenedYet_ShowsWhatQueriesNeed(t *testing.T) {
	m := New()
	m.Answered(string(bus.OpJoin), time.Now(), string(proto.RoomFull))
	m.Answered(bus.NameClaim.Endpoint(), time.Now(), "")
	m.Answered(bus.NameClaim.Endpoint(), time.Now(), string(bus.RefusedTaken))
	m.Names.Swept.Add(3)
	w := httptest.NewRecorder()
	Handler(m, func() *Snapshot { return &Snapshot{Buckets: []Bucket{{Name: "rooms", Lost: 2}}} }).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`requests_total{endpoint="join",outcome="ok"} 0`,
		`requests_total{endpoint="join",outcome="Room_Full"} 1`,
		`requests_total{endpoint="sessions-take",outcome="moved"} 0`,
		`requests_total{endpoint="sessions-take",outcome="Unavailable"} 0`,
		`requests_total{endpoint="names-claim",outcome="ok"} 1`,
		`requests_total{endpoint="names-claim",outcome="taken"} 1`,
		`request_seconds_count{endpoint="names-claim"} 2`,
		`directory_swept_total{directory="names"} 3`,
		`buckets_lost_total{bucket="rooms"} 2`,
		`buckets_writable 0`,
	} {
		if !strings.Contains(w.Body.String(), "\n"+prefix+want+"\n") {
			t.Errorf("got no line %s%s", prefix, want)
		}
	}
	if strings.Contains(w.Body.String(), `endpoint="leave",outcome="Room_Full"`) {
		t.Error("got a line of an error that did not occur, want none")
	}
}
