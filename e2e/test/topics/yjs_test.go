package topics_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
)

// TestPublish_ThreeGateways_ReachesEverySubscriberInOrder: the publisher included, as often
// as it published, and nobody else.
func TestPublish_ThreeGateways_ReachesEverySubscriberInOrder(t *testing.T) {
	s := kit.Start(t, kit.Options{Gateways: 3})
	var all []*client
	for i := range 6 {
		c := dial(t, s, i%3, fmt.Sprint("peer ", i))
		c.subscribe("doc")
		for _, other := range all {
			other.Expect(published("doc", announce(c.Name)))
		}
		all = append(all, c)
	}
	other := dial(t, s, 1, "other")
	other.subscribe("doc ")
	for n := range 100 {
		all[0].publish("doc", fmt.Sprintf(`{"n":%d,"text":"<&> \u2028"}`, n))
	}
	for _, c := range all {
		for n := range 100 {
			c.Expect(published("doc", fmt.Sprintf(`{"n":%d,"text":"<&> \u2028"}`, n)))
		}
		c.answers()
	}
	other.answers()
}

// TestPublish_WithoutSubscription_ReachesSubscribers: publishing needs no subscription, on
// the same gateway and on another.
func TestPublish_WithoutSubscription_ReachesSubscribers(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	ann := dial(t, s, 0, "ann")
	ann.subscribe("doc")
	for i := range 2 {
		ben := dial(t, s, i, "ben")
		ben.publish("doc", `"encrypted"`)
		ann.Expect(published("doc", `"encrypted"`))
		ben.publish("nobody", `1`)
		ben.answers()
	}
	ann.answers()
}

// TestSubscribe_AtOnceEverywhere_NoPairMisses: of each two clients that subscribe and then
// announce themselves once, at least one gets the announcement of the other.
func TestSubscribe_AtOnceEverywhere_NoPairMisses(t *testing.T) {
	s := kit.Start(t, kit.Options{Gateways: 3})
	for round := range 20 {
		topic := fmt.Sprint("doc ", round)
		var all []*client
		for i := range 6 {
			all = append(all, dial(t, s, i%3, fmt.Sprint("peer", i)))
		}
		for _, c := range all {
			c.Send(`{"type":"subscribe","topics":[%q]}`, topic)
			c.publish(topic, announce(c.Name))
		}
		arrived := make(map[string]bool)
		record := func(c *client, text string) { arrived[c.Name+" "+text] = true }
		met := func(c, d *client) bool {
			return arrived[c.Name+" "+published(topic, announce(d.Name))] || arrived[d.Name+" "+published(topic, announce(c.Name))]
		}
		for i, c := range all {
			for _, d := range all[:i] {
				for !met(c, d) {
					select {
					case text := <-c.Texts():
						record(c, text)
					case text := <-d.Texts():
						record(d, text)
					case <-time.After(kit.Patience):
						t.Fatalf("round %d: %s and %s: got no announcement of either at the other, want one", round, c.Name, d.Name)
					}
				}
			}
		}
		for _, c := range all {
			c.Drop()
		}
	}
}

// TestSignal_ForOnePeer_ReachesThatPeerOnly: a signal goes to the connections that have
// published as the peer, at whatever gateways.
func TestSignal_ForOnePeer_ReachesThatPeerOnly(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	ann, ben, eve := dial(t, s, 0, "ann"), dial(t, s, 1, "ben"), dial(t, s, 1, "eve")
	ann.subscribe("doc")
	ben.subscribe("doc")
	ann.Expect(published("doc", announce("ben")))
	eve.subscribe("doc")
	ann.Expect(published("doc", announce("eve")))
	ben.Expect(published("doc", announce("eve")))
	for n := range 10 {
		ann.publish("doc", signal("ann", "ben", n))
		eve.publish("doc", signal("eve", "ben", n))
		eve.publish("doc", signal("eve", "ann", n))
	}
	seen := map[string]int{}
	for range 20 {
		text, _ := ben.Next()
		seen[text]++
	}
	for n := range 10 {
		ann.Expect(published("doc", signal("eve", "ann", n)))
		for _, from := range []string{"ann", "eve"} {
			if got := seen[published("doc", signal(from, "ben", n))]; got != 1 {
				t.Errorf("ben: got signal %d of %s %d times, want once", n, from, got)
			}
		}
	}
	for _, c := range []*client{ann, ben, eve} {
		c.answers()
	}
}

// TestUnsubscribe_ThenPublish_ReachesOthersOnly: and a client that subscribes again is back,
// while its gateway leaves and joins the topic. What was on its way then may still arrive.
func TestUnsubscribe_ThenPublish_ReachesOthersOnly(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	ann, ben := dial(t, s, 0, "ann"), dial(t, s, 1, "ben")
	ann.subscribe("doc")
	for n := range 20 {
		ben.Send(`{"type":"subscribe","topics":["doc"]}`)
		ben.publish("doc", announce("ben"))
		for text, late := "", published("doc", fmt.Sprint(n-1)); text != published("doc", announce("ben")); {
			if text, _ = ben.Next(); text == late {
				late = "" // once
			} else if text != published("doc", announce("ben")) {
				t.Fatalf("round %d: got %s, want ben's announcement", n, text)
			}
		}
		ann.Expect(published("doc", announce("ben")))
		ben.Send(`{"type":"unsubscribe","topics":["doc"]}`)
		ben.Send(`{"type":"ping"}`)
		if text, _ := ben.Next(); text != pong { // what was on its way
			if want := published("doc", fmt.Sprint(n-1)); text != want {
				t.Fatalf("round %d: got %s, want %s or a pong", n, text, want)
			}
			ben.Expect(pong)
		}
		ann.publish("doc", fmt.Sprint(n))
		ann.Expect(published("doc", fmt.Sprint(n)))
	}
	ben.answers()
}

// TestBadInput_AnyText_LeavesTheConnectionOpen: the original server ends at the first of
// them.
func TestBadInput_AnyText_LeavesTheConnectionOpen(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	ann := dial(t, s, 0, "ann")
	ann.subscribe("doc")
	for _, text := range []string{
		``, `{`, `null`, `[]`, `1`, `"x"`, `{}`, `{"type":1}`, `{"type":"no"}`, `{"type":"pong"}`, `{"TYPE":"ping"}`,
		`{"type":"subscribe"}`, `{"type":"subscribe","topics":null}`, `{"type":"subscribe","topics":"doc"}`, `{"type":"subscribe","topics":[1,null,{},""]}`,
		`{"type":"unsubscribe","topics":["no"]}`, `{"type":"publish"}`, `{"type":"publish","topic":""}`, `{"type":"publish","topic":{},"data":1}`,
		`{"type":"subscribe","topics":["p2p.>","*","a b","doc.","\ufdd0yjs.x",` + fmt.Sprintf("%q", strings.Repeat("x", 10_000)) + `]}`,
	} {
		ann.Send("%s", text)
		ann.answers()
	}
	for _, topic := range []string{"p2p.>", "*", "a b", strings.Repeat("x", 10_000)} {
		ann.publish(topic, "1")
		ann.Expect(published(topic, "1"))
	}
}

// TestNameSpaces_NativeClient_CannotJoinATopic: nor read or write one by its name.
func TestNameSpaces_NativeClient_CannotJoinATopic(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	ann, eve := dial(t, s, 0, "ann"), s.Dial(t, 1)
	ann.subscribe("doc")
	for _, id := range []string{"doc", "yjs.doc"} {
		eve.Send(`{"event":"Join_Room","data":{"room":%q,"create":true},"id":1}`, id)
		eve.Expect("Client_Added")
		eve.Send(`{"event":"Message","room":%q,"data":1}`, id)
	}
	ann.publish("doc", "1")
	ann.Expect(published("doc", "1"))
	ann.answers()
	eve.Send(`{"event":"Ping"}`)
	eve.Expect("Pong")
}

func TestGet_AnyPathBelow_IsOkay(t *testing.T) {
	s := kit.Start(t, kit.Options{Gateways: 1})
	for _, path := range []string{"yjs", "yjs/", "yjs/any/path?x"} {
		if status, body := kit.Get(t, s.HTTP(0)+path); status != 200 || body != "okay" {
			t.Errorf("%s: got %d %q, want 200 okay", path, status, body)
		}
	}
	dialURL(t, s.URL(0)+"yjs/any/path?access_token=x", "ann").subscribe("doc")
}
