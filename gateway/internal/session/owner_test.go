package session

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/frames"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/ownership"
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// A session that holds as much as it may is lent in one message, far smaller than NATS
// accepts.
func TestHandOff_FullSession_FitsItsBound(t *testing.T) {
	x := newTestTable(t)
	s := x.away()
	s.conns, s.tokens = 1, 1
	for range proto.DefaultMaxRooms {
		s.rooms = append(s.rooms, proto.RoomID(strings.Repeat("\x7f<", proto.MaxRoomIDBytes/2)))
	}
	s.user = strings.Repeat("<", proto.MaxUserBytes)
	for i := range uint64(2 * link.MaxFenced) {
		s.fence.Pass(proto.NewPeerID(x.cfg.Own), i+1)
	}
	var unconfirmed []byte
	for range proto.DefaultReplayFrames {
		unconfirmed = socket.AppendText(unconfirmed, make([]byte, socket.MaxRetransmitBytes/proto.DefaultReplayFrames))
	}
	s.sent = proto.DefaultReplayFrames
	s.keepUnconfirmedLocked(unconfirmed)
	for range proto.DefaultReplayFrames {
		s.kept.Add(x.cfg.Buffers, x.cfg.Replay, make([]byte, proto.DefaultReplayBytes/proto.DefaultReplayFrames))
	}
	h := x.handOff(s, takeOf(s, "0a1b2c3d", 0))
	if !h.Lent || len(h.Frames) == 0 {
		t.Fatalf("got %+v, want a copy", h)
	}
	const most = bus.MaxPayloadBytes / 8 // leaves room for a Handoff whose parts grow
	if n := len(frames.Marshal(h)); n > most {
		t.Errorf("a full session: got %d bytes, want at most %d", n, most)
	}
	x.wait()
}

// A handoff is encoded without the session's lock: rooms that end meanwhile must not
// change it.
func TestHandOff_RoomEndsBeforeEncoding_HandoffIsUnchanged(t *testing.T) {
	x := newTestTable(t)
	s := x.away()
	s.rooms = []proto.RoomID{"first", "second"}
	sender := proto.NewPeerID(x.cfg.Own)
	s.fence.Pass(sender, 3)
	h := x.handOff(s, takeOf(s, "0a1b2c3d", 0))
	s.LeaveRoom("first")
	if got := h.Fence[sender]; got != 3 {
		t.Errorf("fence of the handoff for a sender in epoch 3: got %d, want 3", got)
	}
	if got, want := h.Rooms, []proto.RoomID{"first", "second"}; !slices.Equal(got, want) {
		t.Errorf("rooms of the handoff after one has ended: got %q, want %q", got, want)
	}
}

// Frames for a lent session go to the gateway that has the copy. Once the session is
// seated there, the lender holds none of its frames.
func TestHandOff_SessionLent_FramesFollow(t *testing.T) {
	x := newTestTable(t)
	s := x.away()
	s.conns, s.tokens = 1, 1
	const taker = proto.GatewayID("0a1b2c3d")
	f := link.Frame{From: proto.NewPeerID(x.cfg.Own), To: s.id, Data: []byte(`{"event":"Message"}`)}
	if v, move := s.Receive(&f); v != Delivered || move != nil {
		t.Fatalf("before: got result %d, move %v, want it kept", v, move)
	}
	h := x.handOff(s, takeOf(s, taker, 0))
	if !h.Lent || len(h.Frames) != 1 || !h.Recovered || h.Epoch != 0 {
		t.Fatalf("got %+v, want the frame, recovered, of epoch 0", h)
	}
	want := bus.Move{Peer: s.id, Owner: taker, Epoch: 1, Tentative: true}
	if v, move := s.Receive(&f); v != Redirected || move == nil || *move != want {
		t.Errorf("lent: got result %d, move %+v, want %+v", v, move, want)
	}
	if again := x.handOff(s, takeOf(s, "4e5f6071", 0)); !again.Lent || again.Recovered || len(again.Frames) != 1 {
		t.Errorf("asked by another: got %+v, want the same copy, not recovered", again)
	}
	x.step(s, ownership.Event{Kind: ownership.Outdated, By: taker, Epoch: 1, Seated: true})
	if n := x.cfg.Buffers.Used(membudget.Replay); n != 0 || s.phase != moved {
		t.Errorf("seated: got %d bytes kept, phase %d, want 0 and moved", n, s.phase)
	}
	if h := x.handOff(s, takeOf(s, "4e5f6071", 0)); h.Owner != taker || h.Epoch != 1 || h.Lent {
		t.Errorf("asked later: got %+v, want the owner's name", h)
	}
}

// The client may resume at a lender before the new owner's notice arrives there. The frames
// of a copy that the owner had reach the client, so their sender gets no error. The frames of
// a session that another gateway took without a copy are reported.
func TestLearnToken_SessionLent_ReportsOnlyWhatTheOwnerNeverHad(t *testing.T) {
	for name, want := range map[string]struct {
		copied uint64
		errors int
	}{"the owner had the copy": {1, 0}, "the owner had no copy": {0, 1}} {
		t.Run(name, func(t *testing.T) {
			x := newTestTable(t)
			s := x.away()
			s.conns, s.tokens = 1, 1
			const taker = proto.GatewayID("0a1b2c3d")
			s.Receive(&link.Frame{From: proto.NewPeerID(x.cfg.Own), To: s.id, Data: []byte(`{"event":"Message"}`)})
			if h := x.handOff(s, takeOf(s, taker, 0)); !h.Lent || len(h.Frames) != 1 {
				t.Fatalf("got handoff %+v, want the frame", h)
			}
			x.learnToken(s, bus.TokenRef{Owner: taker, Epoch: 1, Conn: 1, Number: 1, Copied: want.copied})
			if n := len(x.reported(s.id)); n != want.errors || s.phase != moved {
				t.Errorf("got %d frames reported, phase %d, want %d, moved", n, s.phase, want.errors)
			}
		})
	}
}

// A taker that lost the epoch to its lender may have accepted frames before it learns that,
// and fail with them. Until it must have learnt it, the lender does not say that all frames
// were recovered.
func TestHandOff_TakenBack_CountsAsRecoveredWhenNoTakeCanBePending(t *testing.T) {
	for after, want := range map[time.Duration]bool{0: false, proto.RequestDeadline: true} {
		synctest.Test(t, func(t *testing.T) {
			x := newTestTable(t)
			s := x.away()
			s.conns, s.tokens = 1, 1
			x.handOff(s, takeOf(s, "0a1b2c3d", 0))
			x.step(s, ownership.Event{Kind: ownership.Took, Epoch: 1, Revision: 1})
			s.mu.Lock()
			s.lossy, s.conns, s.tokens = false, 1, 1 // as when a client came and went
			s.mu.Unlock()
			time.Sleep(after)
			if h := x.handOff(s, takeOf(s, "4e5f6071", 0)); !h.Lent || h.Recovered != want {
				t.Errorf("lent %v after the session was taken back: got %+v, want recovered %v", after, h, want)
			}
			x.wait()
		})
	}
}

// TestHandOff_AcceptFrom_GoesWithTheSession: the copy and the token name the choice.
func TestHandOff_AcceptFrom_GoesWithTheSession(t *testing.T) {
	x := newTestTable(t)
	s := x.away()
	s.acceptFrom = proto.AcceptRooms
	s.mu.Lock()
	token := s.tokenLocked()
	s.mu.Unlock()
	if got, err := x.cfg.Keys.Verify(token, time.Now()); err != nil || got.AcceptFrom != proto.AcceptRooms {
		t.Errorf("token: got %+v, %v, want %v", got, err, proto.AcceptRooms)
	}
	if h := x.handOff(s, takeOf(s, "0a1b2c3d", 0)); !h.Lent || h.AcceptFrom != proto.AcceptRooms {
		t.Errorf("copy: got %+v, want it lent with %v", h, proto.AcceptRooms)
	}
	x.wait()
}

// TestMessage_OtherRequestsMeanwhile_SessionIsLentAfterOneWait: the client's old connection is
// half open. Requests with a token that is refused, and with one that would be accepted, do not
// prolong the wait of the first request.
func TestMessage_OtherRequestsMeanwhile_SessionIsLentAfterOneWait(t *testing.T) {
	for name, conn := range map[string]uint64{"an earlier token": 1, "the newest token": 2} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newTestTable(t)
				c := x.conn(sockettest.NewNet(false))
				s := c.Session
				s.mu.Lock()
				s.conns = 2
				s.shown = bus.TokenRef{Owner: x.cfg.Own, Conn: 2}
				s.mu.Unlock()
				const taker, other = proto.GatewayID("0a1b2c3d"), proto.GatewayID("4e5f6071")
				first, began := takeOf(s, taker, 0), time.Now()
				x.Message(s.id, natsbus.Message{Data: frames.Marshal(first)})
				later := takeOf(s, other, 0)
				later.Token.Conn = conn
				for s.OtherOwner() == "" && time.Since(began) < time.Second {
					time.Sleep(time.Millisecond)
					synctest.Wait()
					x.Message(s.id, natsbus.Message{Data: frames.Marshal(later)})
				}
				if waited := time.Since(began); s.OtherOwner() != taker || waited > 110*time.Millisecond {
					t.Errorf("got the session lent to %q after %v, want to %s after one wait of 100ms", s.OtherOwner(), waited, taker)
				}
				c.Socket.Abort()
				x.wait()
			})
		})
	}
}
