package gateway

import (
	"encoding/json"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/proto"
)

// linkPatience is how long after the last relay to a gateway it is still told
// how many there were: longer than it may be cut off without being taken for gone.
const linkPatience = 30 * time.Second

// link counts the relays to one gateway. Guarded by outbound's lock.
type link struct {
	sent uint64
	last int64 // when the last one was sent: coarse, Unix nanoseconds
}

// linkLocked returns the link to gw; nil when there are too many.
func (o *outbound) linkLocked(gw proto.GatewayID) *link {
	l := o.links[gw]
	if l == nil && len(o.links) < maxGateways {
		l = new(link)
		o.links[proto.GatewayID([]byte(gw))] = l
	}
	return l
}

// countLinks tells each gateway that relays went to lately how many there were,
// on the connection that they went on, and so behind them.
func (o *outbound) countLinks(now int64, forget func(proto.GatewayID) bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for gw, l := range o.links {
		switch {
		case now-l.last < int64(linkPatience):
			// Without NATS it is said again in a second.
			_ = o.nc.Publish(proto.LinkSubject(gw, o.own), marshal(proto.Link{Sent: l.sent}))
		case forget(gw):
			delete(o.links, gw)
		}
	}
}

// arrived notes relay number n on the link from a gateway, and asks for the fate
// of those before it that did not come. It is false for one that comes after its
// successors: that gateway has connected to another NATS server meanwhile, and its
// senders were told. Only the inbox's reader calls it.
func (g *Gateway) arrived(from proto.GatewayID, n uint64) bool {
	last := g.heads[from]
	if n > last && g.askFor(from, last, n) {
		g.head(from, n)
	}
	return n > last || n == 0
}

// linkCounted handles another gateway's count of its relays to this one.
func (g *Gateway) linkCounted(from proto.GatewayID, m *nats.Msg) {
	var l proto.Link
	if json.Unmarshal(m.Data, &l) != nil {
		return
	}
	if last := g.heads[from]; l.Sent > last && g.askFor(from, last, l.Sent+1) {
		g.head(from, l.Sent)
	}
}

// askFor says to a gateway that its relays between last and next did not come;
// false when it could not be said, and is to be said with the next one.
func (g *Gateway) askFor(from proto.GatewayID, last, next uint64) bool {
	if next == last+1 {
		return true
	}
	g.stats.linkGaps.Add(1)
	from = proto.GatewayID([]byte(from)) // it is remembered, and points into a subject
	return g.say(from, proto.GapSubject(from, g.id), marshal(proto.Gap{After: last, Before: next})) == nil
}

func (g *Gateway) head(from proto.GatewayID, n uint64) {
	if _, known := g.heads[from]; known {
		g.heads[from] = n
	} else if len(g.heads) < maxGateways {
		g.heads[proto.GatewayID([]byte(from))] = n
	}
}

// relaysMissed handles what another gateway says of the relays that it has missed.
func (g *Gateway) relaysMissed(by proto.GatewayID, m *nats.Msg) {
	var gap proto.Gap
	if json.Unmarshal(m.Data, &gap) != nil {
		return
	}
	if gap.WithinMS > 0 {
		g.outageOf(by, gap)
	} else {
		g.undeliveredAll(g.out.missed(by, gap))
	}
	if m.Reply != "" {
		// Without the answer it is said once more.
		_ = m.Respond(nil)
	}
}
