package resume_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/proto/client"
)

// ghostBound is how long a ghost may remain, with a margin for a busy machine.
const (
	ghostLimit = 20 * time.Second
	ghostSlack = 3 * time.Second
)

// After kill -9 of its gateway a peer resumes elsewhere under its id, keeps its rooms,
// and is notified that frames may be lost. The others are not affected.
func TestGatewayKilled_Peer_ResumesOnAnother(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{Processes: true})
	tr := newTrio(t, s)
	tr.near.Send(`{"event":"Leave_Room","data":{"room":%q}}`, room)
	tr.near.Expect(proto.RoomLeft)
	tr.far.Members(room, tr.far.ID, tr.peer.ID)
	tr.members = []proto.PeerID{tr.far.ID, tr.peer.ID}
	s.KillGateway(t, 0)
	c := s.Dial(t, 1)
	d := c.Resume(tr.peer)
	if *d.Recovered {
		t.Error("got recovered true, want false: its gateway was killed")
	}
	tr.far.Quiet()
	c.Quiet()
	s.StartGateway(t, 0)
	tr.near = s.Dial(t, 0)
	tr.near.Join(room)
	tr.members = append(tr.members, tr.near.ID)
	for _, w := range []*kit.Conn{tr.far, c} {
		w.Members(room, tr.members...)
	}
	tr.works(c)
	old := c
	old.Drop() // it may send to the gateway that was killed
	back := s.Dial(t, 0)
	back.Resume(old)
	tr.works(back)
}

// TestKilledGateway_AcceptFrom_IsInTheToken: whose frames a peer accepts survives the gateway
// that it chose it at.
func TestKilledGateway_AcceptFrom_IsInTheToken(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{Processes: true})
	old, from := s.Dial(t, 0, kit.Path("?accept_from=nobody")), s.Dial(t, 1)
	s.KillGateway(t, 0)
	c := s.Dial(t, 1)
	if d := c.Resume(old); d.AcceptFrom != proto.AcceptNobody {
		t.Errorf("got accept_from %v, want %v", d.AcceptFrom, proto.AcceptNobody)
	}
	from.Send(`{"event":"Offer","to":%q}`, c.ID)
	from.ExpectError(proto.Unauthorised)
	c.Quiet()
}

// A client that waits too long for one gateway tries another, so that two take its
// session over at the same moment, and no gateway knows of both. One of them keeps the
// session: it keeps the rooms, for good, and gets each frame once.
func TestTakeover_TwoGatewaysAtOnce_OneKeepsTheSession(t *testing.T) {
	t.Parallel()
	const grace = 2 * time.Second
	s := kit.Start(t, kit.Options{Processes: true, Gateways: 3, Grace: grace})
	far, peer := s.Dial(t, 1), s.Dial(t, 0)
	far.Create(room)
	peer.Join(room)
	far.Members(room, far.ID, peer.ID)
	first, second := s.Dial(t, 1), s.Dial(t, 2)
	s.KillGateway(t, 0)
	var holds []*kit.Conn
	for _, c := range []*kit.Conn{first, second} {
		c.Text(kit.ResumeFrame(peer.Session(), peer.Received()))
	}
	for _, c := range []*kit.Conn{first, second} {
		if f := c.Next(); f.Is(proto.ClientDetails) {
			holds = append(holds, c)
		}
	}
	t.Logf("%d of two gateways have taken it over", len(holds))
	if len(holds) == 2 {
		late := time.NewTimer(kit.Patience)
		defer late.Stop()
		select {
		case <-holds[0].Done():
			holds = holds[1:]
		case <-holds[1].Done():
			holds = holds[:1]
		case <-late.C:
			t.Fatal("got two gateways that serve the session, want one")
		}
	}
	if len(holds) == 0 {
		t.Fatal("got no gateway that serves the session, want one")
	}
	expectNothing(t, far, grace+bus.LeaseTimeout) // the grace of the other session ends too
	for i := range 10 {
		far.Send(`{"event":"Message","to":%q,"data":%d}`, peer.ID, i)
		far.Send(`{"event":"Message","room":%q,"data":%d}`, room, i)
	}
	for i := range 20 {
		if f := holds[0].Expect(proto.Message); string(f.Data) != strconv.Itoa(i/2) {
			t.Fatalf("message %d: got %s, want it in order", i, f.Raw)
		}
	}
	holds[0].Quiet()
	far.Quiet()
	far.Send(`{"event":"Room_Info","data":{"room":%q}}`, room)
	if d := kit.Room(t, far.Expect(proto.RoomInfo)); len(d.Clients) != 2 {
		t.Errorf("got room %+v, want two members", d)
	}
}

// The room services remove peers of a killed gateway that do not resume from their rooms
// within 20 s.
func TestGatewayKilled_PeersThatStayAway_AreRemoved(t *testing.T) {
	t.Parallel()
	tr := newTrio(t, kit.Start(t, kit.Options{Processes: true}))
	began := time.Now()
	tr.KillGateway(t, 0)
	tr.ghosts(began, ghostLimit+ghostSlack)
	tr.far.Quiet()
}

// ghosts waits until far is alone in the room, and checks that this took longer than the
// grace and not longer than the bound.
func (tr *trio) ghosts(began time.Time, most time.Duration) {
	tr.t.Helper()
	f := tr.far.Until("the ghosts have gone", func(f *client.Frame) bool {
		d, err := f.RoomData()
		return f.Is(proto.ClientRemoved) && err == nil && d.Reason == proto.ReasonDisconnected && len(d.Clients) == 1
	})
	took := time.Since(began)
	tr.t.Logf("gone after %v", took)
	if d := kit.Room(tr.t, f); d.Clients[0] != tr.far.ID || d.Creator != tr.far.ID {
		tr.t.Errorf("got %s, want far as creator and first member", f.Raw)
	}
	if took < proto.SessionGrace || took > most {
		tr.t.Errorf("the ghosts were removed after %v, want %v to %v", took, proto.SessionGrace, most)
	}
}

// The same holds when every room service was down at that time: one that starts later has
// never received a heartbeat of the gateway and waits at most 20 s for it.
func TestGatewayKilled_NoRoomService_PeersAreRemovedLater(t *testing.T) {
	t.Parallel()
	tr := newTrio(t, kit.Start(t, kit.Options{Processes: true, RoomServices: 1}))
	tr.KillRooms(t, 0)
	tr.KillGateway(t, 0)
	began := time.Now()
	tr.StartRooms(t, 0)
	tr.ghosts(began, bus.FirstLeaseTimeout+2*ghostSlack)
}

// A gateway hangs for longer than its lease, and then finds its peers still connected and
// still members: no room service removed them within the grace.
func TestGatewayFrozen_LongerThanItsLease_KeepsItsPeers(t *testing.T) {
	t.Parallel()
	tr := newTrio(t, kit.Start(t, kit.Options{Processes: true}))
	tr.PauseGateway(t, 0, true)
	expectNothing(t, tr.far, bus.LeaseTimeout+2*time.Second)
	tr.PauseGateway(t, 0, false)
	// The NATS server may have closed the connection of the gateway while it hung, or may
	// be about to: until it has read an answer to its pings, which the gateway sends
	// before the peer's frames.
	awaitDelivery(tr, tr.far, tr.peer)
	awaitDelivery(tr, tr.peer, tr.far)
	awaitDelivery(tr, tr.far, tr.near)
	tr.works(tr.peer)
}

// expectNothing waits for d, during which no frame may reach c.
func expectNothing(t *testing.T, c *kit.Conn, d time.Duration) {
	t.Helper()
	before := c.Received()
	after := time.NewTimer(d)
	<-after.C
	if got := c.Received() - before; got > 0 {
		t.Errorf("got %d frames, want none; the first is %s", got, c.Any().Raw)
	}
}

// Tries of awaitDelivery.
const (
	tryPause = 100 * time.Millisecond
	steady   = 3 // consecutive tries that arrive without an error
)

// awaitDelivery sends, for as long as kit.Patience, until messages of from reach to, and
// reads the results of the tries. A message sent at the moment of a reconnect may arrive
// and be reported as well, and the connection may break once more: so several must
// arrive.
func awaitDelivery(tr *trio, from, to *kit.Conn) {
	tr.t.Helper()
	tick := time.NewTicker(tryPause)
	defer tick.Stop()
	began := time.Now()
	for i, inRow := 0, 0; inRow < steady; i++ {
		if took := time.Since(began); took > kit.Patience {
			tr.t.Fatalf("messages in a row: got fewer than %d to %s in %v and %d tries, want them within %v", steady, to.ID, took, i, kit.Patience)
		}
		from.Send(`{"event":"Message","to":%q,"data":"try %d","id":%d}`, to.ID, i, i)
		if awaitOutcome(tr.t, from, to, i) {
			inRow++
		} else {
			inRow = 0
		}
		<-tick.C
	}
}

// awaitOutcome returns when try number i has arrived, or from has received an error about it:
// one of the two must happen. It returns false when from received any error, about an
// earlier try too. A reported try may still have arrived.
func awaitOutcome(t *testing.T, from, to *kit.Conn, i int) bool {
	t.Helper()
	arrived, reported, complaint := false, false, false
	for began := time.Now(); !arrived && !reported; {
		if time.Since(began) > kit.Patience {
			t.Fatal("a message was neither delivered nor reported to its sender")
		}
		from.Send(`{"event":"Ping","id":"outcome"}`)
		from.Until("the Pong", func(f *client.Frame) bool {
			complaint = complaint || f.Err() != nil
			reported = reported || f.Err() != nil && string(f.ID) == strconv.Itoa(i)
			return f.Is(proto.Pong)
		})
		to.Send(`{"event":"Ping","id":"outcome"}`)
		to.Until("the Pong", func(f *client.Frame) bool {
			arrived = arrived || string(f.Data) == fmt.Sprintf(`"try %d"`, i)
			return f.Is(proto.Pong)
		})
	}
	return arrived && !complaint
}
