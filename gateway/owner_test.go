package gateway

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/gateway/internal/ownership"
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// takeOf returns another gateway's request for session s, whose client presents its newest
// token.
func takeOf(s *session, by proto.GatewayID, received uint64) *bus.SessionMessage {
	return &bus.SessionMessage{
		Peer: s.id, Gateway: by, Received: &received,
		Token: bus.TokenRef{Owner: s.g.id, Epoch: s.hold.Epoch, Conn: s.conns, Number: s.tokens},
	}
}

// A session that holds as much as it may is lent in one message, far smaller than NATS
// accepts.
func TestHandOff_FullSession_FitsItsBound(t *testing.T) {
	g := testGateway(t, Config{})
	s := awaySession(g)
	s.conns, s.tokens = 1, 1
	for range proto.DefaultMaxRooms {
		s.rooms = append(s.rooms, proto.RoomID(strings.Repeat("\x7f<", proto.MaxRoomIDBytes/2)))
	}
	s.user = strings.Repeat("<", proto.MaxUserBytes)
	for i := range uint64(2 * link.MaxFenced) {
		s.fence.Pass(proto.NewPeerID(g.id), i+1)
	}
	var unconfirmed []byte
	for range proto.ReplayFrames {
		unconfirmed = socket.AppendText(unconfirmed, make([]byte, socket.MaxRetransmitBytes/proto.ReplayFrames))
	}
	s.sent = proto.ReplayFrames
	s.keepUnconfirmedLocked(unconfirmed)
	for range proto.ReplayFrames {
		s.kept.Add(g.buffers, make([]byte, proto.ReplayBytes/proto.ReplayFrames))
	}
	h := g.handOff(s, takeOf(s, "0a1b2c3d", 0))
	if !h.Lent || len(h.Frames) == 0 {
		t.Fatalf("got %+v, want a copy", h)
	}
	const most = bus.MaxPayloadBytes / 8 // leaves room for a Handoff whose parts grow
	if n := len(marshal(h)); n > most {
		t.Errorf("a full session: got %d bytes, want at most %d", n, most)
	}
	g.closeBackground()
}

// A handoff is encoded without the session's lock: rooms that end meanwhile must not
// change it.
func TestHandOff_RoomEndsBeforeEncoding_HandoffIsUnchanged(t *testing.T) {
	g := testGateway(t, Config{})
	s := awaySession(g)
	s.rooms = []proto.RoomID{"first", "second"}
	sender := proto.NewPeerID(g.id)
	s.fence.Pass(sender, 3)
	h := g.handOff(s, takeOf(s, "0a1b2c3d", 0))
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
	g := testGateway(t, Config{})
	s := awaySession(g)
	s.conns, s.tokens = 1, 1
	const taker = proto.GatewayID("0a1b2c3d")
	f := link.Frame{From: proto.NewPeerID(g.id), To: s.id, Data: []byte(`{"event":"Message"}`)}
	if v, move := s.take(&f); v != delivered || move != nil {
		t.Fatalf("before: got result %d, move %v, want it kept", v, move)
	}
	h := g.handOff(s, takeOf(s, taker, 0))
	if !h.Lent || len(h.Frames) != 1 || !h.Recovered || h.Epoch != 0 {
		t.Fatalf("got %+v, want the frame, recovered, of epoch 0", h)
	}
	want := bus.Move{Peer: s.id, Owner: taker, Epoch: 1, Tentative: true}
	if v, move := s.take(&f); v != redirected || move == nil || *move != want {
		t.Errorf("lent: got result %d, move %+v, want %+v", v, move, want)
	}
	if again := g.handOff(s, takeOf(s, "4e5f6071", 0)); !again.Lent || again.Recovered || len(again.Frames) != 1 {
		t.Errorf("asked by another: got %+v, want the same copy, not recovered", again)
	}
	g.step(s, ownership.Event{Kind: ownership.Outdated, By: taker, Epoch: 1, Seated: true})
	if n := g.buffers.Used(membudget.Replay); n != 0 || s.phase != moved {
		t.Errorf("seated: got %d bytes kept, phase %d, want 0 and moved", n, s.phase)
	}
	if h := g.handOff(s, takeOf(s, "4e5f6071", 0)); h.Owner != taker || h.Epoch != 1 || h.Lent {
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
			g := testGateway(t, Config{})
			s, from := awaySession(g), awaySession(g)
			s.conns, s.tokens = 1, 1
			const taker = proto.GatewayID("0a1b2c3d")
			s.take(&link.Frame{From: from.id, To: s.id, Data: []byte(`{"event":"Message","from":"` + from.id + `"}`)})
			if h := g.handOff(s, takeOf(s, taker, 0)); !h.Lent || len(h.Frames) != 1 {
				t.Fatalf("got handoff %+v, want the frame", h)
			}
			g.learnToken(s, bus.TokenRef{Owner: taker, Epoch: 1, Conn: 1, Number: 1, Copied: want.copied})
			if errors := len(from.kept.Frames()); errors != want.errors || s.phase != moved {
				t.Errorf("got %d errors for the sender, phase %d, want %d, moved", errors, s.phase, want.errors)
			}
			g.closeBackground()
		})
	}
}

// Frames for an epoch that another gateway has taken are reported to their senders. Only
// frames for the epoch that this gateway won reach the client, in their senders' order.
func TestArrive_FramesOfOtherEpochs_AreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, Config{})
		from := awaySession(g)
		s := &session{g: g, id: proto.NewPeerID("0a1b2c3d"), phase: arriving}
		s.attempt = &attempt{Taker: ownership.Taker{Stage: ownership.Taking, Own: g.id, Epoch: 3}, known: ownedBy{"0a1b2c3d", 2}}
		frame := func(n string, toEpoch, epoch uint64) link.Frame {
			return link.Frame{From: from.id, To: s.id, ToEpoch: toEpoch, Epoch: epoch, Data: []byte(`{"event":"Message","data":` + n + `}`)}
		}
		old := frame("1", 2, 0)
		if v, move := s.take(&old); v != redirected || move == nil || move.Owner != "0a1b2c3d" || move.Epoch != 2 {
			t.Errorf("frame of an earlier epoch: got result %d, move %+v, want the known owner", v, move)
		}
		for _, f := range []link.Frame{frame("2", 3, 1), frame("3", 3, 0), frame("4", 3, 1)} {
			if v, _ := s.take(&f); v != delivered {
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
		if n := len(from.kept.Frames()); n != 1 {
			t.Errorf("errors for the sender: got %d, want 1", n)
		}
		from.kept.Take(g.buffers)
		if n := g.buffers.Used(membudget.Replay); n != 0 {
			t.Errorf("bytes still counted for what arrived: got %d, want 0", n)
		}
		g.closeBackground()
	})
}

// A close frame of the client that answers the server's own does not end its session.
func TestReadEnded_AnswerToOurClose_KeepsSession(t *testing.T) {
	for name, c := range map[string]struct {
		ours bool
		want phase
	}{
		"the client begins": {false, over},
		"the server begins": {true, away},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := testGateway(t, Config{})
				raw := sockettest.NewNet(false)
				conn, _ := accepted(g, raw)
				s := conn.session
				if c.ours {
					conn.ws.Close(proto.CloseGoingAway, "", false)
				}
				raw.Receive(sockettest.ClientFrame(sockettest.ClientClose, proto.AppendCloseReason(nil, proto.CloseNormal, ""))) // as gws answers any code
				go func() { time.Sleep(time.Millisecond); raw.Close() }()
				conn.serve()
				if s.phase != c.want {
					t.Errorf("got phase %d, want %d", s.phase, c.want)
				}
				g.conns.wg.Wait()
			})
		})
	}
}
