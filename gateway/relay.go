package gateway

import (
	"sync"

	"p2pconnector/proto"
)

// scratch holds what relaying one frame needs; pooled, so that idle connections
// hold none of it.
type scratch struct {
	frame proto.Frame
	out   []byte
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// maxScratch is the largest buffer that goes back to the pool.
const maxScratch = 64 << 10

func giveScratch(sc *scratch) {
	sc.frame.Reset()
	if cap(sc.out) <= maxScratch {
		scratches.Put(sc)
	}
}

// relay passes a signal or a message on.
func (c *conn) relay(sc *scratch) *proto.Error {
	f := &sc.frame
	if f.Event == proto.Message && f.Room != nil {
		if f.To != nil {
			return proto.Invalid("room", "Give `to` or `room`, not both.")
		}
		sc.out = f.AppendRelay(sc.out[:0], c.session.id)
		return c.messageRoom(proto.RoomID(f.Room), sc.out)
	}
	if len(f.To) == 0 {
		if f.Event == proto.Message {
			return proto.Missing("to", "`to` or `room` is missing. Give the id of a peer, or of a room that you are in.")
		}
		return proto.Missing("to", "`to` is missing. Give the id of the peer this frame is for.")
	}
	sc.out = f.AppendRelay(sc.out[:0], c.session.id)
	return c.relayPeer(f, sc.out, "")
}

// connect turns a Connect into the Offer that its target gets.
func (c *conn) connect(sc *scratch) *proto.Error {
	f := &sc.frame
	if len(f.To) == 0 {
		return proto.Missing("to", "`to` is missing. Give the id of the peer to connect to.")
	}
	var sdp, candidate []byte
	if f.Data != nil {
		proto.Members(f.Data, func(name string, value []byte) {
			switch name {
			case "sdp":
				sdp = value
			case "candidate":
				candidate = value
			}
		})
	}
	if sdp == nil || string(sdp) == "null" {
		return proto.Missing("data.sdp", "`data.sdp` is missing. Give your session description.")
	}
	if candidate == nil || string(candidate) == "null" {
		return proto.Missing("data.candidate", "`data.candidate` is missing. Give an ICE candidate.")
	}
	data := proto.ConnectData(c.session.id, sdp, candidate)
	return c.relayPeer(f, c.g.serverFrame(proto.TypeInfo, string(proto.Offer), data, nil), string(f.ID))
}

// relayPeer hands a finished frame to the peer f names. A peer of this gateway
// gets it in process; one that has moved here gets it over NATS like what others
// send it, so that one pair of peers has one path at a time.
func (c *conn) relayPeer(f *proto.Frame, frame []byte, connectID string) *proto.Error {
	g := c.g
	if s := g.sessions.get(proto.PeerID(view(f.To))); s != nil && !s.bus {
		if g.eras.overtaken(c.session.id, c.era, g.coarse.Load()) {
			g.stats.late.Add(1)
			return notDelivered(s.id)
		}
		switch v := s.deliver(frame); v {
		case elsewhere:
		case gone:
			g.stats.relayed(v)
			return proto.PeerNotFound(string(f.To))
		case full:
			g.stats.relayed(v)
			return notDelivered(s.id)
		default:
			g.stats.relayed(v)
			g.stats.tookHere(c.began)
			if v == pressed {
				s.writeNow()
			}
			return nil
		}
	}
	if !proto.PeerID(view(f.To)).Valid() {
		return proto.PeerNotFound(string(f.To))
	}
	if string(f.To) != string(c.lastTo) { // most speak with one peer for long, whose id is remembered
		c.lastTo = proto.PeerID(f.To)
	}
	to := c.lastTo
	if to.Home() == g.id && g.sessions.get(to) == nil {
		g.stats.relayed(gone)
		return proto.PeerNotFound(string(to))
	}
	sent := toPeer(c.session.id, to)
	sent.id, sent.began, sent.era = connectID, c.began, c.era
	return g.relayTo(sent, frame)
}

// relayTo publishes a relay, behind those that wait for the same receiver.
func (g *Gateway) relayTo(sent sentTo, frame []byte) *proto.Error {
	if held, ok := g.stalls.queue(sent, frame); held {
		if !ok {
			return notDelivered(sent.to)
		}
		return nil
	}
	if err := g.out.publish(sent, frame); err != nil {
		return unavailable()
	}
	g.stats.published.Add(1)
	return nil
}

func unavailable() *proto.Error {
	return proto.Errorf(proto.Unavailable, "The server cannot reach its bus now. Nothing was sent: send it again in a moment.")
}
