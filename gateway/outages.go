package gateway

import (
	"slices"
	"sync"
	"time"

	"p2pconnector/proto"
)

// Bounds of what is said about peers that are held for other gateways.
const (
	maxGapTold  = 1000 // peers in one message
	maxOutages  = 4    // told side by side; the oldest give way
	outageWords = 5    // times that each is told, a second apart: others may be cut off too
)

// outages are the times in which this gateway may have missed relays to peers that
// it holds for others. Those have no link that would show which were lost, so
// the senders are told of all that may be. Safe for concurrent use.
type outages struct {
	mu  sync.Mutex
	all []outage
}

type outage struct {
	doubt
	peers []proto.PeerID
	words int // that are left
}

func (t *outages) add(o outage) {
	if len(o.peers) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, o)
	t.all = t.all[max(0, len(t.all)-maxOutages):]
}

// due returns what is to be told now.
func (t *outages) due() []outage {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := slices.Clone(t.all)
	for i := range t.all {
		t.all[i].words--
	}
	t.all = slices.DeleteFunc(t.all, func(o outage) bool { return o.words == 0 })
	return now
}

// tellOutages says to every gateway that lives which peers of others this one
// holds, and when it may have missed relays to them.
func (g *Gateway) tellOutages(now time.Time) {
	ns := now.UnixNano()
	for _, o := range g.outages.due() {
		for chunk := range slices.Chunk(o.peers, maxGapTold) {
			word := marshal(proto.Gap{
				Peers:    chunk,
				WithinMS: (ns-o.from)/int64(time.Millisecond) + 1,
				UntilMS:  (ns - o.until) / int64(time.Millisecond),
			})
			for _, to := range append(g.leases.living(g.id, now), g.id) {
				if err := g.nc.Publish(proto.GapSubject(to, g.id), word); err != nil {
					g.log.Debug("outage not told yet", "to", string(to), "err", err)
				}
			}
		}
	}
}

// sentToPeers settles the relays to peers that a gateway may have missed.
func (o *outbound) sentToPeers(peers []proto.PeerID, d doubt) (relays []sentTo, frames [][]byte) {
	names := make(map[proto.PeerID]bool, len(peers))
	for _, p := range peers {
		names[p] = true
	}
	return o.settleAll(func(s *sentTo) bool { return (s.room == "" || s.hop != "") && names[s.to] && d.holds(s.at) })
}

// sentWithin settles the relays that left within a time.
func (o *outbound) sentWithin(d doubt) (relays []sentTo, frames [][]byte) {
	return o.settleAll(func(s *sentTo) bool { return d.holds(s.at) })
}

func (d doubt) holds(at int64) bool { return d.from <= at && at <= d.until }
