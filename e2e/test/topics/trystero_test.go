package topics_test

import (
	"fmt"
	"strings"
	"testing"

	"p2pconnector/e2e/kit"
)

// event is an ephemeral event of NIP-01 in a topic.
func event(id, topic string) string {
	return fmt.Sprintf(`{"kind":20001,"tags":[["x",%q]],"created_at":1,"content":"<%s>","pubkey":"p","id":%q,"sig":"s"}`, topic, id, id)
}

// TestNostr_TwoGateways_EventsReachEachSubscription: those of the publisher too, and the
// same event once for each.
func TestNostr_TwoGateways_EventsReachEachSubscription(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	ann, ben := dialURL(t, s.URL(0)+"nostr", "ann"), dialURL(t, s.URL(1)+"nostr", "ben")
	ann.Send(`["REQ","1",{"kinds":[20001],"since":1,"#x":["a","b"]}]`)
	ann.Expect(`["EOSE","1"]`)
	ben.Send(`["REQ","2",{"#x":["a"]}]`)
	ben.Expect(`["EOSE","2"]`)
	ben.Send(`["EVENT",%s]`, event("e1", "a"))
	ben.Expect(`["EVENT","2",` + event("e1", "a") + `]`)
	ben.Expect(`["OK","e1",true,""]`)
	ann.Expect(`["EVENT","1",` + event("e1", "a") + `]`)

	ben.Send(`["EVENT",%s]`, event("e2", "b")) // it has not subscribed to it
	ben.Expect(`["OK","e2",true,""]`)
	ann.Expect(`["EVENT","1",` + event("e2", "b") + `]`)

	ann.Send(`["REQ","1",{"#x":["b","c"]}]`) // in place of a and b
	ann.Expect(`["EOSE","1"]`)
	ann.Send(`["REQ","3",{"#x":["c"]}]`)
	ann.Expect(`["EOSE","3"]`)
	ann.Send(`["CLOSE","1"]`)
	ann.Send(`["EVENT",%s]`, event("e3", "c"))
	ann.Expect(`["EVENT","3",` + event("e3", "c") + `]`)
	ann.Expect(`["OK","e3",true,""]`)
	for n, topic := range []string{"a", "b", "c"} {
		id := fmt.Sprint("f", n)
		ben.Send(`["EVENT",%s]`, event(id, topic))
		if topic == "a" {
			ben.Expect(`["EVENT","2",` + event(id, topic) + `]`)
		}
		ben.Expect(fmt.Sprintf(`["OK",%q,true,""]`, id))
	}
	ann.Expect(`["EVENT","3",` + event("f2", "c") + `]`)
}

// TestNostr_BadInput_GetsAnErrorAndStaysOpen: and a client of Trystero, which never comes back
// after CLOSED, gets that for nothing that it sends.
func TestNostr_BadInput_GetsAnErrorAndStaysOpen(t *testing.T) {
	s := kit.Start(t, kit.Options{Gateways: 1})
	ann := dialURL(t, s.URL(0)+"nostr", "ann")
	const notice = `["NOTICE","invalid: the message is not of NIP-01"]`
	long := strings.Repeat("x", 64)
	for text, want := range map[string]string{
		`x`: notice, `[]`: notice, `{}`: notice, `["REQ","s",{"#x":"a"}]`: notice, `["COUNT","s",{}]`: notice,
		`["REQ","s",{"kinds":[1]}]`:                        `["CLOSED","s","unsupported: this relay serves filters with #x only"]`,
		`["REQ","",{"#x":["a"]}]`:                          `["NOTICE","invalid: a subscription's id has 1 to 64 bytes"]`,
		`["REQ","` + long + `",{"#x":["a"]}]`:              `["EOSE","` + long + `"]`,
		`["REQ","` + long + `x",{"#x":["a"]}]`:             `["NOTICE","invalid: a subscription's id has 1 to 64 bytes"]`,
		`["EVENT",{"id":"i","kind":1,"tags":[["x","a"]]}]`: `["OK","i",false,"blocked: this relay takes ephemeral events only"]`,
		`["EVENT",{"id":"i","kind":20000,"tags":[]}]`:      `["OK","i",true,""]`,
		`["REQ","s",{"#x":["p2p.>","*"," ","\u0000"]}]`:    `["EOSE","s"]`,
	} {
		ann.Send("%s", text)
		ann.Expect(want)
	}
}

// TestNostr_TooManyTopics_KeepsTheOthers: the client gets a NOTICE, not CLOSED.
func TestNostr_TooManyTopics_KeepsTheOthers(t *testing.T) {
	s := kit.Start(t, kit.Options{Gateways: 1})
	ann := dialURL(t, s.URL(0)+"nostr", "ann")
	list := ""
	for n := range 101 {
		list += fmt.Sprintf(`,"t%d"`, n)
	}
	ann.Send(`["REQ","s",{"#x":[%s]}]`, list[1:])
	ann.Expect(`["NOTICE","rate-limited: too many topics, or too many subscribers"]`)
	ann.Expect(`["EOSE","s"]`)
	ann.Send(`["EVENT",%s]`, event("e1", "t99"))
	ann.Expect(`["EVENT","s",` + event("e1", "t99") + `]`)
	ann.Expect(`["OK","e1",true,""]`)
}

// TestNostr_TooManySubscriptions_AreRefused: until one has ended.
func TestNostr_TooManySubscriptions_AreRefused(t *testing.T) {
	s := kit.Start(t, kit.Options{Gateways: 1})
	ann := dialURL(t, s.URL(0)+"nostr", "ann")
	for n := range 32 {
		ann.Send(`["REQ","s%d",{"#x":["a"]}]`, n)
		ann.Expect(fmt.Sprintf(`["EOSE","s%d"]`, n))
	}
	ann.Send(`["REQ","more",{"#x":["a"]}]`)
	ann.Expect(`["NOTICE","rate-limited: too many subscriptions"]`)
	ann.Send(`["CLOSE","s7"]`)
	ann.Send(`["REQ","more",{"#x":["a"]}]`)
	ann.Expect(`["EOSE","more"]`)
}

// TestWSRelay_TwoGateways_ReachesSubscribers: the publisher too.
func TestWSRelay_TwoGateways_ReachesSubscribers(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	ann, ben := dialURL(t, s.URL(0)+"relay", "ann"), dialURL(t, s.URL(1)+"relay", "ben")
	other := dial(t, s, 0, "other")
	other.subscribe("a") // of y-webrtc, another name space
	ann.Send(`{"type":"subscribe","topic":"a"}`)
	ann.Send(`{"type":"publish","topic":"a","payload":{"n":1}}`)
	ann.Expect(`{"topic":"a","payload":{"n":1}}`)
	for _, text := range []string{`x`, `[]`, `{"type":"publish"}`, `{"type":"publish","topic":1,"payload":1}`, `{"type":"no","topic":"a"}`} {
		ben.Send("%s", text)
	}
	ben.Send(`{"type":"publish","topic":"a","payload":"<2>"}`)
	ann.Expect(`{"topic":"a","payload":"<2>"}`)
	ann.Send(`{"type":"unsubscribe","topic":"a"}`)
	ann.Send(`{"type":"subscribe","topic":"b"}`)
	ann.Send(`{"type":"publish","topic":"a","payload":3}`)
	ann.Send(`{"type":"publish","topic":"b","payload":4}`)
	ann.Expect(`{"topic":"b","payload":4}`)
	other.answers()
}
