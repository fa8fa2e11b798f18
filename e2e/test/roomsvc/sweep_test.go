package roomsvc_test

import (
	"encoding/json"
	"testing"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc"
)

// lease renews a's lease until the test ends or stop is called.
func (a *requester) lease() (stop func()) {
	a.t.Helper()
	subject, err := bus.LeaseSubject(a.id)
	if err != nil {
		a.t.Fatal(err)
	}
	data, err := json.Marshal(bus.Lease{Gateway: a.id})
	if err != nil {
		a.t.Fatal(err)
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(bus.LeaseInterval)
		defer tick.Stop()
		for {
			if err := a.nc.Publish(subject, data); err != nil {
				a.t.Error(err)
			}
			select {
			case <-tick.C:
			case <-end:
				return
			}
		}
	}()
	once := make(chan struct{}, 1)
	stop = func() {
		select {
		case once <- struct{}{}:
			close(end)
			<-ended
		default:
		}
	}
	a.t.Cleanup(stop)
	return stop
}

// Two gateways die: one while all room services are down, one while they run. A
// third lives.
func TestSweep_DeadGateway_RemovesItsMembers(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute of real time")
	}
	t.Parallel()
	s := startNATS(t)
	_, stop := startService(t, s, roomsvc.Config{})
	before, dying, living := newRequester(t, s), newRequester(t, s), newRequester(t, s)
	living.lease()
	die := dying.lease()
	for room, members := range map[proto.RoomID][]*requester{"mixed": {before, dying, living}, "old": {before}, "new": {dying, dying}} {
		for _, a := range members {
			a.must(bus.OpJoin, bus.Request{Room: room, Peer: a.peer(), Create: true})
		}
	}
	stop()
	startServices(t, s, 2, roomsvc.Config{})
	started := time.Now()

	ghost := func(g proto.GatewayID, died time.Time, limit time.Duration) {
		t.Helper()
		for c := range living.changes {
			for _, r := range c.Removed {
				if r.ID.Home() == g {
					if after := time.Since(died); r.Reason != proto.ReasonDisconnected || after > limit || after < proto.SessionGrace {
						t.Errorf("got %+v %v after the death, want it disconnected between %v and %v", r, after, proto.SessionGrace, limit)
					} else {
						t.Logf("removed after %v", after)
					}
					return
				}
			}
			if time.Since(died) > limit {
				t.Fatalf("got the ghost after %v, want it removed", limit)
			}
		}
	}
	ghost(before.id, started, 25*time.Second)
	died := time.Now()
	die()
	ghost(dying.id, died, 20*time.Second)
	if room := living.room("mixed"); len(room.Members) != 1 || room.Members[0].ID.Home() != living.id || room.Creator != room.Members[0].ID {
		t.Errorf("got %s, want the member of the living gateway, as creator", ids(room))
	}
	if keys := liveKeys(t, living.nc); len(keys) != 1 {
		t.Errorf("got keys %q, want one", keys)
	}
}
