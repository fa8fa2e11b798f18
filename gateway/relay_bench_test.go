package gateway

import (
	"net"
	"runtime"
	"testing"

	"github.com/nats-io/nats.go"

	"p2pconnector/proto"
)

// drain is the network side of a connection that takes everything at once.
type drain struct {
	net.Conn // nil: what is not here is not used
}

func (drain) Write(b []byte) (int, error) { return len(b), nil }
func (drain) Close() error                { return nil }

// benchSession makes a peer of g that reads everything at once.
func benchSession(g *Gateway) *session {
	c := testConn(g, drain{})
	g.sessions.put(c.session)
	return c.session
}

// letWrite waits for the writer when a queue is half full: a benchmark may be
// faster than it.
func letWrite(b *testing.B, c *conn) {
	for {
		c.mu.Lock()
		wait, closed := c.writing && (c.frames > maxQueueFrames/2 || len(c.buf)+c.inflight > maxQueueBytes/2), c.closing || c.dead
		c.mu.Unlock()
		switch {
		case closed:
			b.Fatal("the connection was closed meanwhile")
		case !wait:
			return
		}
		runtime.Gosched()
	}
}

// candidateTo is a trickled ICE candidate, of about 300 bytes.
func candidateTo(id proto.PeerID) []byte {
	return []byte(`{"event":"Candidate","to":"` + string(id) + `","data":{"candidate":"candidate:842163049 1 udp 1677729535 203.0.113.17 46154 typ srflx raddr 192.168.1.12 rport 46154 generation 0 ufrag EsAw network-cost 999","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"EsAw"},"id":1234567890}`)
}

// BenchmarkFromNATS is the way of a relay from its subscription to the queue of
// its connection, and through the writer.
func BenchmarkFromNATS(b *testing.B) {
	g := testGateway(b, Config{})
	s := benchSession(g)
	subject, err := proto.PeerSubject(s.id)
	if err != nil {
		b.Fatal(err)
	}
	frame := candidateTo(s.id)
	m := &nats.Msg{Subject: subject, Data: frame}
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		g.onMessage(m)
		letWrite(b, s.conn)
	}
}

// BenchmarkRelayHere is the way of a relay between two peers of one gateway: from
// the frame that was read to the queue of the other connection.
func BenchmarkRelayHere(b *testing.B) {
	g := testGateway(b, Config{MessagesPerSecond: -1})
	from, to := benchSession(g), benchSession(g)
	frame := candidateTo(to.id)
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		from.conn.receive(frame)
		letWrite(b, to.conn)
	}
}

// taken is a NATS connection that takes everything.
type taken struct{}

func (taken) Publish(string, []byte) error                { return nil }
func (taken) PublishRequest(string, string, []byte) error { return nil }
func (taken) PublishMsg(*nats.Msg) error                  { return nil }

// elsewhereID is a peer of another gateway.
func elsewhereID() proto.PeerID { return proto.NewPeerID(proto.NewGatewayID()) }

// BenchmarkToNATS is the way of a relay from the frame that was read to NATS.
func BenchmarkToNATS(b *testing.B) {
	g := testGateway(b, Config{MessagesPerSecond: -1})
	g.out = newOutbound(g.id, taken{}, g.coarse.Load)
	from := benchSession(g)
	frame := candidateTo(elsewhereID())
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		from.conn.receive(frame)
	}
}

// TestRelayAllocatesNothing in steady state: neither from the bytes that were read
// to NATS, nor from NATS to the queue of the connection.
func TestRelayAllocatesNothing(t *testing.T) {
	g := testGateway(t, Config{MessagesPerSecond: -1})
	g.out = newOutbound(g.id, taken{}, g.coarse.Load)
	s := benchSession(g)
	frame := candidateTo(elsewhereID())
	wire := frameBytes(0x81, frame)
	steady := func(what string, f func()) {
		t.Helper()
		for range 2 * ringSlots { // some grow at first, and one relay in many is timed
			f()
		}
		// The one relay in sampleEvery that is timed has a header, which disappears in
		// the average.
		if n := testing.AllocsPerRun(1000, f); n != 0 && !raced {
			t.Errorf("%s: %v allocations a frame", what, n)
		}
	}
	steady("from the network to NATS", func() {
		s.conn.guard.inspect(wire)
		s.conn.receive(frame)
	})
	subject, err := proto.PeerSubject(s.id)
	if err != nil {
		t.Fatal(err)
	}
	reply := string(proto.AppendLostSubject(nil, proto.NewGatewayID(), 1, 0, 0))
	m := &nats.Msg{Subject: subject, Reply: reply, Data: frame}
	s.conn.writing = true // nobody takes the queue meanwhile
	s.conn.buf = make([]byte, 0, maxQueueBytes)
	steady("from NATS to the queue", func() {
		g.onMessage(m)
		s.conn.buf, s.conn.frames = s.conn.buf[:0], 0
	})
}
