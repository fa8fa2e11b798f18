package topic

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/egress"
	"p2pconnector/gateway/internal/fairqueue"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Rooms joins the rooms of topics, and sends to their members. Its methods wait for the
// room service.
type Rooms interface {
	// Turn waits for k's turn at the room service, at most for d. The caller calls done when
	// its request has been answered. ok is false when the gateway ends, too.
	Turn(k fairqueue.Key, d time.Duration) (done func(), ok bool)
	// Join makes this gateway a member, and has called Table.Joined when that took effect. Leave
	// undoes it. They are called in a turn.
	Join(id proto.RoomID) error
	Leave(id proto.RoomID) error
	// Publish sends a text to the other members; this gateway need not be one: then it takes a
	// turn of k. from pays. sent is false when they cannot be reached, or when the refusal has a
	// limit.
	Publish(id proto.RoomID, namespace string, text []byte, from *egress.Client, k fairqueue.Key) (sent bool, short egress.Refusal)
	// Shared reports whether another gateway is a member of a room that this gateway is in. It does
	// not wait.
	Shared(id proto.RoomID, with proto.GatewayID) bool
}

// Config says how topics are served. Every field is required; a limit of 0 or less is none.
type Config struct {
	Rooms          Rooms
	Topics         int // with subscribers at this gateway
	PerAddress     int // of these, that count for one address or user
	Subscribers    int // of one topic at this gateway
	PerClient      int // topics of one client
	PerSecond      int // publications of the clients here in one topic
	BytesPerSecond int // from other gateways to the subscribers of one topic here
	Clock          *clock.AtomicInstant
	Go             func(f func()) // runs f on a goroutine that the gateway joins; not at all when it is ending
	Ended          <-chan struct{}
	Logger         *slog.Logger
}

// Limit is a limit that refuses subscriptions and publications.
type Limit string

// The limits, by their settings.
const (
	None           Limit = ""
	MaxTopics      Limit = "max-topics"
	MaxPerAddress  Limit = "max-topics-per-address"
	MaxSubscribers Limit = "max-topic-subscribers"
	MaxPerClient   Limit = "max-topics-per-client"
	PerSecond      Limit = "topic-messages-per-second"
	Bytes          Limit = "bytes" // those of package egress
)

// Limits lists all limits.
func Limits() []Limit {
	return []Limit{MaxTopics, MaxPerAddress, MaxSubscribers, MaxPerClient, PerSecond, Bytes}
}

// Table holds the topics with subscribers at this gateway. Safe for concurrent use.
type Table struct {
	cfg     Config
	counts  counts
	mu      sync.Mutex
	all     map[proto.RoomID]*entry
	counted map[fairqueue.Key]int // entries, by the key that they count for
	clients atomic.Int64          // subscriptions
}

// New returns an empty Table.
func New(cfg Config) *Table {
	t := &Table{cfg: cfg, all: make(map[proto.RoomID]*entry), counted: make(map[fairqueue.Key]int)}
	t.counts.refused = make(map[Limit]*atomic.Uint64)
	for _, l := range Limits() {
		t.counts.refused[l] = new(atomic.Uint64)
	}
	return t
}

type counts struct {
	published, received, delivered, missed, failed atomic.Uint64
	refused                                        map[Limit]*atomic.Uint64
}

// Counts are the totals and the present state of a Table.
type Counts struct {
	Topics, Subscriptions          int
	Published, Received, Delivered uint64 // publications of clients here; from other gateways; to clients here
	Missed                         uint64 // publications that may not have reached a gateway with subscribers
	Failed                         uint64 // requests to join or leave a topic's room
	Refused                        map[Limit]uint64
}

// Counts returns the present values.
func (t *Table) Counts() Counts {
	c := Counts{
		Subscriptions: int(t.clients.Load()), Refused: make(map[Limit]uint64),
		Published: t.counts.published.Load(), Received: t.counts.received.Load(), Delivered: t.counts.delivered.Load(), Missed: t.counts.missed.Load(), Failed: t.counts.failed.Load(),
	}
	for l, n := range t.counts.refused {
		c.Refused[l] = n.Load()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	c.Topics = len(t.all)
	return c
}

// Missed counts a publication that may not have reached a gateway with subscribers.
func (t *Table) Missed() { t.counts.missed.Add(1) }

func (t *Table) get(id proto.RoomID) *entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all[id]
}

// Space is the namespace of a dialect.
type Space struct {
	t       *Table
	name    string
	address func(text []byte) string
}

// Space returns a namespace. address returns the id that a publication is addressed to, or
// "" when it is for all subscribers: an addressed one goes only to the subscribers that have
// published as that id; see Client.Publish.
func (t *Table) Space(name string, address func(text []byte) string) *Space {
	return &Space{t: t, name: name, address: address}
}

// ID returns the room of a topic in the namespace.
func (s *Space) ID(topic string) proto.RoomID { return bus.TopicRoom(s.name, topic) }

// Joined records that this gateway is a member of a topic's room. If no client subscribes
// any more, the gateway leaves it again. It reports whether it was no member before. It is
// called with the lock of the room held.
func (t *Table) Joined(id proto.RoomID) (fresh bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.entryLocked(id, fairqueue.Key{}) // a new one counts for the gateway itself
	e.mu.Lock()
	defer e.mu.Unlock()
	fresh = !e.joined
	if fresh {
		e.joined, e.leaving = true, false
		close(e.ready)
	}
	t.reconcileLocked(e)
	return fresh
}

// Left records that this gateway is no member of a topic's room any more. If clients still
// subscribe, the room was lost: they may have missed publications. It is called with the
// lock of the room held.
func (t *Table) Left(id proto.RoomID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.all[id]
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.joined {
		return
	}
	e.joined = false
	if !e.leaving {
		e.ready = make(chan struct{})
		t.lost(e.subscribers)
	}
	t.reconcileLocked(e)
}

// Received delivers a publication of another gateway to the subscribers here. It returns
// false when that is more than they may get. It is called with the lock of the room held.
func (t *Table) Received(id proto.RoomID, text []byte) bool {
	e := t.get(id)
	if e == nil {
		return true // the last subscriber has just left
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	to := e.receiversLocked(text)
	now, n := t.cfg.Clock.Load(), len(text)*copiesLocked(to)
	if e.arrived.Wait(now, t.cfg.BytesPerSecond, n, 0) > 0 {
		t.counts.refused[Bytes].Add(1)
		return false
	}
	e.arrived.Take(now, t.cfg.BytesPerSecond, n, time.Minute)
	t.counts.received.Add(1)
	t.deliver(id, to, text)
	return true
}

// deliver gives a publication to subscribers.
func (t *Table) deliver(id proto.RoomID, to []*subscription, text []byte) {
	for _, s := range to {
		s.client.receiver.Publication(id, text)
	}
	t.counts.delivered.Add(uint64(len(to)))
}
