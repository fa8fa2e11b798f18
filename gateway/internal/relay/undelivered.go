package relay

import (
	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/frames"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/session"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// undelivered makes the error frame for the sender of a relayed frame. A client of a
// dialect gets the frame itself back.
func (l *Links) undelivered(f *link.Frame, code proto.ErrorCode, missed []proto.PeerID) []byte {
	if back := comesBack(f, code); back != nil {
		return back
	}
	var e *proto.Error
	switch {
	case f.Room != "":
		e = frames.RoomNotReached(f.Room)
		e.Code = code
	case code == proto.NotFound:
		e = proto.PeerNotFound(string(f.To))
	case code == proto.Unauthorised:
		e = frames.NotAccepted(f.To)
	default:
		e = frames.NotDelivered(f.To)
	}
	d := proto.ErrorData{Room: string(f.Room), Clients: missed}
	if f.Room == "" {
		d.To, d.Clients = string(f.To), nil
	}
	return l.cfg.Frames.About(f.Data, e, d, f.ID)
}

// comesBack returns the frame that its sender, a client of a dialect, gets back for an
// undelivered frame; nil when the sender gets an error.
func comesBack(f *link.Frame, code proto.ErrorCode) []byte {
	if f.Room != "" {
		return nil
	}
	return dialect.Returned(f.Data, code != proto.NotFound)
}

// sendToPeer sends an error frame to a peer on any gateway. Without NATS, when the
// peer has ended, or when its queue is full, the frame is dropped and counted.
func (l *Links) sendToPeer(to proto.PeerID, frame []byte) {
	if l.cfg.Missed(to) {
		return
	}
	if s := l.sessions.Get(to); s != nil {
		switch s.Deliver(frame) {
		case session.Delivered:
			return
		case session.QueueFull, session.NotFound:
			l.cfg.Metrics.Relays.Unreported.Inc()
			return
		}
	}
	if l.send(&link.Frame{To: to, Data: frame}, nil) != "" {
		l.cfg.Metrics.Relays.Unreported.Inc()
	}
}

// answerBackEnd publishes the outcome of a back end's frame on its reply subject.
func (l *Links) answerBackEnd(reply string, data []byte) {
	if l.cfg.Bus.Publish(reply, data) != nil {
		l.cfg.Metrics.Relays.Unreported.Inc()
	}
}

// ReportUndelivered implements session.Relays: it reports frames that waited for peer, and did not
// reach it, to their senders.
func (l *Links) ReportUndelivered(peer proto.PeerID, frames [][]byte) {
	for _, f := range frames {
		l.reportFrame(f, peer)
	}
}

// reportFrame reports to the sender of a relayed frame which peers it has not reached: its
// receiver, or some members of its room; none for a room whose members are not known.
func (l *Links) reportFrame(frame []byte, missed ...proto.PeerID) {
	l.reportRefused(frame, proto.NotDelivered, missed...)
}

// reportRefused is reportFrame with another code.
func (l *Links) reportRefused(frame []byte, code proto.ErrorCode, missed ...proto.PeerID) {
	from := proto.PeerID(proto.RelaySender(frame))
	if from == "" {
		return // the server's own: it has no sender
	}
	f := link.Frame{From: from, Data: frame}
	if back := comesBack(&f, proto.NotFound); back != nil { // it was never written
		l.sendToPeer(from, back)
		return
	}
	proto.Unpack(frame, map[string]any{"room": &f.Room})
	if f.Room == "" {
		f.To = missed[0]
	}
	l.cfg.Metrics.Relays.Drops.Inc(code)
	l.sendToPeer(from, l.undelivered(&f, code, missed))
}

// ReportTaken implements session.Relays: it reports frames that came for a peer whose session this gateway did not get.
func (l *Links) ReportTaken(late []link.Frame) {
	for i := range late {
		f := &late[i]
		var peers []proto.PeerID
		if f.Room != "" {
			peers = []proto.PeerID{f.To}
		}
		switch {
		case f.Reply != "":
			l.answerBackEnd(f.Reply, frames.Marshal(bus.Outcome{Code: proto.NotDelivered, Peers: peers}))
		case f.From != "":
			l.cfg.Metrics.Relays.Drops.Inc(proto.NotDelivered)
			l.sendToPeer(f.From, l.undelivered(f, proto.NotDelivered, peers))
		}
	}
}
