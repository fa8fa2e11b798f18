package gateway

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/proto"
)

// TestPulse: what is in doubt reaches back to the last pulse that came back.
func TestPulse(t *testing.T) {
	const ms = int64(time.Millisecond)
	var p pulse
	var seq uint64
	fence := func() (uint64, error) { seq++; return seq, nil }
	if _, ok := p.started(100 * ms); ok {
		t.Error("something is in doubt after the first connect")
	}
	p.beat(1000*ms, fence)
	p.beat(1500*ms, fence)
	if seq != 1 {
		t.Errorf("%d pulses under way, not one", seq)
	}
	if d, ok := p.returned(1, 1600*ms); !ok || d != (doubt{}) {
		t.Errorf("a pulse in time: %v, %v", d, ok)
	}
	if !p.knows(1000*ms) || p.knows(1001*ms) {
		t.Error("it knows of another time than that of the pulse")
	}
	if _, ok := p.returned(1, 1700*ms); ok {
		t.Error("a number came back twice")
	}

	p.beat(2000*ms, fence)
	p.beat(4100*ms, fence) // seems lost: again
	if d, ok := p.returned(3, 4200*ms); !ok || d != (doubt{500 * ms, 4700 * ms}) {
		t.Errorf("a pulse that was late leaves %v in doubt, %v", d, ok)
	}

	p.beat(5000*ms, fence)
	p.stopped()
	p.beat(5500*ms, func() (uint64, error) { return 0, errors.New("called without a connection") })
	if d, ok := p.started(6000 * ms); !ok || d != (doubt{1500 * ms, 6000 * ms}) {
		t.Errorf("a connection that broke leaves %v in doubt, %v", d, ok)
	}
	if d := p.overflowed(6300 * ms); d != (doubt{5500 * ms, 6300 * ms}) {
		t.Errorf("after an overflow %v is in doubt", d)
	}
}

// TestPulseOfAFrozenGateway: while the process stands still, its NATS server may too,
// and the pulse that would be late was never sent.
func TestPulseOfAFrozenGateway(t *testing.T) {
	const ms = int64(time.Millisecond)
	var p pulse
	var seq uint64
	fence := func() (uint64, error) { seq++; return seq, nil }
	beat := func(sent, back int64) doubt {
		t.Helper()
		p.beat(sent*ms, fence)
		d, ok := p.returned(seq, back*ms)
		if !ok {
			t.Fatalf("the pulse of %d is not known", sent)
		}
		return d
	}
	if d := beat(1000, 1001); d != (doubt{}) {
		t.Errorf("in doubt: %v", d)
	}
	p.beat(1500*ms, fence)
	p.froze(1550*ms, 4000*ms)
	if d, ok := p.returned(seq, 4000*ms); !ok || d != (doubt{500 * ms, 4500 * ms}) {
		t.Errorf("one that was under way: in doubt %v", d)
	}
	if d := beat(4100, 4300); d != (doubt{1000 * ms, 4800 * ms}) {
		t.Errorf("the first one afterwards: in doubt %v", d)
	}
	if d := beat(4600, 4601); d != (doubt{}) {
		t.Errorf("the next one: in doubt %v", d)
	}
}

// nowhere is a bus that takes everything and answers nothing.
type nowhere struct{}

func (nowhere) Publish(string, []byte) error                { return nil }
func (nowhere) PublishRequest(string, string, []byte) error { return nil }
func (nowhere) PublishMsg(*nats.Msg) error                  { return nil }

// TestDoubtTellsOnce: each relay that left in the doubted time is settled, and
// only once.
func TestDoubtTellsOnce(t *testing.T) {
	g := proto.NewGatewayID()
	now := int64(0)
	o := newOutbound(g, nowhere{}, func() int64 { return now })
	from, to := proto.NewPeerID(g), proto.NewPeerID(proto.NewGatewayID())
	for _, at := range []int64{10, 20, 30, 40} {
		now = at
		if err := o.publish(toPeer(from, to), []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	relays, frames := o.sentWithin(doubt{20, 30})
	if len(relays) != 2 || relays[0].at != 20 || relays[1].at != 30 || string(frames[1]) != "{}" {
		t.Errorf("settled %v", relays)
	}
	if relays, _ := o.sentToPeers([]proto.PeerID{to}, ever); len(relays) != 2 {
		t.Errorf("%d relays settled after those in doubt, not the other two", len(relays))
	}
	if _, _, ok := o.settle(1); ok {
		t.Error("a relay was settled twice")
	}
}

// ever is a time that holds all.
var ever = doubt{until: math.MaxInt64}
