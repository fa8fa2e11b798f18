package egress

import (
	"net/netip"
	"sync"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/ratelimit"
	"p2pconnector/proto"
)

// LimitName is the setting of a budget.
type LimitName string

// The budgets.
const (
	Received LimitName = "bytes-per-second"
	Caused   LimitName = "egress-bytes-per-second"
	Room     LimitName = "room-egress-bytes-per-second"
	Total    LimitName = "total-egress-bytes-per-second"
)

// Names returns the names of all budgets.
func Names() []LimitName { return []LimitName{Received, Caused, Room, Total} }

// maxRefusals is how often a client may be refused, for its own budgets, without a pause of
// ratelimit.Forgiven. A client beyond that ignores refusals.
const maxRefusals = 500

// reserve is the part of the total's burst that only frames to one peer may use.
const reserve = ratelimit.ByteBurst / 4

// maxDebt bounds the time until the budgets of a client that has caused much at once are full
// again. The creator of a room of 10,000 must be able to change its settings more often than
// the bytes of that would allow.
const maxDebt = time.Minute

// Config holds the rates, in bytes a second; 0 or less is no limit.
type Config struct {
	Received, Caused, Room, Total int

	Clock   *clock.AtomicInstant // the present moment, a little old; the owner keeps it fresh; nil stands still, for tests
	Refused func(LimitName)      // counts a refused frame; may be nil
}

// Budgets holds what the clients of a gateway share. Its methods may be called concurrently.
type Budgets struct {
	cfg   Config
	total ratelimit.ByteBucket
	owed  *ratelimit.Addresses // what connections that have ended leave to the next ones of their address
}

// New returns full budgets.
func New(cfg Config) *Budgets {
	if cfg.Clock == nil {
		cfg.Clock = new(clock.AtomicInstant)
		cfg.Clock.Store(clock.Now())
	}
	if cfg.Refused == nil {
		cfg.Refused = func(LimitName) {}
	}
	b := &Budgets{cfg: cfg}
	if cfg.Caused > 0 {
		b.owed = ratelimit.NewAddresses(ratelimit.Limit{PerSecond: 1, Burst: 1}) // only Owe and Owed: no tokens
	}
	return b
}

// RoomBudget is the budget of one room. The zero RoomBudget is full.
type RoomBudget struct{ bucket ratelimit.ByteBucket }

// Client is the budget of one session. Its methods may be called concurrently. A nil
// *Client has no limit.
type Client struct {
	shared           *Budgets
	received, caused ratelimit.ByteBucket
	fanout           ratelimit.ByteBucket // of Fanout alone, and in its debt Query waits; begins with what the address owes

	mu        sync.Mutex
	refusals  int           // without a pause between
	refusedAt clock.Instant // the last of them
}

// Client returns the budget of a new session of a client at addr. It is full, but for what
// earlier connections of that address have used. If they left a debt, the client may join
// rooms at once all the same, and gets their members so. The debt holds back everything else
// that it would make the gateway send.
func (b *Budgets) Client(addr netip.Addr) *Client {
	c := &Client{shared: b}
	if full := b.owed.Owed(addr); full != 0 {
		c.fanout.Owe(full)
		c.caused.Owe(min(full, clock.Now().Add(ratelimit.ByteBurst)))
	}
	return c
}

// Ended records that a connection of c from addr ends: what c has used counts for the next
// session of that address. A client that connects again and again so gets the rate of one
// client. It must be called before the client can know that its connection ends, and again
// when no request of the connection is left. The zero addr is unknown, and owes nothing.
func (b *Budgets) Ended(addr netip.Addr, c *Client) {
	if c != nil && addr.IsValid() {
		b.owed.Owe(addr, max(c.fanout.Full(), c.caused.Full()))
	}
}

// Counts returns the number of addresses, of ratelimit.MaxAddresses, whose use is remembered,
// and the number that were forgotten too early so far.
func (b *Budgets) Counts() (addresses int, evicted uint64) { return b.owed.Counts() }

// Refusal says that a budget is short. The zero Refusal is none.
type Refusal struct {
	Limit LimitName
	Rate  int           // of the budget, in bytes a second
	Wait  time.Duration // until the same frame passes
}

// Err returns the error that the client gets, or nil when r is no refusal.
func (r Refusal) Err() *proto.Error {
	var e *proto.Error
	switch r.Limit {
	case "":
		return nil
	case Received:
		e = proto.Errorf(proto.RateLimited, "Too many bytes: this server takes %d a second from a client. Wait retry_after_ms before the next frame.", r.Rate)
	case Caused:
		e = proto.Errorf(proto.RateLimited, "Too many bytes sent because of you: this server sends %d a second for a client, to all receivers together, with the lists of members that it gets. Wait retry_after_ms, then send this again.", r.Rate)
	case Room:
		e = proto.Errorf(proto.RateLimited, "Too many bytes for this room: this server sends its members %d a second, together. Wait retry_after_ms, or send smaller frames.", r.Rate)
	default:
		e = proto.Errorf(proto.RateLimited, "This server sends as much as it may for its clients. Wait retry_after_ms, then send this again.")
	}
	e.RetryAfterMS = max(1, int64((r.Wait+time.Millisecond-1)/time.Millisecond))
	return e
}

// charge is what one frame pays from one budget.
type charge struct {
	limit   LimitName
	bucket  *ratelimit.ByteBucket
	rate    int
	bytes   int
	reserve time.Duration // of the burst, not for this frame
	debt    time.Duration // that the frame may leave in the budget; 0 in a budget that others share
}

// Receive pays for a frame of n bytes from the client.
func (c *Client) Receive(n int) Refusal {
	if c == nil {
		return Refusal{}
	}
	return c.payOne(Received, &c.received, c.shared.cfg.Received, n, maxDebt)
}

// Relay pays for a frame of n bytes to one peer.
func (c *Client) Relay(n int) Refusal {
	if c == nil {
		return Refusal{}
	}
	return c.payOne(Total, &c.shared.total, c.shared.cfg.Total, n, 0)
}

// Fanout pays for n bytes to each of the receivers in a room, those at other gateways
// included: no other gateway charges anybody for what it sends them.
func (c *Client) Fanout(room *RoomBudget, n, receivers int) Refusal {
	if c == nil || receivers <= 0 {
		return Refusal{}
	}
	all := c.fanoutCharges(room, n, receivers)
	return c.pay(all[:]...)
}

// CanFanout is Fanout without paying: when nothing may be sent after all, nothing is owed.
func (c *Client) CanFanout(room *RoomBudget, n, receivers int) Refusal {
	if c == nil || receivers <= 0 {
		return Refusal{}
	}
	all := c.fanoutCharges(room, n, receivers)
	return c.check(all[:]...)
}

// SpendFanout pays for a frame that CanFanout has allowed and that was sent.
func (c *Client) SpendFanout(room *RoomBudget, n, receivers int) {
	if c == nil || receivers <= 0 {
		return
	}
	all := c.fanoutCharges(room, n, receivers)
	take(c.shared.cfg.Clock.Load(), all[:])
}

func (c *Client) fanoutCharges(room *RoomBudget, n, receivers int) [4]charge {
	cfg, bytes := &c.shared.cfg, n*receivers
	return [...]charge{
		{limit: Caused, bucket: &c.caused, rate: cfg.Caused, bytes: bytes, debt: maxDebt},
		{limit: Caused, bucket: &c.fanout, rate: cfg.Caused, bytes: bytes, debt: maxDebt},
		{limit: Room, bucket: &room.bucket, rate: cfg.Room, bytes: bytes},
		{limit: Total, bucket: &c.shared.total, rate: cfg.Total, bytes: bytes, reserve: reserve},
	}
}

// Answer reports whether an answer of n bytes to the client is affordable now. It pays
// nothing. n may be an estimate; 0 asks whether the client is in debt.
func (c *Client) Answer(n int) Refusal {
	if c == nil {
		return Refusal{}
	}
	return c.check(c.answer(n)...)
}

// Query is Answer for a client that asks for what it has been sent before. A debt of its
// address holds it back too.
func (c *Client) Query() Refusal {
	if c == nil {
		return Refusal{}
	}
	return c.check(append(c.answer(0), charge{limit: Caused, bucket: &c.fanout, rate: c.shared.cfg.Caused})...)
}

// Spend pays for an answer of n bytes that was sent, if need be with a debt of the client.
func (c *Client) Spend(n int) {
	if c == nil {
		return
	}
	take(c.shared.cfg.Clock.Load(), c.answer(n))
}

func (c *Client) answer(n int) []charge {
	return []charge{
		{limit: Caused, bucket: &c.caused, rate: c.shared.cfg.Caused, bytes: n, debt: maxDebt},
		{limit: Total, bucket: &c.shared.total, rate: c.shared.cfg.Total, bytes: n, reserve: reserve},
	}
}

// Persistent reports whether the client ignores refusals: it has been refused too often, for
// budgets that it shares with nobody, without a pause.
func (c *Client) Persistent() bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refusals > maxRefusals
}

// pay takes all charges, or none when check refuses them.
func (c *Client) pay(all ...charge) Refusal {
	if r := c.check(all...); r.Limit != "" {
		return r
	}
	take(c.shared.cfg.Clock.Load(), all)
	return Refusal{}
}

// payOne is pay for one charge, on the path of every frame: a frame that passes costs a few
// atomic operations, and none without a limit.
func (c *Client) payOne(limit LimitName, b *ratelimit.ByteBucket, rate, n int, debt time.Duration) Refusal {
	if rate <= 0 {
		return Refusal{}
	}
	now := c.shared.cfg.Clock.Load()
	if b.Wait(now, rate, n, 0) > 0 {
		return c.pay(charge{limit: limit, bucket: b, rate: rate, bytes: n, debt: debt})
	}
	b.Take(now, rate, n, ratelimit.ByteBurst+debt)
	return Refusal{}
}

func take(now clock.Instant, all []charge) {
	for i := range all {
		x := &all[i]
		x.bucket.Take(now, x.rate, x.bytes, ratelimit.ByteBurst-x.reserve+x.debt)
	}
}

// check returns the refusal of the budget that is short for longest, and counts it.
func (c *Client) check(all ...charge) Refusal {
	r := longest(c.shared.cfg.Clock.Load(), all)
	if r.Limit == "" {
		return r
	}
	// The clock may be so old that the client has waited long enough.
	now := clock.Now()
	if r = longest(now, all); r.Limit == "" {
		return r
	}
	c.shared.cfg.Refused(r.Limit)
	if r.Limit == Received || r.Limit == Caused {
		c.mu.Lock()
		defer c.mu.Unlock()
		if now.Sub(c.refusedAt) > ratelimit.Forgiven {
			c.refusals = 0
		}
		c.refusals++
		c.refusedAt = now
	}
	return r
}

func longest(now clock.Instant, all []charge) (r Refusal) {
	for i := range all {
		x := &all[i]
		if wait := x.bucket.Wait(now, x.rate, x.bytes, x.reserve); wait > r.Wait {
			r = Refusal{Limit: x.limit, Rate: x.rate, Wait: wait}
		}
	}
	return r
}
