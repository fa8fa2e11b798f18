package gateway

import (
	"net"
	"runtime"
	"testing"
	"time"

	"p2pconnector/gateway/internal/client"
	"p2pconnector/gateway/internal/frames"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// fastClients are settings whose limits no benchmark reaches, although they are in force.
var fastClients = Config{MessagesPerSecond: 1 << 30, BytesPerSecond: 1 << 40, EgressPerSecond: 1 << 40, RoomEgressPerSecond: 1 << 40, TotalEgressPerSecond: 1 << 40}

// windowRecords is how many relays may be on the way to one gateway.
const windowRecords = link.DefaultWindowBytes / 512

// discard is the network side of a connection whose client reads everything at once.
type discard struct {
	net.Conn // nil: its other methods are not used
}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) Close() error                { return nil }
func (discard) SetDeadline(time.Time) error { return nil }

// benchSession makes a peer of g that reads everything at once.
func benchConn(g *Gateway, raw net.Conn) *client.Conn {
	c := testConn(g, raw)
	return c
}

// letWrite waits for the writer when a queue is half full: a benchmark may be
// faster than it.
func letWrite(b testing.TB, c *client.Conn) {
	for {
		switch {
		case c.Socket.CloseCode() != 0:
			b.Fatal("got a closed connection, want it open")
		case c.Socket.QueuedBytes() <= socket.DefaultQueueBytes/2:
			return
		}
		runtime.Gosched()
	}
}

// candidateTo is a trickled ICE candidate, of about 300 bytes.
func candidateTo(id proto.PeerID) []byte {
	return []byte(`{"event":"Candidate","to":"` + string(id) + `","data":{"candidate":"candidate:842163049 1 udp 1677729535 203.0.113.17 46154 typ srflx raddr 192.168.1.12 rport 46154 generation 0 ufrag EsAw network-cost 999","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"EsAw"},"id":1234567890}`)
}

// BenchmarkFromNATS measures a relay from its subscription to the queue of its
// connection, and through the writer.
func BenchmarkFromNATS(b *testing.B) {
	g := testGatewayOn(b, Config{}, taken{})
	s := benchConn(g, discard{})
	subject, err := bus.PeerSubject(s.Session.ID())
	if err != nil {
		b.Fatal(err)
	}
	sender := otherGateway(b, g)
	other := sender.Home()
	var f proto.Frame
	if e := f.Decode(candidateTo(s.Session.ID())); e != nil {
		b.Fatal(e)
	}
	frame := f.AppendRelay(nil, sender)
	m := natsbus.Message{Subject: subject, Data: frame}
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	x := bus.Sent{Gateway: other, To: g.cfg.ID, Base: 1}
	for b.Loop() {
		x.Seq++
		m.Reply = string(bus.AppendSentSubject(nil, &x))
		g.inbound.Handle(m)
		letWrite(b, s)
	}
}

// BenchmarkRelayHere measures a relay between two peers of one gateway: from the
// frame that was read to the queue of the other connection.
func BenchmarkRelayHere(b *testing.B) {
	g := testGatewayOn(b, fastClients, taken{})
	from, to := benchConn(g, discard{}), benchConn(g, discard{})
	frame := candidateTo(to.Session.ID())
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		from.Message(frame)
		letWrite(b, to)
	}
}

// otherGateway makes g know another gateway and discard what it publishes. It returns a
// peer of the other gateway.
func otherGateway(t testing.TB, g *Gateway) proto.PeerID {
	other := proto.NewGatewayID()
	setAlive(t, g, other)
	return proto.NewPeerID(other)
}

// BenchmarkToNATS measures a relay from the frame that was read to NATS.
func BenchmarkToNATS(b *testing.B) {
	g := testGatewayOn(b, fastClients, taken{})
	to := otherGateway(b, g)
	from := benchConn(g, discard{})
	frame := candidateTo(to)
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for n := uint64(1); b.Loop(); n++ {
		from.Message(frame)
		if n%windowRecords == 0 {
			g.inbound.Handle(natsbus.Message{Subject: bus.AckSubject(g.cfg.ID, to.Home()), Data: frames.Marshal(bus.Ack{Next: n + 1})})
		}
	}
}

// TestRelay_SteadyState_AllocatesNothing: in steady state a relay allocates nothing, neither from the
// message that was read to NATS, nor from NATS to the queue of the connection. Package
// socket tests the same for reading and writing.
func TestRelay_SteadyState_AllocatesNothing(t *testing.T) {
	g := testGatewayOn(t, fastClients, taken{})
	to := otherGateway(t, g)
	s := benchConn(g, discard{})
	frame := candidateTo(to)
	steady := func(what string, runs int, f func(), before func()) {
		t.Helper()
		for range 4 * windowRecords { // buffers grow at first, and one relay in many is timed
			f()
		}
		// The one relay in sampleEvery that is timed has a header, which disappears in
		// the average.
		before()
		if n := testing.AllocsPerRun(runs, f); n != 0 && !raced {
			t.Errorf("%s: got %v allocations a frame, want 0", what, n)
		}
	}
	n, acks := uint64(0), make([][]byte, 0, 16)
	for i := range cap(acks) {
		acks = append(acks, frames.Marshal(bus.Ack{Next: uint64(i+1)*windowRecords/2 + 1}))
	}
	steady("from the client to NATS", 1000, func() {
		s.Message(frame)
		if n++; n%(windowRecords/2) == 0 { // the ack itself allocates, and disappears in the average
			g.inbound.Handle(natsbus.Message{Subject: bus.AckSubject(g.cfg.ID, to.Home()), Data: acks[n/(windowRecords/2)-1]})
		}
	}, func() {})
	raw := sockettest.NewNet(false)
	s = benchConn(g, raw)
	defer s.Socket.Abort()
	subject, err := bus.PeerSubject(s.Session.ID())
	if err != nil {
		t.Fatal(err)
	}
	// Sequence numbers grow in length, so the messages are made before.
	const messages = 5 * windowRecords
	all := make([]natsbus.Message, messages)
	for i := range all {
		x := bus.Sent{Gateway: to.Home(), To: g.cfg.ID, Seq: uint64(i + 1), Base: 1}
		all[i] = natsbus.Message{Subject: subject, Reply: string(bus.AppendSentSubject(nil, &x)), Data: frame}
	}
	i, blocked := 0, false
	steady("from NATS to the queue", 400, func() { // as many as fit in a queue that nobody empties
		g.inbound.Handle(all[i])
		if i++; !blocked {
			letWrite(t, s)
		}
	}, func() {
		raw.Block()
		blocked = true
	})
	if got := s.Socket.QueuedBytes(); got < 400*len(frame) {
		t.Errorf("got %d bytes queued, want all 400 frames", got)
	}
}
