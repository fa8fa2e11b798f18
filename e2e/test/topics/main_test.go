// Package topics_test connects clients that publish and subscribe to the system, those of
// y-webrtc and Trystero: raw ones that send and expect their texts.
package topics_test

import (
	"fmt"
	"testing"

	"p2pconnector/e2e/kit"
	"p2pconnector/e2e/kit/text"
)

func TestMain(m *testing.M) { kit.Main(m) }

const pong = `{"type":"pong"}`

// client speaks y-webrtc, unless a test sends something else.
type client struct {
	*text.Conn
	t testing.TB
}

// dial connects to gateway i. The connection is closed at the end of the test.
func dial(t testing.TB, s *kit.Stack, i int, name string) *client {
	t.Helper()
	return dialURL(t, s.URL(i)+"yjs", name)
}

func dialURL(t testing.TB, url, name string) *client {
	t.Helper()
	return &client{text.Dial(t, name, url), t}
}

// answers fails the test unless the client's texts until now were handled and left nothing
// for it.
func (c *client) answers() {
	c.t.Helper()
	c.Send(`{"type":"ping"}`)
	c.Expect(pong)
}

// subscribe subscribes to a topic and waits until that has taken effect: the client's own
// publication comes back.
func (c *client) subscribe(topic string) {
	c.t.Helper()
	c.Send(`{"type":"subscribe","topics":[%q]}`, topic)
	c.publish(topic, announce(c.Name))
	c.Expect(published(topic, announce(c.Name)))
}

func (c *client) publish(topic, data string) { c.t.Helper(); c.Send("%s", published(topic, data)) }

func published(topic, data string) string {
	return fmt.Sprintf(`{"type":"publish","topic":%q,"data":%s}`, topic, data)
}

func announce(from string) string { return fmt.Sprintf(`{"type":"announce","from":%q}`, from) }

func signal(from, to string, n int) string {
	return fmt.Sprintf(`{"type":"signal","from":%q,"to":%q,"signal":%d}`, from, to, n)
}
