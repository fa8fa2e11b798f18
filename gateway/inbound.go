package gateway

import (
	"runtime/debug"

	"p2pconnector/gateway/internal/frames"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/room"
	"p2pconnector/gateway/internal/session"
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
		if g.reorder.wanted.Swap(false) {
			g.release(false)
		}
		m, ok := g.bus.Inbox.Next()
		if !ok {
			return
		}
		g.guardMessage(m)
	}
}

// guardMessage handles m and recovers from a panic: what a client sent to another
// gateway must not end this gateway.
func (g *Gateway) guardMessage(m natsbus.Message) {
	g.loops.inbox.Turn()
	defer g.recoverFrom(m)
	g.onMessage(m)
}

// recoverFrom recovers from a panic in the handling of m, and counts and logs it. The
// handling defers it.
func (g *Gateway) recoverFrom(m natsbus.Message) {
	if p := recover(); p != nil {
		g.metrics.Faults.Panics.Inc()
		g.log.Error("panic while handling a message", "subject", m.Subject, "panic", p, "stack", string(debug.Stack()))
	}
}

// onMessage handles messages below p2p.gw.<own>, and those that back ends send to peers
// without naming a gateway. It runs on one goroutine, so it only queues. It keeps the
// order of each publisher's messages.
func (g *Gateway) onMessage(m natsbus.Message) {
	in, ok := bus.ParseInbound(m.Subject)
	if !ok {
		if to, ok := bus.ParseAnyPeer(m.Subject); ok {
			g.backEndFrame(to, m, true)
			return
		}
		g.metrics.Faults.BadSubjects.Inc()
		return
	}
	switch in.Kind {
	case bus.KindPeer, bus.KindRoom:
		x, relay := bus.ParseSent(m.Reply)
		switch {
		case relay:
			g.links.frame(&in, &x, m)
		case in.Kind == bus.KindPeer:
			g.backEndFrame(proto.PeerID(in.First), m, false)
		default:
			g.backEndRoomFrame(&in, m)
		}
	case bus.KindSent:
		if m.NoResponders() {
			g.links.noResponders(&in.Sent)
		}
	case bus.KindAck:
		g.links.acked(proto.GatewayID(in.First), m.Data)
	case bus.KindLink:
		g.links.polled(proto.GatewayID(in.First), m.Data)
	case bus.KindState:
		g.stateChanged(in.First, m.Data)
	case bus.KindReply:
		g.requests.Answered(in.First, m)
	case bus.KindSession:
		g.sessions.Message(proto.PeerID(in.First), m)
	}
}

// deliverRelay delivers a relay of another gateway to the peer or the members of the room
// that are here, or puts it into the reorder buffer, or returns the refusal.
func (g *Gateway) deliverRelay(r *receiver, h *held) bus.Refusal {
	from := proto.PeerID(h.in.Second)
	if h.in.Kind == bus.KindPeer {
		from = proto.PeerID(view(proto.RelaySender(h.msg.Data)))
	}
	g.links.learnSender(r, from, h.sent.Epoch)
	if !g.reorder.holds(from) {
		if refusal, known := g.handOver(from, h); known {
			return refusal
		}
	}
	if !g.reorder.add(from, *h) {
		return bus.Refusal{Code: proto.NotDelivered}
	}
	return bus.Refusal{}
}

// handOver delivers a relay to its receivers that are here, and returns those it did not
// reach. known is false, and nothing was done, when the room's state here is too old.
func (g *Gateway) handOver(from proto.PeerID, h *held) (x bus.Refusal, known bool) {
	if h.in.Kind == bus.KindPeer {
		return g.handToPeer(from, h)
	}
	m := room.Message{From: from, Epoch: h.sent.Epoch, View: h.in.View, Frame: h.msg.Data}
	if h.msg.Header != nil {
		m.Except = exceptOf(h.msg.Header)
	}
	x, here, known := g.rooms.Receive(h.in.First, &m)
	if here && known && h.msg.Header != nil {
		g.metrics.Relays.TookNATS(h.msg.Header.Get(bus.SentHeader))
	}
	return x, known
}

// handToPeer is handOver for a relay to one peer. A peer that accepts frames from members of
// its rooms may be in a room with the sender by a state that is newer than this gateway's.
func (g *Gateway) handToPeer(from proto.PeerID, h *held) (x bus.Refusal, known bool) {
	f := link.Frame{From: from, To: proto.PeerID(h.in.First), Epoch: h.sent.Epoch, ToEpoch: h.sent.ToEpoch, Data: h.msg.Data}
	s := g.sessions.Get(f.To)
	if s == nil {
		if g.serveDialect(f.To, f.Data) {
			return bus.Refusal{}, true
		}
		g.metrics.Relays.NotFound.Inc()
		return bus.Refusal{Code: proto.NotFound}, true
	}
	v, move := s.Receive(&f)
	if v == session.NotAccepted && h.msg.Header != nil {
		if token, revision := sharedOf(h.msg.Header); token != "" {
			if g.rooms.Behind(token, revision) {
				return bus.Refusal{}, false
			}
			v, move = s.Receive(&f) // the room may have reached the revision after the first attempt
		}
	}
	v.Count(&g.metrics.Relays)
	if move != nil {
		return bus.Refusal{Moved: []bus.Move{*move}}, true
	}
	if h.msg.Header != nil && v == session.Delivered {
		g.metrics.Relays.TookNATS(h.msg.Header.Get(bus.SentHeader))
	}
	return bus.Refusal{Code: v.Code()}, true
}

// backEndFrame relays a back end's frame to a peer on any gateway. A back end that gives
// a reply subject gets a failure reported there; with confirm, delivery too.
func (g *Gateway) backEndFrame(to proto.PeerID, m natsbus.Message, confirm bool) {
	code := g.links.send(&link.Frame{To: to, Reply: m.Reply, Confirm: confirm && m.Reply != "", Data: m.Data}, nil)
	if code != "" && m.Reply != "" {
		g.answerBackEnd(m.Reply, frames.Marshal(bus.Outcome{Code: code}))
	}
}

// backEndRoomFrame delivers a back end's frame to the members of a room that are here.
func (g *Gateway) backEndRoomFrame(in *bus.Inbound, m natsbus.Message) {
	msg := room.Message{View: in.View, Frame: m.Data, Reply: m.Reply}
	if in.Second != bus.ServerFrom {
		msg.From = proto.PeerID(in.Second)
	}
	if x := g.rooms.ReceiveBackEnd(in.First, &msg); x.Code != "" && m.Reply != "" {
		g.answerBackEnd(m.Reply, frames.Marshal(bus.Outcome{Code: x.Code, Peers: x.Peers}))
	}
}
