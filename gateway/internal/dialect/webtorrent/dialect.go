package webtorrent

import (
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/ratelimit"
	"p2pconnector/proto"
)

// Name is the dialect's name in frames and in metrics.
const Name = "webtorrent"

// Values of Frame.N.
const (
	toClient = iota // a text for a client
	toHome          // a text of a client for the home of a swarm
)

// scrapeIntervals is how many intervals of announces clients should let pass between two
// scrapes, as with the server of bittorrent-tracker.
const scrapeIntervals = 5

// Config says how swarms are served. Every field is required.
type Config struct {
	Own      proto.GatewayID
	Interval time.Duration // between two announces of a client
	MaxPeers int           // members of a swarm
	// MaxMembers bounds the members of all swarms whose home is here, MaxSwarms the swarms of
	// one connection.
	MaxMembers, MaxSwarms int
	Rate                  int // announces and scrapes a second of one connection; -1: no limit
	// Gateways returns the gateways among which the homes of swarms are chosen. It returns a
	// new slice.
	Gateways func() []proto.GatewayID
	// Alive reports whether the clients of a gateway may still be there.
	Alive func(proto.GatewayID) bool
	// Relay sends a frame in the name of a peer, which need not be of this gateway, or in
	// nobody's. It must not block. A frame that does not arrive is lost.
	Relay func(from, to proto.PeerID, frame []byte)
	Clock *clock.AtomicInstant // the present moment
	Count func(Event)          // must not block
}

// Event is what a Config counts.
type Event string

// The events that are counted.
const (
	Announced Event = "announced" // an announce was carried out
	Offered   Event = "offered"   // an offer went to a member
	Answered  Event = "answered"  // an answer went to a member
	NoPeer    Event = "no_peer"   // nobody has the peer id that an answer names
	Scraped   Event = "scraped"   // a scrape was answered
	Refused   Event = "refused"   // a message was malformed, or above a limit
	Moved     Event = "moved"     // a member was registered with a new home of its swarm
	Unreached Event = "unreached" // a message did not reach the home of its swarm
)

// Events lists the events that are counted.
func Events() []Event {
	return []Event{Announced, Offered, Answered, NoPeer, Scraped, Refused, Moved, Unreached}
}

// Dialect serves the clients of a gateway, and the swarms whose home it is. It implements
// dialect.Dialect. Safe for concurrent use.
type Dialect struct {
	cfg      Config
	requests ratelimit.Limit // of one connection
	homes    homes
	swarms   *swarms

	unregistered atomic.Bool // a member is not registered with the home of its swarm
	view         []proto.GatewayID

	mu      sync.Mutex
	clients map[*client]struct{} // that are in a swarm
}

// New returns a Dialect.
func New(cfg Config) *Dialect {
	d := &Dialect{cfg: cfg, swarms: newSwarms(cfg.MaxPeers, cfg.MaxMembers), clients: make(map[*client]struct{})}
	d.homes.own, d.homes.ask = cfg.Own, cfg.Gateways
	// A client that connects anew announces for all its swarms at once.
	d.requests = ratelimit.Limit{PerSecond: cfg.Rate, Burst: max(2*cfg.MaxSwarms, cfg.Rate)}
	return d
}

// Swarms returns the number of swarms whose home is here, and of their members.
func (d *Dialect) Swarms() (swarms, members int) { return d.swarms.len() }

// Name implements dialect.Dialect.
func (d *Dialect) Name() string { return Name }

// Accepts implements dialect.Dialect. Clients cut a slash off the end of the address.
func (d *Dialect) Accepts(path string) bool { return path == "/announce" }

// ServeHTTP implements dialect.Dialect.
func (d *Dialect) ServeHTTP(w http.ResponseWriter, r *http.Request, _ bool) bool {
	if !d.Accepts(r.URL.Path) {
		return false
	}
	w.Header().Set("Upgrade", "websocket")
	http.Error(w, "This tracker speaks WebSocket only.", http.StatusUpgradeRequired)
	return true
}

// Token implements dialect.Dialect: access tokens ride in access_token.
func (d *Dialect) Token(*http.Request) string { return "" }

// Refusal implements dialect.Dialect. A client that is closed returns after 10 s or more.
func (d *Dialect) Refusal(why dialect.Reason, message string) []byte {
	if why == dialect.NotNow {
		return nil
	}
	return failureText(announce, message, nil)
}

// NewTranslator implements dialect.Dialect.
func (d *Dialect) NewTranslator(_ *http.Request, _ string, port dialect.Port) dialect.Translator {
	return &client{d: d, port: port, peer: port.Peer(), swarms: make(map[id]*membership)}
}

// Serve handles a frame for the peer id that Service returns. It returns false when the frame
// is not for the tracker of this gateway. It does not block.
func (d *Dialect) Serve(to proto.PeerID, frame []byte) bool {
	f, ok := dialect.Parse(frame)
	if !ok || string(f.Name) != Name || to != Service(d.cfg.Own) {
		return false
	}
	if f.N != toHome {
		return true // a reply of ours came back: its client has left
	}
	from := proto.PeerID(f.From)
	if m, why := parse(f.Text, true); why == "" {
		if reply := d.carryOut(from, &m); reply != nil {
			x := dialect.Frame{Name: []byte(Name), From: []byte(Service(d.cfg.Own)), N: toClient, Text: reply}
			d.cfg.Relay("", from, x.Append(make([]byte, 0, len(reply)+128)))
		}
	}
	return true
}

// carryOut carries out a message for swarms whose home is here, and returns what its sender
// gets; nil for nothing.
func (d *Dialect) carryOut(from proto.PeerID, m *message) (reply []byte) {
	if m.kind == scrape {
		d.cfg.Count(Scraped)
		return filesText(m.hashes, d.swarms.scrape(m.hashes), scrapeIntervals*int(d.cfg.Interval.Seconds()))
	}
	x, receivers, why := d.swarms.announce(from, m, d.cfg.Clock.Load())
	if why != "" {
		d.cfg.Count(Refused)
		return failureText(announce, why, &m.hash)
	}
	if m.kind == answer {
		d.passAnswer(from, m)
		return nil
	}
	d.cfg.Count(Announced)
	for i, to := range receivers {
		d.cfg.Count(Offered)
		d.send(from, to, offerText(&m.offers[i], m.peer, m.hash))
	}
	switch m.event {
	case gone:
		return nil
	case again:
		return replyText(x, soon(), m.hash)
	}
	return replyText(x, int(d.cfg.Interval.Seconds()), m.hash)
}

func (d *Dialect) passAnswer(from proto.PeerID, m *message) {
	to := d.swarms.named(m.hash, m.to, from)
	if len(to) == 0 {
		d.cfg.Count(NoPeer)
		return
	}
	d.cfg.Count(Answered)
	text := answerText(m)
	for _, p := range to {
		d.send(from, p, text)
	}
}

// send sends a client a text in the name of another.
func (d *Dialect) send(from, to proto.PeerID, text []byte) {
	f := dialect.Frame{Name: []byte(Name), From: []byte(from), N: toClient, Text: text}
	d.cfg.Relay(from, to, f.Append(make([]byte, 0, len(text)+128)))
}

// soon returns the seconds after which a client is to announce again, because its last
// announce met only some members. Many clients may get it at the same time.
func soon() int { return 5 + rand.IntN(20) }

// Appeared makes the next message take notice of a gateway that has just appeared.
func (d *Dialect) Appeared() { d.homes.forget() }

// movesPerTick bounds the members that one Tick registers with the new homes of their swarms.
const movesPerTick = 1000

// Tick registers members with the new homes of their swarms, and removes those that have left.
// It is called once a second, by one goroutine at a time.
func (d *Dialect) Tick() {
	now := d.cfg.Clock.Load()
	view := d.homes.now(now)
	changed := !slices.Equal(view, d.view)
	d.view = view
	d.swarms.sweep(now, d.cfg.Alive)
	if !d.unregistered.Swap(false) && !changed {
		return
	}
	d.mu.Lock()
	clients := slices.Collect(maps.Keys(d.clients))
	d.mu.Unlock()
	left := movesPerTick
	for _, c := range clients {
		if left -= c.move(view, left); left <= 0 {
			d.unregistered.Store(true)
			return
		}
	}
}
