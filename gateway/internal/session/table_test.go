package session

import (
	"fmt"
	"testing"

	"p2pconnector/proto"
)

// TestMayWait_TableIsFull_EndsTheNext: with 524,288 sessions, one whose connection breaks does
// not wait for its client.
func TestMayWait_TableIsFull_EndsTheNext(t *testing.T) {
	const most = 524_288
	x := newTestTable(t)
	s := x.away()
	for n := len(x.all); n < most-1; n++ {
		x.all[proto.PeerID(fmt.Sprint(n))] = s
	}
	if !x.mayWait() {
		t.Errorf("with %d sessions: got the next ended, want it to wait", x.Len())
	}
	x.all["one more"] = s
	if x.mayWait() {
		t.Errorf("with %d sessions: got the next waiting, want it ended", x.Len())
	}
	x.wait()
}
