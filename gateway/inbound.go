package gateway

import (
	"runtime/debug"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/proto"
)

// hopHeader marks a frame that a former holder of the session passed on, and holds
// the reply subject that it came with there.
const hopHeader = "P2p-Hop"

// origin returns the reply subject that a frame had when it left its sender's
// gateway, and whether a former holder passed it on.
func origin(m *nats.Msg) (lost string, hop bool) {
	if m.Header != nil {
		if lost = m.Header.Get(hopHeader); lost != "" {
			return lost, true
		}
	}
	return m.Reply, false
}

// inboxMessages bounds what has come from NATS and is not handled yet. When it is
// full, nats.go drops what comes; the links notice, and the senders are told.
const inboxMessages = 1 << 14

// listenTo has what comes on subject handled. All subscriptions feed one queue,
// since two would lose the order of what one sender says on two subjects.
func (g *Gateway) listenTo(subject string) (*nats.Subscription, error) {
	return g.nc.ChanSubscribe(subject, g.inbox)
}

// perTurn is how many messages are handled before something is written.
const perTurn = 256

// maxWrites is how many connections are written before what has come is handled,
// whether it is all that one read brought or not.
const maxWrites = 32

// inboxFilled says that all which one read from NATS has brought is in the inbox.
func (g *Gateway) inboxFilled() {
	if len(g.inbox) > 0 {
		select {
		case g.turn <- struct{}{}:
		default:
		}
	}
}

// readInbox handles what comes from NATS until done is closed, and writes what
// that leads to: handing a single frame to another goroutine would cost more than
// the system call. What came in one piece is handled in one piece, so that it
// leaves in few.
func (g *Gateway) readInbox(done <-chan struct{}) {
	p := takePen()
	defer p.give()
	for {
		each := g.inbox
		if g.dialer.dialled() {
			each = nil // g.turn says when
		}
		select {
		case m := <-each:
			g.writers.enter()
			g.guardMessage(m)
			g.turns(p)
		case <-g.turn:
			g.writers.enter()
			g.turns(p)
		case <-done:
			return
		}
	}
}

// turns handles messages and writes, until nothing is left to write. What comes
// meanwhile is gathered for those that stand in line.
func (g *Gateway) turns(p *pen) {
	g.handleSome()
	for written := 1; ; written++ {
		c := g.writers.next()
		if c == nil {
			g.inboxFilled() // the next turn begins with what is left
			return
		}
		c.writeOnce(p)
		select {
		case <-g.turn:
			g.handleSome()
		default:
			if written%maxWrites == 0 { // there may be no end to the line
				g.handleSome()
			}
		}
	}
}

func (g *Gateway) handleSome() {
	for range perTurn {
		select {
		case m := <-g.inbox:
			g.guardMessage(m)
		default:
			return
		}
	}
}

// guardMessage handles m, and survives a fault of ours: what a client sent to
// another gateway must not end this one.
func (g *Gateway) guardMessage(m *nats.Msg) {
	g.handledAt.Store(g.coarse.Load())
	defer func() {
		if p := recover(); p != nil {
			g.stats.panics.Add(1)
			g.log.Error("panic while handling a message", "subject", m.Subject, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	g.onMessage(m)
}

// onMessage handles what comes below p2p.gw.<own>, and on the subjects of peers
// that have moved here. It runs on one goroutine, so it only queues; order within
// one publisher is kept.
func (g *Gateway) onMessage(m *nats.Msg) {
	in, ok := proto.ParseInbound(m.Subject)
	if !ok {
		g.stats.badSubjects.Add(1)
		return
	}
	switch in.Kind {
	case proto.KindPeer:
		if g.sawRelay(&in, m) {
			g.peerFrame(proto.PeerID(in.First), m)
		}
	case proto.KindRoom:
		if g.sawRelay(&in, m) {
			g.roomFrame(&in, m)
		}
	case proto.KindState:
		g.stateChanged(in.First, m.Data)
	case proto.KindReply:
		g.requests.answered(in.First, m)
	case proto.KindLost:
		g.relayLost(in.First, m)
	case proto.KindLink:
		g.linkCounted(proto.GatewayID(in.First), m)
	case proto.KindGap:
		g.relaysMissed(proto.GatewayID(in.First), m)
	case proto.KindSession:
		g.sessionMessage(proto.PeerID(in.First), m)
	}
}

// sawRelay notes the newest relay of each gateway, for a handover, and those
// that are missing on its link. It refuses one that comes too late, and is false then.
func (g *Gateway) sawRelay(in *proto.Inbound, m *nats.Msg) bool {
	lost, hop := origin(m)
	r, ok := proto.ParseLost(lost)
	if ok && !hop { // what a former holder passed on was counted there
		inTime := in.Gateway != g.id || g.arrived(r.Gateway, r.Link) // the link is to the gateway in the subject
		g.handled(r)
		if !inTime {
			g.refuseLate(lost)
			return false
		}
	}
	if (r.Era > 0 || g.eras.n.Load() > 0) && g.overtaken(r.Era, m.Data) {
		g.refuseLate(lost)
		return false
	}
	return true
}

// refuseLate refuses a relay, since its sender's later ones may be there already.
func (g *Gateway) refuseLate(lost string) {
	g.stats.late.Add(1)
	g.sayLost(lost, proto.Lost{Code: proto.NotDelivered})
}

// handled notes a relay as the newest of its gateway.
func (g *Gateway) handled(r proto.Relay) {
	g.seenMu.Lock()
	defer g.seenMu.Unlock()
	if n, ok := g.seen[r.Gateway]; ok {
		g.seen[r.Gateway] = max(n, r.Seq)
	} else if len(g.seen) < maxGateways {
		g.seen[proto.GatewayID([]byte(r.Gateway))] = r.Seq
	}
}

// maxGateways bounds the tables that have a row for each gateway.
const maxGateways = 4096

// peerFrame hands a finished frame to a peer, or says why not.
func (g *Gateway) peerFrame(id proto.PeerID, m *nats.Msg) {
	lost, hop := origin(m)
	v := gone
	s := g.sessions.get(id)
	if s != nil {
		v = s.deliverFrom(m.Data, lost, hop)
	}
	g.stats.relayed(v)
	if m.Header != nil && v <= pressed {
		g.stats.tookNATS(m.Header)
	}
	switch v {
	case pressed:
		s.writeNow()
	case full:
		g.sayLost(lost, proto.Lost{Code: proto.NotDelivered})
	case gone:
		g.sayLost(lost, proto.Lost{Code: proto.NotFound})
	case elsewhere:
		if !hop {
			g.passOn(s, lost, m.Data)
		}
	}
}

// passOn forwards a frame that came for a session after it was handed over: the
// new holder may not have been subscribed yet when it was sent. It tells
// duplicates by their reply subject.
func (g *Gateway) passOn(s *session, lost string, frame []byte) {
	s.mu.Lock()
	to, since := s.movedTo, s.since
	s.mu.Unlock()
	switch {
	case g.coarse.Load()-since.UnixNano() < int64(lateTime):
		g.hop(sentTo{to: s.id, gw: to, hop: lost}, frame)
	case !g.leases.fresh(to, time.Now()):
		g.sayLost(lost, proto.Lost{Code: proto.NotDelivered})
	}
}

// hop passes a frame on to s.gw, which holds the peer s.to now. One with a sender
// is this gateway's own.
func (g *Gateway) hop(s sentTo, frame []byte) {
	if s.hop == "" {
		s.hop = g.out.number()
	}
	if err := g.out.publish(s, frame); err != nil {
		g.hopLost(s, frame)
	}
}

// hopLost says that a frame which was passed on did not arrive that way. It may
// have arrived directly, so it is not sent again.
func (g *Gateway) hopLost(s sentTo, frame []byte) {
	var missed []proto.PeerID
	if s.room != "" {
		missed = []proto.PeerID{s.to}
	}
	if s.from != "" {
		g.notify(s, frame, proto.NotDelivered, missed)
	} else {
		g.sayLost(s.hop, proto.Lost{Code: proto.NotDelivered, Peers: missed})
	}
}

// undelivered tells the sender of a relay that it may be lost. What was for a sender
// is sent once more.
func (g *Gateway) undelivered(s sentTo, frame []byte) {
	switch {
	case s.hop != "":
		g.hopLost(s, frame)
	case s.from != "":
		g.notify(s, frame, proto.NotDelivered, nil)
	case !s.again && frame != nil: // it told a peer of another loss
		s.again = true
		g.tellPeer(s, frame)
	}
}

// roomFrame hands a finished frame to the members of a room that are here.
func (g *Gateway) roomFrame(in *proto.Inbound, m *nats.Msg) {
	r := g.rooms.byToken(in.First)
	if r == nil {
		return // its last member here has left meanwhile
	}
	r.receive(roomMessage{from: proto.PeerID(in.Second), view: in.View, frame: m.Data, lost: m.Reply})
	if m.Header != nil {
		g.stats.tookNATS(m.Header)
	}
}

// sayLost answers a relay that did not reach its connection.
func (g *Gateway) sayLost(reply string, l proto.Lost) {
	if reply == "" {
		return
	}
	r, _ := proto.ParseLost(reply) // without a gateway it is for a back end
	if g.say(r.Gateway, reply, marshal(l)) != nil {
		g.stats.lostUntold.Add(1)
	}
}
