package edge_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"p2pconnector/e2e/kit"
	"p2pconnector/e2e/kit/raw"
	"p2pconnector/gateway"
)

// topics connects a client that publishes and subscribes.
func (e *edge) topics(t testing.TB, path, token string) *peerjs {
	t.Helper()
	return e.topicsFrom(t, path+"?"+url.Values{"access_token": {token}}.Encode(), nil)
}

// topicsFrom is topics with the headers of a handshake.
func (e *edge) topicsFrom(t testing.TB, path string, h http.Header) *peerjs {
	t.Helper()
	c, _, err := raw.Dial(t.Context(), e.addr, path, h)
	must(t, err)
	t.Cleanup(func() { _ = c.Close() }) // it may be closed already
	must(t, c.SetDeadline(time.Now().Add(2*kit.Patience)))
	return &peerjs{Conn: c, t: t}
}

const yjsPong = `{"type":"pong"}`

// TestTopics_SwitchedOff_AreNotThere: each protocol has its own switch.
func TestTopics_SwitchedOff_AreNotThere(t *testing.T) {
	for path, set := range map[string]func(*gateway.Config){
		"/yjs":   func(c *gateway.Config) { c.YjsOff = true },
		"/nostr": func(c *gateway.Config) { c.NostrOff = true },
		"/relay": func(c *gateway.Config) { c.WSRelayOff = true },
	} {
		e := start(t, set)
		if resp, _ := e.refused(t, path, nil); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s, switched off: got %s, want 404", path, resp.Status)
		}
		if path != "/yjs" {
			y := e.topics(t, "/yjs", "")
			y.send(`{"type":"ping"}`)
			y.expect(yjsPong)
		}
	}
}

// TestTopics_AccessToken_AllowsTopicsAsRooms: a token that names rooms allows the topics of
// these names, and one without the grant join none.
func TestTopics_AccessToken_AllowsTopicsAsRooms(t *testing.T) {
	s := signers(t)["HS256"]
	e := start(t, func(c *gateway.Config) { c.TokenKey = keyFile(t, s) })
	for _, c := range map[string]struct {
		rights map[string]any
		doc    bool
		other  bool
	}{
		"all":      {nil, true, true},
		"one room": {map[string]any{"rooms": []string{"doc"}}, true, false},
		"no join":  {map[string]any{"can": []string{"message"}}, false, false},
	} {
		claims := jwt.MapClaims{}
		if c.rights != nil {
			claims["p2p"] = c.rights
		}
		y := e.topics(t, "/yjs", s.token(t, claims))
		y.send(`{"type":"subscribe","topics":["doc","other"]}`)
		for topic, allowed := range map[string]bool{"doc": c.doc, "other": c.other} {
			text := `{"type":"publish","topic":"` + topic + `","data":1}`
			y.send(text)
			if allowed {
				y.expect(text)
			}
		}
		y.send(`{"type":"ping"}`)
		y.expect(yjsPong)
	}
}

// TestTopics_TooManyPerClient_TheOthersWork: the client is not closed.
func TestTopics_TooManyPerClient_TheOthersWork(t *testing.T) {
	e := start(t, func(c *gateway.Config) { c.MaxTopicsPerClient = 1 })
	y := e.topics(t, "/yjs", "")
	y.send(`{"type":"subscribe","topics":["doc","other"]}`)
	y.send(`{"type":"publish","topic":"other","data":1}`)
	y.send(`{"type":"publish","topic":"doc","data":2}`)
	y.expect(`{"type":"publish","topic":"doc","data":2}`)
}

// TestTopics_TooManyPerAddress_OtherAddressesSubscribe, to what the address may not have.
func TestTopics_TooManyPerAddress_OtherAddressesSubscribe(t *testing.T) {
	e := start(t, func(c *gateway.Config) { c.TrustedProxies, c.MaxTopicsPerAddr = "127.0.0.0/8", 1 })
	first, again, other := e.topicsFrom(t, "/yjs", from("203.0.113.7")), e.topicsFrom(t, "/yjs", from("203.0.113.7")), e.topicsFrom(t, "/yjs", from("203.0.113.8"))
	subscribe := `{"type":"subscribe","topics":["doc","other"]}`
	for _, y := range []*peerjs{first, again, other} {
		y.send(subscribe)
		y.send(`{"type":"ping"}`)
		y.expect(yjsPong)
	}
	text := `{"type":"publish","topic":"other","data":1}`
	other.send(text)
	other.expect(text)
	text = `{"type":"publish","topic":"doc","data":2}`
	other.send(text)
	for _, y := range []*peerjs{first, again, other} {
		y.expect(text) // and neither of the first two got the other topic
	}
}

// TestNostr_SubscribedManyTimes_PublisherPaysForEachCopy: a client that has a topic in many
// subscriptions gets an event once for each, and its publisher has caused all of them.
func TestNostr_SubscribedManyTimes_PublisherPaysForEachCopy(t *testing.T) {
	for subscriptions, passes := range map[int]bool{1: true, 8: false} {
		e := start(t, func(c *gateway.Config) { c.EgressPerSecond = 1024 })
		n := e.topics(t, "/nostr", "")
		for i := range subscriptions {
			n.send(fmt.Sprintf(`["REQ","s%d",{"#x":["a"]}]`, i))
			n.expect(fmt.Sprintf(`["EOSE","s%d"]`, i))
		}
		n.send(`["EVENT",` + nostrEvent("e1") + `]`)
		for range subscriptions {
			n.expect(`["EVENT",…`)
		}
		n.expect(`["OK","e1",true,""]`)
		n.send(`["EVENT",` + nostrEvent("e2") + `]`)
		if passes {
			n.expect(`["EVENT",…`)
			n.expect(`["OK","e2",true,""]`)
		} else {
			n.expect(`["OK","e2",false,"rate-limited: slow down"]`)
		}
	}
}

// nostrEvent is an ephemeral event of NIP-01 in topic a, of about a kilobyte.
func nostrEvent(id string) string {
	return fmt.Sprintf(`{"kind":20001,"tags":[["x","a"]],"created_at":1,"content":%q,"pubkey":"p","id":%q,"sig":"s"}`, strings.Repeat("x", 1000), id)
}
