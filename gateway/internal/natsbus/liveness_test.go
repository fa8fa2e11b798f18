package natsbus

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// leaseOf returns the lease of a gateway.
func leaseOf(t *testing.T, g proto.GatewayID, ended bool) Message {
	t.Helper()
	subject, err := bus.LeaseSubject(g)
	if err != nil {
		t.Fatal(err)
	}
	return Message{Subject: subject, Data: encode(bus.Lease{Gateway: g, Ended: ended})}
}

// The active clock stands still while messages do not reach the gateway, although the
// connection is up: a NATS server that hangs must not make every other gateway look dead.
func TestLiveness_OwnLeaseDoesNotComeBack_ClockStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own, other := proto.NewGatewayID(), proto.NewGatewayID()
		l := NewLiveness(own)
		pass := func(d time.Duration) time.Duration {
			const tick = 50 * time.Millisecond
			before := l.Now()
			for range d / tick {
				time.Sleep(tick) // of the bubble's clock
				l.Tick(clock.Now(), true)
			}
			return l.Now() - before
		}
		l.Receive(leaseOf(t, own, false))
		l.Receive(leaseOf(t, other, false))
		if got := pass(time.Second); got < 900*time.Millisecond {
			t.Errorf("while leases come: got %v in 1 s, want it to run", got)
		}
		if got, most := pass(time.Minute), 2*bus.LeaseInterval; got > most {
			t.Errorf("while none come back: got %v in a minute, want at most %v", got, most)
		}
		if !l.Alive(other) {
			t.Error("after a minute in which nothing came: got the other gateway dead, want it alive")
		}
		l.Receive(leaseOf(t, own, false))
		l.Receive(leaseOf(t, other, false))
		if got := pass(time.Second); got < 900*time.Millisecond {
			t.Errorf("when they come again: got %v in 1 s, want it to run", got)
		}
	})
}

// Receive returns what a lease has changed: a new gateway must be answered, a gateway that
// comes back may have lost sessions to others, and a gateway that has ended stays ended.
func TestLiveness_Receive_SaysWhatHasChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own, other, ends := proto.NewGatewayID(), proto.NewGatewayID(), proto.NewGatewayID()
		l := NewLiveness(own)
		pass := func(d time.Duration) {
			for range d / bus.LeaseInterval * 2 {
				time.Sleep(bus.LeaseInterval / 2) // of the bubble's clock
				l.Receive(leaseOf(t, own, false))
				l.Tick(clock.Now(), true)
			}
		}
		pass(bus.LeaseInterval)
		for _, step := range []struct {
			what  string
			from  proto.GatewayID
			ended bool
			after time.Duration
			want  Renewal
			alive bool
		}{
			{"its own", own, false, 0, Renewed, true},
			{"the first", other, false, 0, Appeared, true},
			{"the second", other, false, bus.LeaseInterval, Renewed, true},
			{"one that is late", other, false, 2 * bus.LeaseTimeout, Returned, true},
			{"the last of a gateway that was not known", ends, true, 0, Renewed, false},
			{"one that was overtaken by the last", ends, false, 2 * bus.LeaseTimeout, Renewed, false},
		} {
			pass(step.after)
			if got := l.Receive(leaseOf(t, step.from, step.ended)); got != step.want {
				t.Errorf("%s: got %d, want %d", step.what, got, step.want)
			}
			if got := l.Alive(step.from); got != step.alive {
				t.Errorf("%s: got alive %v, want %v", step.what, got, step.alive)
			}
		}
		if alive, dead, ended := l.Counts(); alive != 1 || dead != 1 || ended != 1 {
			t.Errorf("got %d alive, %d dead, %d ended, want 1 of each", alive, dead, ended)
		}
		pass(forgetAfter + 2*bus.LeaseInterval)
		l.Sweep()
		if alive, dead, ended := l.Counts(); alive != 1 || dead != 0 || ended != 0 || !l.Alone() || !l.Forgotten(other) {
			t.Errorf("after %v: got %d alive, %d dead, %d ended, want only its own", forgetAfter, alive, dead, ended)
		}
	})
}

// TestLiveness_GatewaysAtTheEdge_IgnoresOneMore: 4,096 gateways are known. The lease of another
// one changes nothing, and the leases of those that are known still count.
func TestLiveness_GatewaysAtTheEdge_IgnoresOneMore(t *testing.T) {
	const most = 4096
	l := NewLiveness("0000000a")
	gateway := func(n int) proto.GatewayID { return proto.GatewayID(fmt.Sprintf("%08x", 0xb0000000+n)) }
	known := len(l.all)
	for n := range most - known {
		if got := l.Receive(leaseOf(t, gateway(n), false)); got != Appeared {
			t.Fatalf("gateway %d: got %v, want %v", n+1, got, Appeared)
		}
	}
	if got := l.Receive(leaseOf(t, gateway(most), false)); got != Renewed || l.Alive(gateway(most)) {
		t.Errorf("one more: got %v, alive %v, want it ignored", got, l.Alive(gateway(most)))
	}
	if l.Receive(leaseOf(t, gateway(0), true)); l.Alive(gateway(0)) {
		t.Error("a known gateway that ends: got it alive, want it ended")
	}
}
