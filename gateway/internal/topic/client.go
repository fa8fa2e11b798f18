package topic

import (
	"slices"
	"time"

	"p2pconnector/gateway/internal/egress"
	"p2pconnector/gateway/internal/fairqueue"
	"p2pconnector/gateway/internal/ratelimit"
	"p2pconnector/proto"
)

// Times of a publication.
const (
	joinPatience  = proto.RequestDeadline // until earlier subscriptions have taken effect
	limitPatience = 5 * time.Second       // until limits allow it
)

// outside limits how often a client may make the gateway ask the room service for the
// gateways of a topic that it has not joined.
var outside = ratelimit.Limit{PerSecond: 50, Burst: 500}

// Receiver gets what a client subscribes to. Its methods may be called concurrently.
type Receiver interface {
	// Publication gives it a publication in a topic, by the topic's room. It must not block
	// and keeps no reference to text. The topic is locked meanwhile.
	Publication(id proto.RoomID, text []byte)
	// Lost closes the client's connection, because publications may have been missed.
	Lost()
}

// Client is the part that a client's connection has in topics. Only one goroutine at a time
// may call its methods.
type Client struct {
	space    *Space
	receiver Receiver
	budget   *egress.Client
	key      fairqueue.Key
	all      map[proto.RoomID]*subscription
	pending  []*subscription // that may not have taken effect yet
	outside  ratelimit.Bucket
}

// Client returns the Client of a connection. budget pays for its publications. k is for whom
// its topics count, and whose turns its requests to the room service take.
func (s *Space) Client(r Receiver, budget *egress.Client, k fairqueue.Key) *Client {
	return &Client{space: s, receiver: r, budget: budget, key: k, all: make(map[proto.RoomID]*subscription)}
}

// Subscribe subscribes to a topic. It does not wait. A second subscription of the same topic
// changes nothing. The result is the limit that refuses it, or None.
func (c *Client) Subscribe(topic string) Limit {
	id := c.space.ID(topic)
	if c.all[id] != nil {
		return None
	}
	limit := c.subscribe(id)
	if limit != None {
		c.space.t.counts.refused[limit].Add(1)
	}
	return limit
}

func (c *Client) subscribe(id proto.RoomID) Limit {
	t := c.space.t
	if over(len(c.all), t.cfg.PerClient) {
		return MaxPerClient
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if limit := t.admitLocked(id, c.key); limit != None {
		return limit
	}
	e := t.entryLocked(id, c.key)
	e.mu.Lock()
	defer e.mu.Unlock()
	if over(len(e.subscribers), t.cfg.Subscribers) {
		return MaxSubscribers
	}
	s := &subscription{client: c, entry: e, copies: 1}
	e.space = c.space
	// A new slice: receiversLocked returns the old one.
	e.subscribers = append(e.subscribers[:len(e.subscribers):len(e.subscribers)], s)
	c.all[id] = s
	t.countLocked(e)
	t.clients.Add(1)
	c.pending = append(c.pending, s)
	t.reconcileLocked(e)
	return None
}

// SetCopies says how many texts the client gets for each publication in a topic that it
// subscribes to: others pay for all of them. It is 1 at first.
func (c *Client) SetCopies(topic string, n int) {
	if s := c.all[c.space.ID(topic)]; s != nil {
		s.entry.mu.Lock()
		defer s.entry.mu.Unlock()
		s.copies = n
	}
}

// admitLocked returns the limit that keeps k from being the first subscriber of a topic, or
// None. k's own limit comes first, because k can do something about it.
func (t *Table) admitLocked(id proto.RoomID, k fairqueue.Key) Limit {
	e := t.all[id]
	if e != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
	}
	switch {
	case e != nil && (len(e.subscribers) > 0 || e.key == k):
		return None // it counts already
	case over(t.counted[k], t.cfg.PerAddress):
		return MaxPerAddress
	case e == nil && over(len(t.all), t.cfg.Topics):
		return MaxTopics
	}
	return None
}

// over reports whether one more than n is above a limit.
func over(n, limit int) bool { return limit > 0 && n >= limit }

// Unsubscribe ends a subscription.
func (c *Client) Unsubscribe(topic string) { c.unsubscribe(c.space.ID(topic)) }

func (c *Client) unsubscribe(id proto.RoomID) {
	s := c.all[id]
	if s == nil {
		return
	}
	delete(c.all, id)
	c.pending = slices.DeleteFunc(c.pending, func(x *subscription) bool { return x == s })
	t, e := c.space.t, s.entry
	t.mu.Lock()
	defer t.mu.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.subscribers = slices.DeleteFunc(slices.Clone(e.subscribers), func(x *subscription) bool { return x == s })
	t.countLocked(e)
	t.clients.Add(-1)
	t.reconcileLocked(e)
}

// End ends all subscriptions.
func (c *Client) End() {
	for id := range c.all {
		c.unsubscribe(id)
	}
}

// Outcome is what became of a publication.
type Outcome int

// The outcomes of Publish.
const (
	Published   Outcome = iota
	Limited             // refused by a limit; nobody gets it
	Unreachable         // other gateways could not be asked or reached
)

// Publish sends a publication to all subscribers of a topic at all gateways. First it waits
// until the client's subscriptions have taken effect, and until limits allow it: the reader
// of a client that floods does not read on meanwhile. as is the id by which others address
// the client in this topic; "" for none.
func (c *Client) Publish(topic, as string, text []byte) Outcome {
	t := c.space.t
	if !c.Await() {
		return Unreachable
	}
	id := c.space.ID(topic)
	deadline := time.Now().Add(limitPatience)
	admitted := false
	for {
		wait, limit := c.try(id, t.get(id), as, text, &admitted)
		switch {
		case limit == None && wait == 0:
			return Published
		case limit == None:
			return Unreachable
		case time.Now().Add(wait).After(deadline):
			t.counts.refused[limit].Add(1)
			return Limited
		}
		if !t.pause(wait) {
			return Unreachable
		}
	}
}

// unreachable is the wait that try returns when other gateways cannot be reached.
const unreachable = -1

// try publishes if limits allow it; otherwise it returns the limit and for how long it holds.
// admitted says that an earlier try of the publication has taken a token of the topic's rate.
func (c *Client) try(id proto.RoomID, e *entry, as string, text []byte, admitted *bool) (time.Duration, Limit) {
	t := c.space.t
	wait, to, copies := c.admit(id, e, as, text, admitted)
	if wait > 0 {
		return wait, PerSecond
	}
	var budget egress.RoomBudget
	room := &budget
	if e != nil {
		room = &e.budget
	}
	if short := c.budget.CanFanout(room, len(text), copies); short.Limit != "" {
		return max(short.Wait, time.Millisecond), Bytes
	}
	sent, short := t.cfg.Rooms.Publish(id, c.space.name, text, c.budget, c.key)
	if short.Limit != "" {
		return max(short.Wait, time.Millisecond), Bytes
	}
	c.budget.SpendFanout(room, len(text), copies)
	t.counts.published.Add(1)
	if e != nil {
		e.mu.Lock()
		t.deliver(id, to, text)
		e.mu.Unlock()
	}
	if !sent {
		t.Missed()
		return unreachable, None
	}
	return 0, None
}

// admit takes a token of the topic's rate, once for a publication, and sets admitted. For a
// topic without subscribers here it is a token of the client's rate, for each question to the
// room service. It returns the subscribers that the publication is for, and how many texts
// they get.
func (c *Client) admit(id proto.RoomID, e *entry, as string, text []byte, admitted *bool) (wait time.Duration, to []*subscription, copies int) {
	t := c.space.t
	now := t.cfg.Clock.Load()
	if e == nil {
		wait, _ = c.outside.Take(now, outside)
		return wait, nil, 0
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !*admitted {
		if wait, _ = e.rate.Take(now, ratelimit.Limit{PerSecond: t.cfg.PerSecond, Burst: 5 * t.cfg.PerSecond}); wait > 0 {
			return wait, nil, 0
		}
		*admitted = true
	}
	if s := c.all[id]; s != nil {
		s.learnLocked(as)
	}
	to = e.receiversLocked(text)
	return 0, to, copiesLocked(to)
}

// Await waits until the client's subscriptions have taken effect. It returns
// false when that takes too long.
func (c *Client) Await() bool {
	if len(c.pending) == 0 {
		return true
	}
	late := time.NewTimer(joinPatience)
	defer late.Stop()
	for _, s := range c.pending {
		s.entry.mu.Lock()
		ready := s.entry.ready
		s.entry.mu.Unlock()
		select {
		case <-ready:
		case <-late.C:
			return false
		case <-c.space.t.cfg.Ended:
			return false
		}
	}
	c.pending = nil
	return true
}
