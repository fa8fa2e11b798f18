// Package wsrelay serves clients of Trystero's strategy ws-relay: they subscribe to topics
// and publish to all subscribers, the publisher included.
//
//	client  {"type":"subscribe","topic":T}, {"type":"unsubscribe","topic":T},
//	        {"type":"publish","topic":T,"payload":P}
//	server  {"topic":T,"payload":P}
//
// All else is ignored: the protocol has no errors.
package wsrelay

import (
	"encoding/json"
	"net/http"
	"strings"

	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/topic"
	"p2pconnector/proto"
)

// Name is the dialect's name in metrics, and the namespace of its topics.
const Name = "wsrelay"

// Dialect serves all clients of the strategy of a gateway. It implements dialect.Dialect.
// Safe for concurrent use.
type Dialect struct{ topics *topic.Space }

// New returns a Dialect whose topics are in t.
func New(t *topic.Table) *Dialect {
	return &Dialect{topics: t.Space(Name, func([]byte) string { return "" })}
}

// Name implements dialect.Dialect.
func (d *Dialect) Name() string { return Name }

// Accepts implements dialect.Dialect.
func (d *Dialect) Accepts(path string) bool {
	return path == "/relay" || strings.HasPrefix(path, "/relay/")
}

// ServeHTTP implements dialect.Dialect: nothing but handshakes belongs to it.
func (d *Dialect) ServeHTTP(http.ResponseWriter, *http.Request, bool) bool { return false }

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

// Decode implements dialect.Translator.
func (c *client) Decode(text []byte) {
	m, ok := parse(text)
	if !ok || m.topic == "" || !c.port.MayJoin(m.topic) {
		return
	}
	switch m.kind {
	case "subscribe":
		c.topics.Subscribe(m.topic)
	case "unsubscribe":
		c.topics.Unsubscribe(m.topic)
	case "publish":
		if c.topics.Publish(m.topic, "", m.publication()) == topic.Unreachable {
			c.port.Close(proto.CloseTryAgain, dialect.Missed)
		}
	}
}

// End implements dialect.Translator.
func (c *client) End() { c.topics.End() }

// Publication implements topic.Receiver.
func (c *client) Publication(_ proto.RoomID, text []byte) { c.port.Send(text) }

// Lost implements topic.Receiver.
func (c *client) Lost() { c.port.Close(proto.CloseTryAgain, dialect.Missed) }

// message is what a client sends.
type message struct {
	kind, topic string
	rawTopic    []byte // as the client wrote it
	payload     []byte // raw JSON; nil: none
}

// parse reads a client's text; ok is false when it is no message.
func parse(text []byte) (m message, ok bool) {
	if !json.Valid(text) {
		return m, false
	}
	ok = proto.Members(text, func(name string, value []byte) {
		switch name {
		case "type":
			_ = json.Unmarshal(value, &m.kind) // another type counts as none
		case "topic":
			if json.Unmarshal(value, &m.topic) == nil {
				m.rawTopic = value
			}
		case "payload":
			m.payload = value
		}
	})
	return m, ok
}

// publication returns the text that subscribers get.
func (m *message) publication() []byte {
	b := append(make([]byte, 0, len(m.rawTopic)+len(m.payload)+24), `{"topic":`...)
	b = append(b, m.rawTopic...)
	if m.payload != nil {
		b = append(append(b, `,"payload":`...), m.payload...)
	}
	return append(b, '}')
}
