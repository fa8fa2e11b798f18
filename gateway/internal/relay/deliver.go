package relay

import (
	"runtime/debug"

	"p2pconnector/gateway/internal/frames"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/room"
	"p2pconnector/gateway/internal/session"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Message handles a message about relays. The reader of the inbox calls it.
func (l *Links) Message(in *bus.Inbound, m natsbus.Message) {
	switch in.Kind {
	case bus.KindPeer, bus.KindRoom:
		x, relay := bus.ParseSent(m.Reply)
		switch {
		case relay:
			l.frame(in, &x, m)
		case in.Kind == bus.KindPeer:
			l.backEndFrame(proto.PeerID(in.First), m, false)
		default:
			l.backEndRoomFrame(in, m)
		}
	case bus.KindSent:
		if x, ok := bus.ParseSent(m.Subject); ok && m.NoResponders() {
			l.noResponders(&x)
		}
	case bus.KindAck:
		l.acked(proto.GatewayID(in.First), m.Data)
	case bus.KindLink:
		l.polled(proto.GatewayID(in.First), m.Data)
	}
}

// BackEnd relays a frame that a back end has sent to a peer on any gateway.
func (l *Links) BackEnd(to proto.PeerID, m natsbus.Message) { l.backEndFrame(to, m, true) }

// deliverRelay delivers a relay of another gateway to the peer or the members of the room
// that are here, or puts it into the reorder buffer, or returns the refusal.
func (l *Links) deliverRelay(r *receiver, h *held) bus.Refusal {
	from := proto.PeerID(h.in.Second)
	if h.in.Kind == bus.KindPeer {
		from = proto.PeerID(view(proto.RelaySender(h.msg.Data)))
	}
	l.learnSender(r, from, h.epoch)
	if !l.reorder.holds(from) {
		if refusal, known := l.handOver(from, h); known {
			return refusal
		}
	}
	if !l.reorder.add(from, *h) {
		return bus.Refusal{Code: proto.NotDelivered}
	}
	return bus.Refusal{}
}

// handOver delivers a relay to its receivers that are here, and returns those it did not
// reach. known is false, and nothing was done, when the room's state here is too old.
func (l *Links) handOver(from proto.PeerID, h *held) (x bus.Refusal, known bool) {
	if h.in.Kind == bus.KindPeer {
		return l.handToPeer(from, h)
	}
	m := room.Message{From: from, Epoch: h.epoch, View: h.in.View, Frame: h.msg.Data}
	if h.msg.Header != nil {
		m.Except = exceptOf(h.msg.Header)
	}
	x, here, known := l.rooms.Receive(h.in.First, &m)
	if here && known && h.msg.Header != nil {
		l.cfg.Metrics.Relays.TookNATS(h.msg.Header.Get(bus.SentHeader))
	}
	return x, known
}

// handToPeer is handOver for a relay to one peer. A peer that accepts frames from members of
// its rooms may be in a room with the sender by a state that is newer than this gateway's.
func (l *Links) handToPeer(from proto.PeerID, h *held) (x bus.Refusal, known bool) {
	f := link.Frame{From: from, To: proto.PeerID(h.in.First), Epoch: h.epoch, ToEpoch: h.toEpoch, Data: h.msg.Data}
	s := l.sessions.Get(f.To)
	if s == nil {
		if l.cfg.ServeDialect(f.To, f.Data) {
			return bus.Refusal{}, true
		}
		l.cfg.Metrics.Relays.NotFound.Inc()
		return bus.Refusal{Code: proto.NotFound}, true
	}
	v, move := s.Receive(&f)
	if v == session.NotAccepted && h.msg.Header != nil {
		if token, revision := sharedOf(h.msg.Header); token != "" {
			if l.rooms.Behind(token, revision) {
				return bus.Refusal{}, false
			}
			v, move = s.Receive(&f) // the room may have reached the revision after the first attempt
		}
	}
	v.Count(&l.cfg.Metrics.Relays)
	if move != nil {
		return bus.Refusal{Moved: []bus.Move{*move}}, true
	}
	if h.msg.Header != nil && v == session.Delivered {
		l.cfg.Metrics.Relays.TookNATS(h.msg.Header.Get(bus.SentHeader))
	}
	return bus.Refusal{Code: v.Code()}, true
}

// backEndFrame relays a back end's frame to a peer on any gateway. A back end that gives
// a reply subject gets a failure reported there; with confirm, delivery too.
func (l *Links) backEndFrame(to proto.PeerID, m natsbus.Message, confirm bool) {
	code := l.send(&link.Frame{To: to, Reply: m.Reply, Confirm: confirm && m.Reply != "", Data: m.Data}, nil)
	if code != "" && m.Reply != "" {
		l.answerBackEnd(m.Reply, frames.Marshal(bus.Outcome{Code: code}))
	}
}

// backEndRoomFrame delivers a back end's frame to the members of a room that are here.
func (l *Links) backEndRoomFrame(in *bus.Inbound, m natsbus.Message) {
	msg := room.Message{View: in.View, Frame: m.Data, Reply: m.Reply}
	if in.Second != bus.ServerFrom {
		msg.From = proto.PeerID(in.Second)
	}
	if x := l.rooms.ReceiveBackEnd(in.First, &msg); x.Code != "" && m.Reply != "" {
		l.answerBackEnd(m.Reply, frames.Marshal(bus.Outcome{Code: x.Code, Peers: x.Peers}))
	}
}

// SendAlone sends a dialect's frame to a peer on any gateway, for nobody of this gateway. from
// learns when it does not arrive; "" for nobody.
func (l *Links) SendAlone(from, to proto.PeerID, frame []byte) {
	x := link.Frame{From: from, To: to, Data: frame}
	if s := l.sessions.Get(to); s != nil {
		if v, ok := s.TakeDirect(&x); ok {
			v.Count(&l.cfg.Metrics.Relays)
			return
		}
	}
	if !l.cfg.Bus.Connected() || l.send(&x, nil) != "" {
		l.cfg.Metrics.Relays.Unreported.Inc()
	}
}

// Recover recovers from a panic in the handling of m, and counts and logs it. The
// handling defers it.
func (l *Links) Recover(m natsbus.Message) {
	if p := recover(); p != nil {
		l.cfg.Metrics.Faults.Panics.Inc()
		l.cfg.Logger.Error("panic while handling a message", "subject", m.Subject, "panic", p, "stack", string(debug.Stack()))
	}
}
