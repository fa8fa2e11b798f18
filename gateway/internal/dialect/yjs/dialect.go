package yjs

import (
	"io"
	"net/http"
	"strings"

	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/topic"
	"p2pconnector/proto"
)

// Name is the dialect's name in metrics, and the namespace of its topics.
const Name = "yjs"

// Dialect serves all clients of y-webrtc of a gateway. It implements dialect.Dialect. Safe
// for concurrent use.
type Dialect struct{ topics *topic.Space }

// New returns a Dialect whose topics are in t.
func New(t *topic.Table) *Dialect { return &Dialect{topics: t.Space(Name, addressee)} }

// Name implements dialect.Dialect.
func (d *Dialect) Name() string { return Name }

// Accepts implements dialect.Dialect.
func (d *Dialect) Accepts(path string) bool {
	return path == "/yjs" || strings.HasPrefix(path, "/yjs/")
}

// ServeHTTP implements dialect.Dialect: it answers what the original server answers to all
// requests.
func (d *Dialect) ServeHTTP(w http.ResponseWriter, r *http.Request, _ bool) bool {
	if !d.Accepts(r.URL.Path) {
		return false
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, "okay") // an error is one of the network
	return true
}

// Token implements dialect.Dialect: a client has no parameter of its own for it.
func (d *Dialect) Token(*http.Request) string { return "" }

// Refusal implements dialect.Dialect: the protocol has none.
func (d *Dialect) Refusal(dialect.Reason, string) []byte { return nil }

// NewTranslator implements dialect.Dialect.
func (d *Dialect) NewTranslator(_ *http.Request, _ string, port dialect.Port) dialect.Translator {
	c := &client{port: port}
	c.topics = d.topics.Client(c, port.Budget(), port.TurnKey())
	return c
}

// client is the translator of one connection. It implements dialect.Translator and
// topic.Receiver.
type client struct {
	dialect.Plain
	port   dialect.Port
	topics *topic.Client // used by the reader only
}

var pong = []byte(`{"type":"pong"}`)

// Decode implements dialect.Translator.
func (c *client) Decode(text []byte) {
	m, ok := parse(text)
	if !ok {
		return
	}
	switch m.kind {
	case typeSubscribe:
		for _, t := range m.topics {
			if t != "" && c.port.MayJoin(t) {
				c.topics.Subscribe(t) // the protocol has no answer to it
			}
		}
	case typeUnsubscribe:
		for _, t := range m.topics {
			c.topics.Unsubscribe(t)
		}
	case typePublish:
		if m.topic != "" && c.port.MayJoin(m.topic) && c.topics.Publish(m.topic, m.from, text) == topic.Unreachable {
			c.port.Close(proto.CloseTryAgain, dialect.Missed)
		}
	case typePing:
		c.port.Send(pong)
	}
}

// End implements dialect.Translator.
func (c *client) End() { c.topics.End() }

// Publication implements topic.Receiver.
func (c *client) Publication(_ proto.RoomID, text []byte) { c.port.Send(text) }

// Lost implements topic.Receiver.
func (c *client) Lost() { c.port.Close(proto.CloseTryAgain, dialect.Missed) }
