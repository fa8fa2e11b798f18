package peerjs

import (
	"math/rand/v2"
	"sync"
	"time"
	"unicode/utf8"

	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/names"
	"p2pconnector/gateway/internal/ratelimit"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// Times of a connection.
const (
	claimPatience   = 8 * time.Second
	releasePatience = 8 * time.Second
	probePatience   = 3 * time.Second
	pingPatience    = 1500 * time.Millisecond
	takePatience    = 500 * time.Millisecond // a client that takes its id over waits for OPEN meanwhile
	takeTries       = 3
)

// Hold returns for how long a client is held before it is closed, when it would connect
// again at once: 1 to 3 s.
func Hold() time.Duration { return time.Second + rand.N(2*time.Second) }

// lookupBurst is how many seconds' worth of look-ups a client may make at once.
const lookupBurst = 5

// maxSenders bounds the senders that a client remembers, to report frames to them that were
// not written.
const maxSenders = 64

// client is the translator of one peer. It implements dialect.Returner.
type client struct {
	// Fixed.
	d              *Dialect
	port           dialect.Port
	peer           proto.PeerID
	key, id, token string
	secret         string // a digest

	// Owned by the reader.
	frames uint64

	answers chan bool     // whether the peer that was probed is there
	ended   chan struct{} // closed by End
	soon    chan struct{} // a frame that waits is to be sent at once

	mu       sync.Mutex // taken last but for the connection's lock
	probed   bool       // somebody asks whether the client is there
	open     bool       // it has its id, and has got OPEN
	lost     bool       // another connection has taken the id over
	left     bool       // the client said that it leaves
	away     bool       // its connection broke
	senders  map[string]proto.PeerID
	lookups  ratelimit.Bucket
	waiting  map[string]*queue // by dst
	frameSum int               // frames in waiting, and those that are tried at the moment
	byteSum  int
	retrying bool // a goroutine looks after waiting
}

// Greet implements dialect.Translator: it claims the client's id and answers OPEN, or
// refuses the client and closes it. The client's frames wait in the network meanwhile.
func (c *client) Greet() bool {
	switch {
	case c.id == "" || c.token == "" || c.key == "":
		return c.refuse(errorText("No id, token, or key supplied to websocket server"))
	case c.key != c.d.cfg.Key:
		return c.refuse(errorText("Invalid key provided"))
	case c.id == "null": // a mistake of the client's, which many would share
		return c.refuse(errorText("Invalid id: the client has none yet"))
	case !usable(c.id):
		return c.refuse(errorText("Invalid id: it is too long, or no text"))
	}
	began := time.Now()
	outcome, former := c.d.cfg.Names.Claim(c.id, c.peer, c.secret, claimPatience, c.gone)
	switch outcome {
	case names.Taken:
		return c.refuse([]byte(`{"type":"ID-TAKEN","payload":{"msg":"ID is taken"}}`))
	case names.Full:
		return c.refuse(c.d.Refusal(dialect.Full, ""))
	case names.Claimed, names.TakenOver:
	default: // the claim may still take effect
		c.release()
		c.pause(Hold() - time.Since(began))
		c.port.Close(0, "")
		return false
	}
	if former != "" && former != c.peer {
		c.take(former)
	}
	c.port.Send(openText)
	c.mu.Lock()
	c.open = true
	c.mu.Unlock()
	return true
}

// usable reports whether an id can be a name.
func usable(id string) bool {
	_, ok := bus.NameKey(Name, id)
	return ok && utf8.ValidString(id)
}

func (c *client) refuse(text []byte) bool {
	c.port.Send(text)
	c.port.Close(0, "")
	return false
}

// pause waits for d, or until the gateway ends.
func (c *client) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.port.Ending():
	case <-c.ended:
	}
}

// release gives the client's id back, in the background.
func (c *client) release() {
	c.port.Go(func() { c.d.cfg.Names.Release(c.id, c.peer, releasePatience) })
}

// Decode implements dialect.Translator.
func (c *client) Decode(text []byte) {
	m, ok := parse(text)
	switch {
	case !ok:
		c.d.cfg.Count(Ignored)
	case m.kind == typeHeartbeat: // our own pings find out whether the client is there
	case m.kind == typeLeave && m.leaves:
		c.mu.Lock()
		c.left = true
		c.mu.Unlock()
		c.port.Close(0, "")
	case m.dst == "":
		c.d.cfg.Count(Ignored)
	default:
		c.send(&m)
	}
}

// Refuse implements dialect.Translator.
func (c *client) Refuse(text []byte) {
	if m, ok := parse(text); ok && m.waits() && m.dst != "" && m.kind != typeHeartbeat {
		c.expire(m.dst)
	}
}

// send sends m to the client that it names, behind those that wait for it.
func (c *client) send(m *message) {
	if m.dst == c.id {
		c.port.Send(m.appendTo(nil, c.id))
		return
	}
	c.mu.Lock()
	lost := c.lost
	c.mu.Unlock()
	if lost {
		return // it is being closed, and may not speak in the name of another
	}
	c.frames++
	x := pending{n: c.frames, waits: m.waits(), text: m.appendTo(make([]byte, 0, m.size(c.id)), c.id)}
	if !usable(m.dst) {
		if x.waits {
			c.expire(m.dst) // nobody can ever have this id
		}
		return
	}
	if c.behind(m.dst, x) || c.relay(m.dst, &x) || !x.waits {
		return
	}
	c.wait(m.dst, x)
}

// relay sends x to the peer that has the name dst. It returns false when there is none now.
func (c *client) relay(dst string, x *pending) bool {
	for range 2 {
		peer, ok := c.find(dst)
		if !ok {
			return false
		}
		f := dialect.Frame{Name: []byte(Name), From: []byte(c.peer), N: x.n, Tries: x.tries, Text: x.text}
		switch c.port.Relay(peer, f.Append(make([]byte, 0, len(x.text)+128))) {
		case "":
			c.d.cfg.Count(Relayed)
			return true
		case proto.NotFound:
			c.d.cfg.Names.Forget(dst) // it may have connected anew
		default:
			return false
		}
	}
	return false
}

// find returns the peer that has a name. It asks the directory only as often as the client
// may.
func (c *client) find(name string) (proto.PeerID, bool) {
	peer, ok := c.d.cfg.Names.Known(name)
	if ok {
		return peer, peer != ""
	}
	c.mu.Lock()
	wait, _ := c.lookups.Take(c.d.cfg.Clock.Load(), ratelimit.Limit{PerSecond: c.d.cfg.Lookups, Burst: lookupBurst * c.d.cfg.Lookups})
	c.mu.Unlock()
	if wait > 0 {
		return "", false
	}
	peer, err := c.d.cfg.Names.Find(name)
	return peer, err == nil && peer != ""
}

// expire tells the client that frames for dst were given up.
func (c *client) expire(dst string) {
	c.d.cfg.Count(Expired)
	c.port.Send(expireText(c.id, dst))
}

// Verify implements dialect.Translator.
func (c *client) Verify() bool {
	c.mu.Lock()
	held := c.open && !c.lost
	c.mu.Unlock()
	if !held {
		return true
	}
	c.d.cfg.Names.Forget(c.id)
	peer, err := c.d.cfg.Names.Find(c.id)
	if err != nil {
		return false
	}
	if peer != c.peer {
		c.lose()
	}
	return true
}

// Away implements dialect.Returner. The client keeps its id until it returns, on any gateway:
// then its new connection takes the id over, and this peer ends. Another client takes the id
// at once, because a peer that is away answers no question.
func (c *client) Away() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = true
	return c.open && !c.lost && !c.left
}

// End implements dialect.Translator.
func (c *client) End() {
	close(c.ended)
	c.mu.Lock()
	held := c.open && !c.lost
	c.dropLocked()
	c.mu.Unlock()
	if held {
		c.release()
	}
}
