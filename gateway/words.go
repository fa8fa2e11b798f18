package gateway

import (
	"sync"

	"p2pconnector/proto"
)

// maxWords bounds what is remembered of them; the oldest give way.
const maxWords = 1 << 13

// words are what this gateway has said lately about relays that did not arrive.
// Nobody answers them: they are said again when they may have been lost with this
// gateway's connection to NATS, or with that of the gateway they were for. To hear
// them twice does no harm. Safe for concurrent use.
type words struct {
	mu   sync.Mutex
	said []word // a ring when it is full
	next int    // where the next one goes then
}

type word struct {
	to      proto.GatewayID
	subject string
	data    []byte
	at      int64 // coarse, Unix nanoseconds
}

func (w *words) note(x word) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.said) < maxWords {
		w.said = append(w.said, x)
		return
	}
	w.said[w.next] = x
	w.next = (w.next + 1) % maxWords
}

// since returns those said to a gateway, or to anybody when to is "", since a time,
// oldest first.
func (w *words) since(at int64, to proto.GatewayID) (all []word) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.said {
		if x := w.said[(w.next+i)%len(w.said)]; x.at >= at && (to == "" || x.to == to) {
			all = append(all, x)
		}
	}
	return all
}

func (w *words) len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.said)
}

// say tells a gateway what became of its relays.
func (g *Gateway) say(to proto.GatewayID, subject string, data []byte) error {
	g.words.note(word{to, subject, data, g.coarse.Load()})
	return g.nc.Publish(subject, data)
}

// repeat says again what may have been lost since a time, to one gateway or to all.
func (g *Gateway) repeat(since int64, to proto.GatewayID) {
	for _, x := range g.words.since(since, to) {
		if err := g.nc.Publish(x.subject, x.data); err != nil {
			return // the connection has broken again, and all is said once more when it is back
		}
		g.stats.repeated.Add(1)
	}
}
