package topics_test

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"p2pconnector/e2e/kit"
)

// relays returns the relays that all gateways have published to others, and those to and
// from the last one.
func relays(t *testing.T, s *kit.Stack, gateways int) (sum, last int) {
	t.Helper()
	for i := range gateways {
		resp, err := http.Get(s.Ops(i) + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), " ")
			var n int
			if _, err := fmt.Sscan(value, &n); err != nil {
				continue
			}
			if name == "p2p_gateway_relays_published_total" {
				sum += n
			}
			if i == gateways-1 && strings.HasPrefix(name, "p2p_gateway_topic_publications_total") {
				last += n
			}
		}
		resp.Body.Close()
	}
	return sum, last
}

// TestCost_MeshOverGateways_IsSquare: with clients on three of four gateways, a publication is
// one message to each other gateway with subscribers and none to the fourth, and signals
// between all pairs are delivered once each.
func TestCost_MeshOverGateways_IsSquare(t *testing.T) {
	const with, clients = 3, 12
	s := kit.Start(t, kit.Options{Gateways: with + 1, Ops: true})
	var all []*client
	for i := range clients {
		c := dial(t, s, i%with, fmt.Sprint("peer", i))
		c.subscribe("doc")
		for _, other := range all {
			other.Expect(published("doc", announce(c.Name)))
		}
		all = append(all, c)
	}
	before, _ := relays(t, s, with+1)
	all[0].publish("doc", `"one"`)
	for _, c := range all {
		c.Expect(published("doc", `"one"`))
	}
	after, _ := relays(t, s, with+1)
	if got := after - before; got != with-1 {
		t.Errorf("one publication: got %d messages between gateways, want %d", got, with-1)
	}
	for _, from := range all {
		for n, to := range all {
			if from != to {
				from.publish("doc", signal(from.Name, to.Name, n))
			}
		}
	}
	deliveries := 0
	for n, c := range all {
		for range clients - 1 {
			text, _ := c.Next()
			deliveries++
			if want := fmt.Sprintf(`"to":%q,"signal":%d`, c.Name, n); !strings.Contains(text, want) {
				t.Errorf("%s: got %s, want a signal with %s", c.Name, text, want)
			}
		}
		c.answers()
	}
	end, last := relays(t, s, with+1)
	if got, want := end-after, clients*(clients-1)*(with-1); got != want {
		t.Errorf("signals of all pairs: got %d messages between gateways, want %d", got, want)
	}
	if last != 0 {
		t.Errorf("the gateway without subscribers: got %d publications, want none", last)
	}
	t.Logf("%d clients, a signal between each two: %d deliveries (to all subscribers: %d), %d messages between gateways",
		clients, deliveries, clients*clients*(clients-1), end-after)
}
