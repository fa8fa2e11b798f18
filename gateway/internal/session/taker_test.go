package session

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/gateway/internal/ownership"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Frames for an epoch that another gateway has taken are reported to their senders. Only
// frames for the epoch that this gateway won reach the client, in their senders' order.
func TestArrive_FramesOfOtherEpochs_AreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTestTable(t)
		from := x.away()
		s := &Session{tab: x.Table, id: proto.NewPeerID("0a1b2c3d"), phase: arriving}
		s.attempt = &attempt{Taker: ownership.Taker{Stage: ownership.Taking, Own: x.cfg.Own, Epoch: 3}, known: ownedBy{"0a1b2c3d", 2}}
		frame := func(n string, toEpoch, epoch uint64) link.Frame {
			return link.Frame{From: from.id, To: s.id, ToEpoch: toEpoch, Epoch: epoch, Data: []byte(`{"event":"Message","data":` + n + `}`)}
		}
		old := frame("1", 2, 0)
		if v, move := s.Receive(&old); v != Redirected || move == nil || move.Owner != "0a1b2c3d" || move.Epoch != 2 {
			t.Errorf("frame of an earlier epoch: got result %d, move %+v, want the known owner", v, move)
		}
		for _, f := range []link.Frame{frame("2", 3, 1), frame("3", 3, 0), frame("4", 3, 1)} {
			if v, _ := s.Receive(&f); v != Delivered {
				t.Fatalf("frame of the epoch that is taken: got result %d, want it kept", v)
			}
		}
		s.mu.Lock()
		got := s.arriveLocked(&bus.Handoff{Frames: [][]byte{[]byte("first")}})
		s.mu.Unlock()
		want := []string{"first", `"data":2`, `"data":4`} // 3 was sent before its sender moved
		if len(got) != len(want) {
			t.Fatalf("got %q, want %q", got, want)
		}
		for i := range want {
			if !strings.Contains(string(got[i]), want[i]) {
				t.Errorf("frame %d: got %s, want %s", i, got[i], want[i])
			}
		}
		synctest.Wait()
		if len(x.missed) != 1 || string(x.missed[0].Data) != string(frame("3", 0, 0).Data) {
			t.Errorf("frames reported: got %+v, want the third", x.missed)
		}
		if n := x.cfg.Buffers.Used(membudget.Replay); n != 0 {
			t.Errorf("bytes still counted for what arrived: got %d, want 0", n)
		}
		x.wait()
	})
}

// TestArrive_NotAccepted_IsReported: frames that came while the session moved here are
// checked when its rooms are here.
func TestArrive_NotAccepted_IsReported(t *testing.T) {
	x := newTestTable(t)
	s := &Session{tab: x.Table, id: proto.NewPeerID("0a1b2c3d"), phase: arriving, acceptFrom: proto.AcceptNobody}
	s.attempt = &attempt{Taker: ownership.NewTaker(x.cfg.Own, 1, s.id.Home(), s.id.Home(), 0), known: ownedBy{s.id.Home(), 0}}
	s.attempt.Epoch = 1
	from := x.away()
	f := &link.Frame{From: from.id, To: s.id, ToEpoch: 1, Data: []byte(`{"event":"Message","data":1}`)}
	room := &link.Frame{From: from.id, To: s.id, ToEpoch: 1, Data: fmt.Appendf(nil, `{"event":"Message","from":%q,"room":"tea"}`, from.id)}
	for _, f := range []*link.Frame{f, room} {
		if v, move := s.Receive(f); v != Delivered || move != nil {
			t.Errorf("while it arrives: got result %d, %v, want %d", v, move, Delivered)
		}
	}
	s.mu.Lock()
	frames := s.arriveLocked(&bus.Handoff{})
	s.mu.Unlock()
	x.wait() // for the report
	if len(frames) != 1 || string(frames[0]) != string(room.Data) {
		t.Errorf("frames for the client: got %q, want the message to the room", frames)
	}
	if len(x.missed) != 1 || string(x.missed[0].Data) != string(f.Data) {
		t.Errorf("frames reported: got %+v, want the message to the peer", x.missed)
	}
}
