package names

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Times and bounds of what a client remembers.
const (
	presentFor   = time.Minute            // a peer that is not found there is forgotten at once
	absentFor    = 400 * time.Millisecond // nobody has the name
	findPatience = 2 * time.Second
	awayFor      = time.Second // the directory did not answer: further look-ups do not ask it
	releases     = 4           // at the same time, for each look-up: many clients may leave at once
	maxTries     = 8           // of a claim whose entry changes in the meantime
)

// Config says how a Client asks the directory. Every field is required.
type Config struct {
	Namespace string
	Own       proto.GatewayID
	Requests  int // look-ups at the same time, and several times as many releases
	Known     int // names that are remembered
	Ask       func(bus.NameOperation, *bus.NameRequest, time.Duration) (*bus.NameReply, error)
	Alive     func(proto.GatewayID) bool // other gateways
	Await     func(proto.GatewayID)      // until a gateway is alive, or its lease is overdue
	Clock     *clock.AtomicInstant       // the present moment
	Count     func(Outcome)
	Logger    *slog.Logger
}

// Outcome is the outcome of a claim, or a look-up in the directory.
type Outcome string

// The outcomes that a Client counts.
const (
	Claimed     Outcome = "claimed"
	TakenOver   Outcome = "taken_over" // from another peer of the same client
	Taken       Outcome = "taken"      // another client has the name
	Unavailable Outcome = "unavailable"
	Full        Outcome = "full"       // the directory has no space for another name
	LookedUp    Outcome = "looked_up"  // a look-up that the directory answered
	Busy        Outcome = "busy"       // a look-up that was refused, because too many were pending
	Unreleased  Outcome = "unreleased" // a name that was not given back, because of too many or no answer
	Listed      Outcome = "listed"     // a list of names that the directory answered
	Cut         Outcome = "cut"        // such a list that does not hold all names
)

// Outcomes lists the outcomes that a Client counts.
func Outcomes() []Outcome {
	return []Outcome{Claimed, TakenOver, Taken, Unavailable, Full, LookedUp, Busy, Unreleased, Listed, Cut}
}

// ErrBusy is the error of Find when too many look-ups are pending.
var ErrBusy = errors.New("names: too many look-ups at the same time")

var errAway = errors.New("names: the directory did not answer a moment ago")

// Client asks the directory for a gateway. Find, Claim and Release wait for the answer.
// Safe for concurrent use.
type Client struct {
	cfg Config

	finds    chan struct{} // holds one for each look-up
	releases chan struct{} // holds one for each release

	mu    sync.Mutex
	known map[string]entry // by name
	away  clock.Instant    // until when the directory counts as away

	list list
}

// entry is what is known of a name.
type entry struct {
	peer proto.PeerID // "": nobody has it
	at   clock.Instant
}

// New returns a client that knows no name.
func New(cfg Config) *Client {
	return &Client{cfg: cfg, finds: make(chan struct{}, cfg.Requests), releases: make(chan struct{}, releases*cfg.Requests), known: make(map[string]entry)}
}

// Len returns the number of names that are remembered.
func (c *Client) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.known)
}

// Known returns the peer that has a name, as far as it is remembered; ok is false when the
// directory must be asked. A peer of "" means that nobody had the name a moment ago.
func (c *Client) Known(name string) (peer proto.PeerID, ok bool) {
	now := c.cfg.Clock.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.known[name]
	if !ok || now.Sub(e.at) >= e.lasts() {
		return "", false
	}
	return e.peer, true
}

func (e entry) lasts() time.Duration {
	if e.peer == "" {
		return absentFor
	}
	return presentFor
}

// Find returns the peer that has a name, "" for none. It asks the directory when that is not
// remembered. When the directory does not answer, Find returns the peer that had the name
// last, as far as it is known: if that is wrong, the peer is not found. An error means that
// nothing is known.
func (c *Client) Find(name string) (proto.PeerID, error) {
	if peer, ok := c.Known(name); ok {
		return peer, nil
	}
	if _, ok := bus.NameKey(c.cfg.Namespace, name); !ok {
		return "", nil // nobody can have it
	}
	if c.isAway() {
		return c.former(name, errAway)
	}
	select {
	case c.finds <- struct{}{}:
		defer func() { <-c.finds }()
	default:
		c.cfg.Count(Busy)
		return c.former(name, ErrBusy)
	}
	r, err := c.cfg.Ask(bus.NameGet, &bus.NameRequest{Namespace: c.cfg.Namespace, Name: name}, findPatience)
	if err != nil {
		c.mu.Lock()
		c.away = c.cfg.Clock.Load().Add(awayFor)
		c.mu.Unlock()
		return c.former(name, err)
	}
	c.cfg.Count(LookedUp)
	c.remember(name, r.Peer)
	return r.Peer, nil
}

// isAway reports whether the directory did not answer a moment ago.
func (c *Client) isAway() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cfg.Clock.Load() < c.away
}

// former returns the peer that had a name last, and remembers it again; err when none is
// known.
func (c *Client) former(name string, err error) (proto.PeerID, error) {
	c.mu.Lock()
	peer := c.known[name].peer
	c.mu.Unlock()
	if peer == "" {
		return "", err
	}
	c.remember(name, peer)
	return peer, nil
}

// remember remembers which peer has a name. When too many are remembered, it forgets any.
func (c *Client) remember(name string, peer proto.PeerID) {
	now := c.cfg.Clock.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	for old := range c.known {
		if len(c.known) < c.cfg.Known {
			break
		}
		delete(c.known, old)
	}
	c.known[name] = entry{peer, now}
}

// Forget forgets a name whose peer was not found.
func (c *Client) Forget(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, name)
}

// forgetPeer forgets that peer has a name.
func (c *Client) forgetPeer(name string, peer proto.PeerID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known[name].peer == peer {
		delete(c.known, name)
	}
}

// Claim gives a name to a peer of this gateway: Claimed, TakenOver, Taken, Full or Unavailable.
// secret is a digest of what lets a client take its name over from an earlier peer, which
// Claim returns. gone reports whether a peer that has the name with another secret has
// ended; it may wait.
func (c *Client) Claim(name string, peer proto.PeerID, secret string, patience time.Duration, gone func(proto.PeerID) bool) (o Outcome, former proto.PeerID) {
	defer func() { c.cfg.Count(o) }()
	req := bus.NameRequest{Namespace: c.cfg.Namespace, Name: name, Peer: peer, Owner: c.cfg.Own, Secret: secret}
	deadline := time.Now().Add(patience)
	for range maxTries {
		r, err := c.cfg.Ask(bus.NameClaim, &req, time.Until(deadline))
		if err != nil {
			c.cfg.Logger.Debug("name: not claimed", "namespace", c.cfg.Namespace, "err", err)
			if refused, ok := errors.AsType[*proto.Error](err); ok && refused.Code == proto.LimitExceeded {
				return Full, ""
			}
			return Unavailable, ""
		}
		switch r.Refused {
		case "":
			c.remember(name, peer)
			if former != "" {
				return TakenOver, former
			}
			return Claimed, ""
		case bus.RefusedTaken:
			if r.Owner != c.cfg.Own {
				c.cfg.Await(r.Owner) // this gateway may have just started
			}
			if (r.Owner == c.cfg.Own || c.cfg.Alive(r.Owner)) && !gone(r.Peer) {
				return Taken, ""
			}
			req.Force = true
		default:
			req.Force = false
		}
		req.Revision, former = r.Revision, r.Peer
	}
	return Unavailable, ""
}

// Release gives back a name that peer has. If that fails, or too many are given back at once, the room services give it back
// when this gateway is gone, or the next client that claims it finds out that peer has ended.
func (c *Client) Release(name string, peer proto.PeerID, patience time.Duration) {
	c.forgetPeer(name, peer)
	select {
	case c.releases <- struct{}{}:
		defer func() { <-c.releases }()
	default:
		c.cfg.Count(Unreleased)
		return
	}
	req := &bus.NameRequest{Namespace: c.cfg.Namespace, Name: name, Peer: peer}
	if _, err := c.cfg.Ask(bus.NameRelease, req, patience); err != nil {
		c.cfg.Count(Unreleased)
		c.cfg.Logger.Debug("name: not given back", "namespace", c.cfg.Namespace, "peer", string(peer), "err", err)
	}
}
