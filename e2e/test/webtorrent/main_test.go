// Package webtorrent_test connects raw clients of a WebTorrent tracker to the system. Package
// browser runs the real one, and compares the answers with those of its own server.
package webtorrent_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/e2e/kit/text"
)

func TestMain(m *testing.M) { kit.Main(m) }

// start starts a system, and returns when its gateways know each other.
func start(t testing.TB, opts kit.Options) *kit.Stack {
	t.Helper()
	s := kit.Start(t, opts)
	if opts.Gateways != 1 {
		awaitHomes(t, s, 0, 1)
	}
	return s
}

// awaitHomes returns when two gateways choose the same homes.
func awaitHomes(t testing.TB, s *kit.Stack, one, two int) {
	t.Helper()
	a, b := dial(t, s, one, "probe"), dial(t, s, two, "probe")
	for _, c := range []*client{a, b} {
		for _, hash := range hashes() {
			c.announce(hash, object{"event": "started"})
			c.next()
		}
	}
	for _, c := range []*client{a, b} {
		for _, hash := range hashes() {
			c.await(hash, 0, 2, 0)
		}
	}
	a.Drop()
	b.Drop()
	c := dial(t, s, one, "probe")
	for _, hash := range hashes() {
		c.await(hash, 0, 0, 0)
	}
	c.Drop()
}

// object is a JSON object.
type object = map[string]any

// client speaks to a tracker.
type client struct {
	*text.Conn
	t  testing.TB
	id string // its peer id
}

// binary returns a string of 20 characters, of which some are escaped in JSON and some take
// two bytes.
func binary(name string) string {
	return string([]rune(name + "\x00\u00ff\"\\/\u007f\n\u00a0" + strings.Repeat("-", 20))[:20])
}

// dial connects to gateway i. The connection is closed at the end of the test.
func dial(t testing.TB, s *kit.Stack, i int, name string) *client {
	t.Helper()
	return &client{text.Dial(t, name, s.URL(i)+"announce"), t, binary(name)}
}

func (c *client) send(x object) {
	c.t.Helper()
	b, err := json.Marshal(x)
	if err != nil {
		c.t.Fatal(err)
	}
	c.Send("%s", b)
}

// announce sends an announce for a hash, with more members.
func (c *client) announce(hash string, more object) {
	c.t.Helper()
	x := object{"action": "announce", "info_hash": hash, "peer_id": c.id, "left": 1, "numwant": 5}
	maps.Copy(x, more)
	c.send(x)
}

// offers returns n offers of a client, and an offer as a member gets it.
func offers(name string, n int) (all []any) {
	for i := range n {
		all = append(all, object{"offer_id": binary(fmt.Sprint(i, name)), "offer": object{"type": "offer", "sdp": fmt.Sprintf("v=0\r\n%s %d", name, i)}})
	}
	return all
}

// next returns the next object, and fails the test when the connection has ended.
func (c *client) next() (x object) {
	c.t.Helper()
	b, ok := c.Next()
	if err := json.Unmarshal([]byte(b), &x); !ok || err != nil {
		c.t.Fatalf("%s: got %q (open %v, %v), want an object", c.Name, b, ok, cmp.Or(c.Err(), err))
	}
	return x
}

// expect fails the test unless want is the next object.
func (c *client) expect(want object) {
	c.t.Helper()
	if got := c.next(); !reflect.DeepEqual(got, normal(want)) {
		c.t.Fatalf("%s: got %v, want %v", c.Name, got, want)
	}
}

// normal returns x with the types of encoding/json.
func normal(x object) (y object) {
	b, err := json.Marshal(x)
	if err != nil {
		panic(err)
	}
	if err := json.Unmarshal(b, &y); err != nil {
		panic(err)
	}
	return y
}

// expectReply fails the test unless the reply to an announce is next.
func (c *client) expectReply(hash string, complete, incomplete int) {
	c.t.Helper()
	c.expect(object{"complete": complete, "incomplete": incomplete, "action": "announce", "interval": 120, "info_hash": hash})
}

// join announces and expects the counts.
func (c *client) join(hash string, complete, incomplete int) {
	c.t.Helper()
	c.announce(hash, object{"event": "started"})
	c.expectReply(hash, complete, incomplete)
}

// expectNothing fails the test unless the client has got everything that was sent to it before:
// the reply to a scrape comes next.
func (c *client) expectNothing() {
	c.t.Helper()
	hash := binary("nobody is in this")
	c.send(object{"action": "scrape", "info_hash": hash})
	c.expect(object{"action": "scrape", "files": object{hash: files(0, 0, 0)}, "flags": object{"min_request_interval": 600}})
}

func files(complete, incomplete, downloaded int) object {
	return object{"complete": complete, "incomplete": incomplete, "downloaded": downloaded}
}

// scrape returns the counts of a swarm.
func (c *client) scrape(hash string) object {
	c.t.Helper()
	c.send(object{"action": "scrape", "info_hash": []string{hash}})
	for {
		x := c.next()
		if x["action"] != "scrape" {
			continue // an offer, or that the client shall announce again
		}
		all, _ := x["files"].(object)
		one, _ := all[hash].(object)
		return one
	}
}

// await scrapes until a swarm has the counts.
func (c *client) await(hash string, complete, incomplete, downloaded int) {
	c.t.Helper()
	want, got := normal(files(complete, incomplete, downloaded)), object{}
	for end := time.Now().Add(kit.Patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if got = c.scrape(hash); reflect.DeepEqual(got, want) {
			return
		}
	}
	c.t.Fatalf("counts: got %v, want %v", got, want)
}

// hashes returns info hashes that have their homes on all gateways: on one of two with a
// probability of 1 in 2,048.
func hashes() (all []string) {
	for i := range 12 {
		all = append(all, binary(fmt.Sprintf("h%d", i)))
	}
	return all
}
