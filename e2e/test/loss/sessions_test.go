package loss

import (
	"context"
	"flag"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
)

var (
	clientsFlag = flag.Int("loss.clients", 100, "`clients` of the gateway that drains")
	windowFlag  = flag.Duration("loss.window", 2*time.Second, "drain window of the gateways")
)

// A session has moved once. The gateway that issued it has been gone for longer than
// any grace when the one that serves it crashes: the session is resumable all the same.
func TestResume_SecondOwnerDiesLongAfterHome_KeepsSession(t *testing.T) {
	t.Parallel() // it mostly waits
	const grace = 2 * time.Second
	s := kit.Start(t, kit.Options{Processes: true, Gateways: 3, Grace: grace})
	watcher := s.Dial(t, 2)
	watcher.Create("r")
	first := s.Dial(t, 0)
	first.Join("r")
	watcher.Members("r", watcher.ID, first.ID)
	first.Drop()
	second := s.Dial(t, 1)
	second.Resume(first)
	s.KillGateway(t, 0)
	<-time.After(grace + 2*proto.LeaseTimeout) // no event marks when the last memory of gateway 0 ends
	s.KillGateway(t, 1)
	last := s.Dial(t, 2)
	last.Text(kit.ResumeFrame(second.Session(), second.Received()))
	f := last.Next()
	d, err := f.Details()
	if !f.Is(proto.ClientDetails) || err != nil || !d.Resumed || d.ID != first.ID {
		t.Fatalf("Resume at once after the second gateway was killed: got %.300s, want session %s", f.Raw, first.ID)
	}
	watcher.Send(`{"event":"Message","room":"r","data":1}`)
	last.Expect(proto.Message)
}

// normal is what gws's client answers every close frame with.
const normal = 1000

// A gateway drains while its clients answer a close frame as gws's do, with 1000
// whatever the server closed with. That is no good-bye: every session is resumed.
func TestDrain_ClientsAnswerCloseWith1000_SessionsSurvive(t *testing.T) {
	s := kit.Start(t, kit.Options{Processes: true, Drain: *windowFlag})
	ctx, cancel := context.WithTimeout(t.Context(), kit.Patience+*windowFlag+time.Duration(*clientsFlag)*10*time.Millisecond)
	defer cancel()
	addrs := addresses(s)
	clients := make([]*peer, *clientsFlag)
	for i := range clients {
		clients[i] = &peer{out: newOutcomes(0, 0), answer: normal}
		if err := clients[i].connect(ctx, addrs, 0); err != nil {
			t.Fatal(err)
		}
	}
	ended := s.DrainGateway(t, 0)
	var wg sync.WaitGroup
	var lost, unrecovered atomic.Int64
	for _, c := range clients {
		wg.Go(func() {
			<-c.current().Done()
			c.current().Close()
			switch recovered, err := c.resumeAnywhere(ctx, addrs); {
			case err != nil:
				lost.Add(1)
			case !recovered:
				unrecovered.Add(1)
			}
		})
	}
	wg.Wait()
	ended()
	for _, c := range clients {
		c.leave()
	}
	t.Logf("%d clients: %d sessions lost, %d not recovered", len(clients), lost.Load(), unrecovered.Load())
	if lost.Load() > 0 || unrecovered.Load() > 0 {
		t.Errorf("of %d sessions: lost %d, not recovered %d, want 0 and 0", len(clients), lost.Load(), unrecovered.Load())
	}
}

// Signals and pings of a client pass its own room request, while the room service
// stands still.
func TestRoomRequest_RoomServiceFrozen_DelaysNeitherPingNorSignal(t *testing.T) {
	s := kit.Start(t, kit.Options{Processes: true, RoomServices: 1})
	a, b := s.Dial(t, 0), s.Dial(t, 1)
	s.PauseRooms(t, 0, true)
	defer s.PauseRooms(t, 0, false)
	began := time.Now()
	a.Send(`{"event":"Create_Room","data":{"room":"r"},"id":"room"}`)
	a.Send(`{"event":"Offer","to":%q,"data":1}`, b.ID)
	a.Send(`{"event":"Ping","id":"ping"}`)
	f := a.Next()
	if !f.Is(proto.Pong) {
		t.Errorf("first answer: got %.200s after %v, want the Pong, before the room service goes on", f.Raw, time.Since(began).Round(time.Millisecond))
	}
	b.Expect(proto.Offer)
	took := time.Since(began)
	t.Logf("the Pong and the signal took %v; a room request is given up after %v", took.Round(time.Millisecond), proto.RequestDeadline)
	if took >= proto.RequestDeadline {
		t.Errorf("signal: got it after %v, want it before the room request ends", took)
	}
}
