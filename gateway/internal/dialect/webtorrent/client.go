package webtorrent

import (
	"slices"
	"strconv"
	"sync"

	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/ratelimit"
	"p2pconnector/proto"
)

// client is the translator of one connection. It implements dialect.Translator.
type client struct {
	// Fixed.
	d    *Dialect
	port dialect.Port
	peer proto.PeerID

	rate ratelimit.Bucket // owned by the reader

	mu     sync.Mutex // no frame is sent while it is held
	swarms map[id]*membership
	ended  bool
}

// membership is a swarm that the client is in.
type membership struct {
	peer id
	done bool
	home proto.GatewayID // where it is registered; "": nowhere, or that is not known
}

// Greet implements dialect.Translator.
func (c *client) Greet() bool { return true }

// Refuse implements dialect.Translator.
func (c *client) Refuse(text []byte) {
	if m, why := parse(text, false); why == "" {
		c.fail(&m, "too many messages, or the access token does not grant them")
	}
}

// fail refuses a message.
func (c *client) fail(m *message, why string) {
	c.d.cfg.Count(Refused)
	if m.kind == scrape {
		c.port.Send(failureText(scrape, why, nil))
		return
	}
	c.port.Send(failureText(announce, why, &m.hash))
}

// Decode implements dialect.Translator.
func (c *client) Decode(text []byte) {
	m, why := parse(text, false)
	if why != "" {
		c.d.cfg.Count(Refused)
		c.port.Send(failureText(m.kind, why, nil))
		return
	}
	if m.kind != answer {
		if wait, _ := c.rate.Take(c.d.cfg.Clock.Load(), c.d.requests); wait > 0 {
			c.fail(&m, "too many announces: send fewer")
			return
		}
	}
	view := c.d.homes.now(c.d.cfg.Clock.Load())
	if m.kind == scrape {
		c.scrape(&m, view)
		return
	}
	home := c.d.homes.homeOf(m.hash, view)
	former, ok := c.note(&m, home)
	if !ok {
		c.fail(&m, "too many swarms: a connection may be in "+strconv.Itoa(c.d.cfg.MaxSwarms))
		return
	}
	c.leave(former, m.hash, m.peer)
	switch c.send(home, &m, text) {
	case "":
	case proto.RateLimited:
		c.fail(&m, "too many bytes: send fewer")
	default:
		c.unreached(&m)
	}
}

// note records what an announce changes, and returns another gateway where the client is
// registered. It returns false when the client is in too many swarms.
func (c *client) note(m *message, home proto.GatewayID) (former proto.GatewayID, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x := c.swarms[m.hash]
	done := m.done
	if x != nil {
		done = done || x.done || m.event == completed
		if x.home != home {
			former = x.home
		}
	}
	if m.event == stopped {
		delete(c.swarms, m.hash)
		return former, true
	}
	if x == nil {
		if len(c.swarms) >= c.d.cfg.MaxSwarms {
			return "", false
		}
		if len(c.swarms) == 0 {
			c.d.mu.Lock()
			c.d.clients[c] = struct{}{}
			c.d.mu.Unlock()
		}
		x = new(membership)
		c.swarms[m.hash] = x
	}
	x.peer, x.home, x.done = m.peer, home, done
	return former, true
}

// send passes a message to a home. A code means that the home does not get it. Otherwise it
// may still come back.
func (c *client) send(home proto.GatewayID, m *message, text []byte) proto.ErrorCode {
	if home != c.d.cfg.Own {
		f := dialect.Frame{Name: []byte(Name), From: []byte(c.peer), N: toHome, Text: text}
		return c.port.Relay(Service(home), f.Append(make([]byte, 0, len(text)+128)))
	}
	if code := c.port.Pay(len(text)); code != "" {
		return code
	}
	if reply := c.d.carryOut(c.peer, m); reply != nil {
		c.port.Send(reply)
	}
	return ""
}

// unreached handles a message that did not reach the home of its swarm.
func (c *client) unreached(m *message) {
	if text := c.lost(m); text != nil {
		c.port.Send(text)
	}
}

// lost makes Tick register the client anew, and returns what the client gets for a message
// that did not reach the home of its swarm. It may be called with the session locked.
func (c *client) lost(m *message) []byte {
	if m.event == gone {
		return nil // a home that does not get this is not asked any more, or forgets silent members
	}
	c.d.cfg.Count(Unreached)
	if m.kind == scrape {
		return failureText(scrape, "the tracker does not answer now: try again in a moment", nil)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if x := c.swarms[m.hash]; x != nil {
		x.home = ""
		c.d.unregistered.Store(true)
	}
	switch {
	case m.kind == answer, m.event == stopped, m.event == again:
		return nil
	}
	return announceAgainText(soon(), m.hash)
}

// scrape asks the homes of swarms for their counts. Each of them replies for its own, and
// clients take the replies one by one.
func (c *client) scrape(m *message, view []proto.GatewayID) {
	by := make(map[proto.GatewayID][]id)
	for _, h := range m.hashes {
		home := c.d.homes.homeOf(h, view)
		by[home] = append(by[home], h)
	}
	for home, hashes := range by {
		part := &message{kind: scrape, hashes: hashes}
		switch c.send(home, part, scrapeRequest(hashes)) {
		case "":
		case proto.RateLimited:
			c.fail(part, "too many bytes: send fewer")
		default:
			c.unreached(part)
		}
	}
}

// Encode implements dialect.Translator.
func (c *client) Encode(frame []byte) (text []byte, ok bool) {
	f, ok := dialect.Parse(frame)
	switch {
	case !ok || string(f.Name) != Name:
		return nil, true // the gateway's own
	case string(f.From) == string(c.peer):
		if m, why := parse(f.Text, true); f.N == toHome && why == "" {
			return c.lost(&m), true
		}
		return nil, true // an offer or an answer, whose receiver has left
	case f.N != toClient:
		return nil, true
	}
	return slices.Clone(f.Text), true
}

// move registers the client with the homes of its swarms where they have changed, at most n of
// them, and returns how many it tried.
func (c *client) move(view []proto.GatewayID, n int) (tried int) {
	type change struct {
		hash id
		to   membership
		from proto.GatewayID
	}
	var all []change
	c.mu.Lock()
	for hash, x := range c.swarms {
		home := c.d.homes.homeOf(hash, view)
		if x.home == home || len(all) == n {
			continue
		}
		all = append(all, change{hash: hash, from: x.home, to: membership{x.peer, x.done, home}})
		x.home = home
	}
	c.mu.Unlock()
	for i := range all {
		x := &all[i]
		c.leave(x.from, x.hash, x.to.peer)
		m := &message{hash: x.hash, peer: x.to.peer, event: again, done: x.to.done}
		if c.send(x.to.home, m, request(again, x.hash, x.to.peer, x.to.done)) != "" {
			c.lost(m)
			continue
		}
		c.d.cfg.Count(Moved)
		if c.hasEnded() { // End may have left the home before this
			c.leave(x.to.home, x.hash, x.to.peer)
		}
	}
	return len(all)
}

// leave tells a home that the client is not in a swarm any more, or has another home.
func (c *client) leave(home proto.GatewayID, hash, peer id) {
	if home != "" {
		c.send(home, &message{hash: hash, peer: peer, event: gone}, request(gone, hash, peer, false))
	}
}

func (c *client) hasEnded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// Verify implements dialect.Translator: the client has nothing in directories.
func (c *client) Verify() bool { return true }

// Restore implements dialect.Translator: nobody waits for the outcome of a text.
func (c *client) Restore([]byte) []byte { return nil }

// End implements dialect.Translator: the client leaves its swarms.
func (c *client) End() {
	c.d.mu.Lock()
	delete(c.d.clients, c)
	c.d.mu.Unlock()
	c.mu.Lock()
	all := c.swarms
	c.swarms, c.ended = nil, true
	c.mu.Unlock()
	for hash, x := range all {
		c.leave(x.home, hash, x.peer)
	}
}
