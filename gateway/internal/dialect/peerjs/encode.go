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
	controlTaken = `"taken"` // the receiver's id belongs to the sender now
	controlProbe = `"probe"` // is the receiver there?
	controlAlive = `"alive"` // the answer, to "taken" too
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
	there, known := c.ask(peer, controlProbe, probePatience)
	return known && !there
}

// take makes the peer that had the id stop using it. It returns when that peer gets no
// further frames, or after a moment: then take asks it again in the background. If that
// fails too, the former peer stays connected, without the id.
func (c *client) take(former proto.PeerID) {
	if _, known := c.ask(former, controlTaken, takePatience); known {
		return
	}
	c.port.Go(func() {
		for range takeTries {
			c.pause(probePatience)
			select {
			case <-c.ended:
				return
			case <-c.port.Ending():
				return
			default:
			}
			if _, known := c.ask(former, controlTaken, probePatience); known {
				return
			}
		}
	})
}

// ask sends a control frame to a peer and waits for the answer. known is false when none came
// in time. Only one goroutine at a time may call it.
func (c *client) ask(peer proto.PeerID, text string, patience time.Duration) (there, known bool) {
	select {
	case <-c.answers: // too late for an earlier question
	default:
	}
	if code := c.port.Relay(peer, c.control(text)); code != "" {
		return false, code == proto.NotFound
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case there = <-c.answers:
		return there, true
	case <-late.C:
	case <-c.ended:
	case <-c.port.Ending():
	}
	return false, false
}

// Encode implements dialect.Translator. Frames of the gateway itself are not for PeerJS
// clients.
//
// Frames of others come back to them before the client has its id and after it has lost it,
// so that they look the id up again. While it is away, its session keeps them.
func (c *client) Encode(frame []byte) (text []byte, ok bool) {
	f, ok := dialect.Parse(frame)
	if !ok || string(f.Name) != Name {
		return nil, true
	}
	back := string(f.From) == string(c.peer)
	c.mu.Lock()
	away := c.away
	c.mu.Unlock()
	if len(f.Text) > 0 && f.Text[0] == '"' {
		if away && !back {
			if string(f.Text) == controlTaken {
				c.lose()
			}
			return nil, false // which answers every question: nobody is there
		}
		c.controlled(&f, back)
		return nil, true
	}
	if back {
		if text = c.returned(&f); away {
			text = nil // nobody is there to get EXPIRE
		}
		return text, true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.open || c.lost {
		return nil, false
	}
	if src := srcOf(f.Text); src != nil {
		if c.senders[string(src)] != proto.PeerID(f.From) {
			if len(c.senders) >= maxSenders {
				clear(c.senders)
			}
			c.senders[string(src)] = proto.PeerID(f.From)
		}
	}
	return f.Text, true
}

// controlled carries out a control frame.
func (c *client) controlled(f *dialect.Frame, back bool) {
	text, from := string(f.Text), proto.PeerID(f.From)
	switch {
	case back: // the client's own, which did not arrive
		if (text == controlProbe || text == controlTaken) && !f.Lost {
			c.answer(false)
		}
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
		c.lose()
		c.port.Go(func() { c.port.Relay(from, c.control(controlAlive)) })
	}
}

// lose closes the connection, which has lost its id, but not at once: two pages with the same
// id and token take it from each other for ever. A client that is away ends at once, and the
// frames that wait for it go back to their senders.
func (c *client) lose() {
	c.mu.Lock()
	again, away := c.lost, c.away
	c.lost = true
	c.mu.Unlock()
	if !again {
		c.port.Go(func() {
			if !away {
				c.pause(Hold())
			}
			c.port.Close(0, "")
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
	case c.answers <- there:
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
		if f.Tries == 1 { // its receiver may have come back; later, there is time for the directory to change
			select {
			case c.soon <- struct{}{}:
			default:
			}
		}
		return nil
	}
	c.d.cfg.Count(Expired)
	return expireText(c.id, dst)
}

// Restore implements dialect.Translator.
func (c *client) Restore(text []byte) []byte {
	src := srcOf(text)
	if src == nil || !relayed(text) {
		return nil // our own, or a LEAVE, for whose outcome nobody waits
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
