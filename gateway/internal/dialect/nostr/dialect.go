package nostr

import (
	"net/http"
	"strings"
	"sync"

	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/topic"
	"p2pconnector/proto"
)

// Name is the dialect's name in metrics, and the namespace of its topics.
const Name = "nostr"

// maxSubBytes bounds the id of a subscription, as NIP-01 does.
const maxSubBytes = 64

// Dialect serves all clients of the strategy of a gateway. It implements dialect.Dialect.
// Safe for concurrent use.
type Dialect struct {
	topics  *topic.Space
	maxSubs int
}

// New returns a Dialect whose topics are in t, and whose clients may have maxSubs
// subscriptions each.
func New(t *topic.Table, maxSubs int) *Dialect {
	return &Dialect{maxSubs: maxSubs, topics: t.Space(Name, func([]byte) string { return "" })}
}

// Name implements dialect.Dialect.
func (d *Dialect) Name() string { return Name }

// Accepts implements dialect.Dialect.
func (d *Dialect) Accepts(path string) bool {
	return path == "/nostr" || strings.HasPrefix(path, "/nostr/")
}

// ServeHTTP implements dialect.Dialect: nothing but handshakes belongs to it.
func (d *Dialect) ServeHTTP(http.ResponseWriter, *http.Request, bool) bool { return false }

// Token implements dialect.Dialect: a client has no parameter of its own for it.
func (d *Dialect) Token(*http.Request) string { return "" }

// Refusal implements dialect.Dialect.
func (d *Dialect) Refusal(why dialect.Reason, message string) []byte {
	if why == dialect.Forbidden {
		return encode("NOTICE", "restricted: "+message)
	}
	return nil
}

// NewTranslator implements dialect.Dialect.
func (d *Dialect) NewTranslator(_ *http.Request, _ string, port dialect.Port) dialect.Translator {
	c := &client{port: port, space: d.topics, maxSubs: d.maxSubs, subs: make(map[string]map[proto.RoomID]string)}
	c.topics = d.topics.Client(c, port.Budget(), port.TurnKey())
	return c
}

// client is the translator of one connection. It implements dialect.Translator and
// topic.Receiver.
type client struct {
	dialect.Plain
	port    dialect.Port
	space   *topic.Space
	maxSubs int
	topics  *topic.Client // used by the reader only

	mu   sync.Mutex // taken after the lock of a topic; only the reader writes subs
	subs map[string]map[proto.RoomID]string
}

// Decode implements dialect.Translator.
func (c *client) Decode(text []byte) {
	m, ok := parse(text)
	switch {
	case !ok:
		c.answer("NOTICE", "invalid: the message is not of NIP-01")
	case m.kind == "REQ":
		c.request(&m)
	case m.kind == "CLOSE":
		c.replace(m.sub, nil)
	default:
		c.publish(&m)
	}
}

// Refuse implements dialect.Translator.
func (c *client) Refuse(text []byte) {
	if m, ok := parse(text); ok && m.kind == "EVENT" {
		c.answer("OK", m.id, false, "rate-limited: slow down")
		return
	}
	c.answer("NOTICE", "rate-limited: slow down")
}

func (c *client) answer(parts ...any) { c.port.Send(encode(parts...)) }

// request carries out a REQ.
func (c *client) request(m *message) {
	switch {
	case m.sub == "" || len(m.sub) > maxSubBytes:
		c.answer("NOTICE", "invalid: a subscription's id has 1 to 64 bytes")
	case len(m.topics) == 0:
		c.answer("CLOSED", m.sub, "unsupported: this relay serves filters with #x only")
	case c.subs[m.sub] == nil && len(c.subs) >= c.maxSubs:
		c.answer("NOTICE", "rate-limited: too many subscriptions")
	default:
		if !c.replace(m.sub, m.topics) {
			c.answer("NOTICE", "rate-limited: too many topics, or too many subscribers")
		}
		if !c.topics.Await() {
			c.port.Close(proto.CloseTryAgain, dialect.Missed)
			return
		}
		c.answer("EOSE", m.sub)
	}
}

// replace replaces the topics of a subscription; none ends it. It returns false when not
// all of them could be subscribed to.
func (c *client) replace(sub string, topics []string) (all bool) {
	all = true
	next := make(map[proto.RoomID]string, len(topics))
	for _, t := range topics {
		if !c.port.MayJoin(t) || c.topics.Subscribe(t) != topic.None {
			all = false
			continue
		}
		next[c.space.ID(t)] = t
	}
	was := c.subs[sub]
	c.mu.Lock()
	if len(next) > 0 {
		c.subs[sub] = next
	} else {
		delete(c.subs, sub)
	}
	c.mu.Unlock()
	for _, topics := range []map[proto.RoomID]string{was, next} {
		for id, t := range topics {
			if n := c.count(id); n > 0 {
				c.topics.SetCopies(t, n)
			} else {
				c.topics.Unsubscribe(t)
			}
		}
	}
	return all
}

// count returns how many subscriptions have a topic.
func (c *client) count(id proto.RoomID) (n int) {
	for _, topics := range c.subs {
		if topics[id] != "" {
			n++
		}
	}
	return n
}

// publish carries out an EVENT.
func (c *client) publish(m *message) {
	switch {
	case m.event < 20000 || m.event > 29999:
		c.answer("OK", m.id, false, "blocked: this relay takes ephemeral events only")
	case m.topic == "":
		c.answer("OK", m.id, true, "")
	case !c.port.MayJoin(m.topic):
		c.answer("OK", m.id, false, "restricted: the access token does not allow this topic")
	default:
		switch c.topics.Publish(m.topic, "", m.raw) {
		case topic.Published:
			c.answer("OK", m.id, true, "")
		case topic.Limited:
			c.answer("OK", m.id, false, "rate-limited: slow down")
		case topic.Unreachable:
			c.port.Close(proto.CloseTryAgain, dialect.Missed)
		}
	}
}

// End implements dialect.Translator.
func (c *client) End() { c.topics.End() }

// Publication implements topic.Receiver.
func (c *client) Publication(id proto.RoomID, event []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for sub, topics := range c.subs {
		if topics[id] != "" {
			c.port.Send(eventFor(sub, event))
		}
	}
}

// Lost implements topic.Receiver.
func (c *client) Lost() { c.port.Close(proto.CloseTryAgain, dialect.Missed) }
