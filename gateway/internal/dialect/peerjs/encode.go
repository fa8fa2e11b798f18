package peerjs

import (
	"bytes"
	"slices"
	"time"

	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/proto"
)

// Texts of the frames that gateways send each other about clients. Clients send objects.
const (
	controlTaken = `"taken"` // the receiver's id belongs to another connection
	controlProbe = `"probe"` // is the receiver there?
	controlAlive = `"alive"` // the answer
	controlDead  = `"dead"`  // the answer, when it does not answer itself
)

// control returns a control frame.
func (c *client) control(text string) []byte {
	f := dialect.Frame{Name: []byte(Name), From: []byte(c.peer), Text: []byte(text)}
	return f.Append(nil)
}

// gone reports whether a peer with the client's id has ended. A peer that does not answer in
// time counts as being there: its gateway may be busy.
func (c *client) gone(peer proto.PeerID) bool {
	if peer == c.peer {
		return false
	}
	if code := c.port.Relay(peer, c.control(controlProbe)); code != "" {
		return code == proto.NotFound
	}
	late := time.NewTimer(probePatience)
	defer late.Stop()
	select {
	case there := <-c.holder:
		return !there
	case <-late.C:
	case <-c.port.Ending():
	}
	return false
}

// Encode implements dialect.Translator. Frames of the gateway itself are not for PeerJS
// clients.
func (c *client) Encode(frame []byte) []byte {
	f, ok := dialect.Parse(frame)
	if !ok || string(f.Name) != Name {
		return nil
	}
	back := string(f.From) == string(c.peer)
	if len(f.Text) > 0 && f.Text[0] == '"' {
		c.controlled(string(f.Text), proto.PeerID(f.From), back)
		return nil
	}
	if back {
		return c.returned(&f)
	}
	if src := srcOf(f.Text); src != nil {
		c.mu.Lock()
		if c.senders[string(src)] != proto.PeerID(f.From) {
			if len(c.senders) >= maxSenders {
				clear(c.senders)
			}
			c.senders[string(src)] = proto.PeerID(f.From)
		}
		c.mu.Unlock()
	}
	return slices.Clone(f.Text)
}

// controlled carries out a control frame. back says that it is the client's own, which did
// not arrive.
func (c *client) controlled(text string, from proto.PeerID, back bool) {
	switch {
	case text == controlProbe && back:
		c.answer(false)
	case back:
	case text == controlAlive, text == controlDead:
		c.answer(text == controlAlive)
	case text == controlProbe:
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.probed { // one at a time
			c.probed = true
			c.port.Go(func() { c.probe(from) }) // not with the session locked
		}
	case text == controlTaken:
		c.mu.Lock()
		c.lost = true
		c.mu.Unlock()
		// Two pages with the same id and token take it from each other for ever: not too fast.
		c.port.Go(func() {
			c.pause(Hold())
			c.port.Close()
		})
	}
}

// probe asks the client for a sign of life, and answers a peer that wants its id.
func (c *client) probe(from proto.PeerID) {
	text := controlDead
	if c.port.Alive(pingPatience) {
		text = controlAlive
	}
	c.mu.Lock()
	c.probed = false
	c.mu.Unlock()
	c.port.Relay(from, c.control(text))
}

func (c *client) answer(there bool) {
	select {
	case c.holder <- there:
	default:
	}
}

// returned handles a frame of the client's that did not reach its receiver. It waits, or the
// client gets EXPIRE.
func (c *client) returned(f *dialect.Frame) []byte {
	dst := dstOf(f.Text)
	c.d.cfg.Names.Forget(dst)
	if bytes.HasPrefix(f.Text, []byte(textHead+typeLeave)) {
		return nil // whoever it was for has left too
	}
	x := pending{n: f.N, tries: f.Tries, waits: true, text: slices.Clone(f.Text)}
	if !f.Lost && f.Tries <= maxReturns && c.queueAgain(dst, x) {
		return nil
	}
	c.d.cfg.Count(Expired)
	return expireText(c.id, dst)
}

// Restore implements dialect.Translator.
func (c *client) Restore(text []byte) []byte {
	src := srcOf(text)
	if src == nil {
		return nil
	}
	c.mu.Lock()
	from := c.senders[string(src)]
	c.mu.Unlock()
	if from == "" {
		return nil
	}
	f := dialect.Frame{Name: []byte(Name), From: []byte(from), Text: text}
	return f.Append(nil)
}
