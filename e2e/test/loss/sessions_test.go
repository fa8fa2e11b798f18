package loss

import (
	"context"
	"flag"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

var (
	clientsFlag = flag.Int("loss.clients", 100, "`clients` of the gateway that drains")
	windowFlag  = flag.Duration("loss.window", 2*time.Second, "drain window of the gateways")
)

// A session has moved once. Its issuing gateway has been gone for longer than any grace
// when the serving gateway crashes: the session can still be resumed.
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
	<-time.After(grace + 2*bus.LeaseTimeout) // no event marks when the last record of gateway 0 expires
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

// normal is the code with which gws's client answers every close frame.
const normal = 1000

// roomOf is the number of clients of a crowd in one room.
const roomOf = 10

// A gateway drains while its clients answer a close frame as gws's do, with 1000
// whatever the server closed with. That does not end their sessions: every session is
// resumed, no member is reported to leave its room, and no frame sent meanwhile is
// lost.
func TestDrain_ClientsAnswerCloseWith1000_SessionsSurvive(t *testing.T) {
	r := row{pairs: 20, rate: 500, duration: *windowFlag, size: 300, moved: fresh, fault: drain, window: *windowFlag}
	w := newWorkload(t, r)
	ctx, cancel := context.WithTimeout(t.Context(), kit.Patience+*windowFlag+time.Duration(*clientsFlag)*10*time.Millisecond)
	defer cancel()
	crowd := make([]*peer, *clientsFlag)
	for i := range crowd {
		crowd[i] = &peer{out: w.out, number: -1, answer: normal, room: fmt.Sprint("crowd ", i/roomOf)}
		if err := crowd[i].connect(ctx, w.addrs, w.target()); err != nil {
			t.Fatal(err)
		}
	}
	ended := w.DrainGateway(t, w.target())
	var wg sync.WaitGroup
	wg.Go(w.send)
	var lost, unrecovered atomic.Int64
	for _, c := range crowd {
		wg.Go(func() {
			<-c.current().Done()
			c.current().Close()
			switch recovered, err := c.resumeAnywhere(ctx, w.addrs); {
			case err != nil:
				lost.Add(1)
			case !recovered:
				unrecovered.Add(1)
			}
		})
	}
	wg.Wait()
	ended()
	w.rest()
	frames := w.out.count()
	departures := w.out.departures.Load()
	crowd[0].leave()
	for ctx.Err() == nil && w.out.departures.Load() == departures { // a departure changes the count
		pause(ctx, 10*time.Millisecond)
	}
	for _, c := range crowd[1:] {
		wg.Go(c.leave)
	}
	wg.Wait()
	if ctx.Err() != nil {
		t.Fatal("a member left its room, and no other member was notified")
	}
	t.Logf("%d clients: %d sessions lost, %d not recovered, %d departures seen; %v", len(crowd), lost.Load(), unrecovered.Load(), departures, &frames)
	if lost.Load() > 0 || unrecovered.Load() > 0 || w.lostSessions.Load() > 0 {
		t.Errorf("of %d sessions: lost %d, not recovered %d, want 0 and 0; of %d receivers lost %d, want 0", len(crowd), lost.Load(), unrecovered.Load(), r.pairs, w.lostSessions.Load())
	}
	if departures > 0 {
		t.Errorf("members reported to leave: got %d, want 0", departures)
	}
	for _, v := range frames.violations(false) {
		t.Error(v)
	}
}

// Signals and pings of a client overtake its own room request while the room service is
// frozen.
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
