package gateway

import (
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// perTurn is how many messages are handled before connections are written.
const perTurn = 256

// maxWrites is how many connections are written before waiting messages are handled,
// whether they are all that one read brought or not.
const maxWrites = 32

// readInbox handles messages from NATS until done is closed, and writes the frames
// that result: handing a single frame to another goroutine would cost more than the
// system call. Messages that arrive in one read are handled together, so that few
// writes send their frames.
func (g *Gateway) readInbox(done <-chan struct{}) {
	w := g.sockets.NewWriter()
	defer w.Release()
	for {
		g.loops.inbox.Rest()
		select {
		case <-g.bus.Inbox.Turn():
			g.loops.inbox.Work()
			w.Begin()
			g.turns(w)
		case <-done:
			return
		}
	}
}

// turns handles messages and writes, until nothing is left to write. Messages that
// arrive meanwhile add their frames to the queues that are still to be written.
func (g *Gateway) turns(w *socket.Writer) {
	g.handleSome()
	for written := 1; ; written++ {
		if !w.WriteNext() {
			g.bus.Inbox.WakeUnlessEmpty() // the next turn begins with what is left
			return
		}
		g.loops.inbox.Turn()
		select {
		case <-g.bus.Inbox.Turn():
			g.handleSome()
		default:
			if written%maxWrites == 0 { // there may always be another connection to write
				g.handleSome()
			}
		}
	}
}

func (g *Gateway) handleSome() {
	for range perTurn {
		g.links.ReleaseWanted()
		m, ok := g.bus.Inbox.Next()
		if !ok {
			return
		}
		g.handleMessage(m)
	}
}

// handleMessage handles m and recovers from a panic: what a client sent to another
// gateway must not end this gateway.
func (g *Gateway) handleMessage(m natsbus.Message) {
	g.loops.inbox.Turn()
	defer g.links.Recover(m)
	g.onMessage(m)
}

// onMessage handles messages below p2p.gw.<own>, and those that back ends send to peers
// without naming a gateway. It runs on one goroutine, so it only queues. It keeps the
// order of each publisher's messages.
func (g *Gateway) onMessage(m natsbus.Message) {
	in, ok := bus.ParseInbound(m.Subject)
	if !ok {
		if to, ok := bus.ParseAnyPeer(m.Subject); ok {
			g.links.BackEnd(to, m)
			return
		}
		g.metrics.Faults.BadSubjects.Inc()
		return
	}
	switch in.Kind {
	case bus.KindState:
		g.stateChanged(in.First, m.Data)
	case bus.KindReply:
		g.requests.Answered(in.First, m)
	case bus.KindSession:
		g.sessions.Message(proto.PeerID(in.First), m)
	default:
		g.links.Message(&in, m)
	}
}
