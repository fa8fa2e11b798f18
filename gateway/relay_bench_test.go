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
