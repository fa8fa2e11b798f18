package directory

import (
	"log/slog"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/ownership"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// findTimeout is the longest time that a frame waits for the directory.
const findTimeout = 4 * time.Second

// Liveness says which gateways are alive.
type Liveness interface {
	Alive(g proto.GatewayID) bool
	Await(g proto.GatewayID, ended <-chan struct{}) // until g is alive, or its lease is overdue
}

// Config says how a Client asks the directory. Every field is required.
type Config struct {
	Own      proto.GatewayID
	Ask      func(bus.SessionOperation, *bus.SessionRequest, time.Duration) (*bus.SessionReply, error)
	Liveness Liveness
	Clock    *clock.AtomicInstant // the present moment
	Ended    <-chan struct{}      // closed when this gateway ends
	Logger   *slog.Logger
	Conflict func() // counts that another gateway was first to take an epoch
}

// Client asks the session directory for a gateway. Its methods wait for the answer. Safe
// for concurrent use.
type Client struct {
	cfg    Config
	absent absent
}

// New returns a client.
func New(cfg Config) *Client { return &Client{cfg: cfg} }

// Take takes an epoch of a session for an attempt of this gateway, or for none when it takes
// its session back: Won, Lost, Ended or Unknown.
func (c *Client) Take(p proto.PeerID, epoch, revision, attempt uint64) ownership.Answer {
	req := &bus.SessionRequest{Peer: p, Owner: c.cfg.Own, Epoch: epoch, Revision: revision, Attempt: attempt}
	r, err := c.cfg.Ask(bus.SessionTake, req, proto.RequestDeadline)
	switch {
	case err != nil:
		c.cfg.Logger.Warn("session: the directory does not answer", "peer", string(p), "epoch", epoch, "err", err)
		return ownership.Answer{Kind: ownership.Unknown}
	case r.Refused == bus.RefusedMoved:
		c.cfg.Conflict()
		return ownership.Answer{Kind: ownership.Lost, Owner: r.Owner, Epoch: r.Epoch, Revision: r.Revision}
	case r.Refused != "":
		return ownership.Answer{Kind: ownership.Ended}
	}
	return ownership.Answer{Kind: ownership.Won, Owner: c.cfg.Own, Epoch: r.Epoch, Revision: r.Revision}
}

// Look reads the entry of a session: Entry, NoEntry, Ended or Unknown.
func (c *Client) Look(p proto.PeerID) ownership.Answer { return c.look(p, proto.RequestDeadline) }

func (c *Client) look(p proto.PeerID, patience time.Duration) ownership.Answer {
	r, err := c.cfg.Ask(bus.SessionGet, &bus.SessionRequest{Peer: p}, patience)
	switch {
	case err != nil:
		return ownership.Answer{Kind: ownership.Unknown}
	case r.Ended:
		return ownership.Answer{Kind: ownership.Ended}
	case r.Revision == 0:
		return ownership.Answer{Kind: ownership.NoEntry}
	}
	return ownership.Answer{Kind: ownership.Entry, Owner: r.Owner, Epoch: r.Epoch, Revision: r.Revision}
}

// End records that a session of this gateway has ended. If that fails, the room services
// end the entry when this gateway is gone.
func (c *Client) End(p proto.PeerID, was ownership.Holding) {
	req := &bus.SessionRequest{Peer: p, Owner: c.cfg.Own, Epoch: was.Epoch, Revision: was.Revision}
	if _, err := c.cfg.Ask(bus.SessionEnd, req, proto.RequestDeadline); err != nil {
		c.cfg.Logger.Warn("session: its end was not recorded", "peer", string(p), "err", err)
	}
}

// Compare returns the entries of the sessions that another gateway owns, or that have
// another epoch or no entry. Callers pass at most bus.MaxSyncSessions sessions.
func (c *Client) Compare(sessions []bus.Owned) ([]bus.SessionRow, error) {
	r, err := c.cfg.Ask(bus.SessionSync, &bus.SessionRequest{Owner: c.cfg.Own, Sessions: sessions}, proto.RequestDeadline)
	if err != nil {
		return nil, err
	}
	return r.Sessions, nil
}

// Find returns the owner of a peer, for frames that wait. A peer without an entry is at the
// gateway that issued it, if that gateway is alive. failed is true when the directory did
// not answer.
func (c *Client) Find(p proto.PeerID) (to link.Route, found, failed bool) {
	if c.absent.has(p, c.cfg.Clock.Load()) {
		return to, false, false
	}
	home := p.Home()
	c.cfg.Liveness.Await(home, c.cfg.Ended)
	a := c.look(p, findTimeout)
	switch {
	case a.Kind == ownership.Entry:
		return link.Route{Owner: a.Owner, Epoch: a.Epoch}, true, false
	case a.Kind == ownership.NoEntry && c.cfg.Liveness.Alive(home):
		return link.Route{Owner: home}, true, false
	case a.Kind == ownership.Unknown:
		return to, false, true
	}
	c.absent.add(p, c.cfg.Clock.Load())
	return to, false, false
}
