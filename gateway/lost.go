package gateway

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/proto"
)

// relayLost handles what comes on the reply subject of a relay: the word of the
// gateway that could not deliver it, or the server's that nobody was there.
func (g *Gateway) relayLost(number string, m *nats.Msg) {
	seq, err := strconv.ParseUint(number, 36, 64)
	if err != nil {
		return
	}
	if g.stalls.fence(seq) {
		return
	}
	if d, ok := g.pulse.returned(seq, time.Now().UnixNano()); ok {
		if d.until != 0 {
			g.background(func() { g.doubted(d) }, func() {})
		}
		return
	}
	sent, frame, ok := g.out.settle(seq)
	if ok && sent.hop != "" {
		g.hopLost(sent, frame)
		return
	}
	if !ok || sent.from == "" {
		g.stats.lostUntold.Add(1)
		return
	}
	if noResponders(m) {
		g.nobodyThere(sent, frame)
		return
	}
	var l proto.Lost
	if json.Unmarshal(m.Data, &l) != nil {
		return
	}
	g.notify(sent, frame, l.Code, l.Peers)
}

// nobodyThere decides what a 503 means: that the receiver is gone, or that its
// gateway is reconnecting.
func (g *Gateway) nobodyThere(sent sentTo, frame []byte) {
	reconnecting := g.leases.fresh(sent.gw, time.Now()) || g.reconnected(2*time.Second)
	switch {
	case reconnecting && frame != nil && g.stalls.hold(sent, frame):
	case reconnecting || sent.room != "":
		g.notify(sent, frame, proto.NotDelivered, nil)
	default:
		g.notify(sent, frame, proto.NotFound, nil)
	}
}

// notify tells the sender of a relay what became of it.
func (g *Gateway) notify(sent sentTo, frame []byte, code proto.ErrorCode, missed []proto.PeerID) {
	g.stats.dropped(code)
	var e *proto.Error
	switch {
	case sent.room != "":
		e = roomNotReached(sent.room)
		e.Code = code
	case code == proto.NotFound:
		e = proto.PeerNotFound(string(sent.to))
	default:
		e = notDelivered(sent.to)
	}
	d := proto.ErrorData{To: string(sent.to), Room: string(sent.room), Clients: missed}
	g.tellSender(sent.from, g.errorAbout(frame, e, d, sent.id))
}

// tellSender hands an error frame to a peer wherever it is now.
func (g *Gateway) tellSender(peer proto.PeerID, frame []byte) { g.tellPeer(toPeer("", peer), frame) }

func (g *Gateway) tellPeer(to sentTo, frame []byte) {
	s := g.sessions.get(to.to)
	if s == nil && to.to.Home() == g.id {
		return // it has ended
	}
	if s == nil || s.deliver(frame) == elsewhere {
		// Without NATS, or without the peer, there is nobody left to tell.
		_ = g.out.publish(to, frame)
	}
}

func notDelivered(to proto.PeerID) *proto.Error {
	return proto.Errorf(proto.NotDelivered, "The frame may not have reached client %s: it is reconnecting, reads too slowly, or a server has failed. Send it again in a moment.", to)
}

func roomNotReached(room proto.RoomID) *proto.Error {
	return proto.Errorf(proto.NotDelivered, "The message may not have reached every member of room %s. Send it again to those in `clients`, or to all.", proto.Quote(string(room)))
}

// errorAbout makes the error frame for a relayed frame, whose event and
// correlation id it echoes.
func (g *Gateway) errorAbout(frame []byte, e *proto.Error, d proto.ErrorData, connectID string) []byte {
	var about struct {
		Event string          `json:"event"`
		Type  string          `json:"type"`
		ID    json.RawMessage `json:"id"`
	}
	json.Unmarshal(frame, &about)
	d.Event = about.Event
	if about.Type != "" { // a Connect, which travels as the server's frame
		d.Event, about.ID = string(proto.Connect), json.RawMessage(connectID)
	}
	return g.errorFrame(e, d, about.ID)
}

// bounce tells the sender of a relayed frame that it waited for peer in vain.
func (g *Gateway) bounce(peer proto.PeerID, frame []byte) {
	var about struct {
		From proto.PeerID `json:"from"`
		Room string       `json:"room"`
		Data struct {
			From proto.PeerID `json:"from"`
		} `json:"data"`
		Type string `json:"type"`
	}
	json.Unmarshal(frame, &about)
	from := about.From
	if about.Type != "" {
		from = about.Data.From
	}
	if !from.Valid() {
		return // the server's own: nobody waits to hear of it
	}
	g.stats.dropped(proto.NotDelivered)
	g.tellSender(from, g.errorAbout(frame, notDelivered(peer), proto.ErrorData{To: string(peer), Room: about.Room}, ""))
}
