package webtorrent_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"p2pconnector/e2e/kit"
)

// failure is a refusal. Without action the client would give up its connection.
func failure(action, why string) object { return object{"action": action, "failure reason": why} }

// TestBadInput_EachText_IsRefusedAndTheConnectionStays tries texts that are no messages.
func TestBadInput_EachText_IsRefusedAndTheConnectionStays(t *testing.T) {
	s := start(t, kit.Options{Gateways: 1})
	ann := dial(t, s, 0, "ann")
	const hash = `"01234567890123456789"`
	announce := func(members string) string {
		return `{"action":"announce","info_hash":` + hash + `,"peer_id":` + hash + members + `}`
	}
	for text, want := range map[string]object{
		`{`:                                   failure("announce", "invalid message: no JSON object, or a member is there twice"),
		`[]`:                                  failure("announce", "invalid message: no JSON object, or a member is there twice"),
		``:                                    failure("announce", "invalid message: no JSON object, or a member is there twice"),
		`{}`:                                  failure("announce", "invalid action in WS request"),
		`{"action":"connect"}`:                failure("announce", "invalid action in WS request"),
		`{"action":"announce"}`:               failure("announce", "invalid info_hash"),
		`{"action":"announce","info_hash":1}`: failure("announce", "invalid info_hash"),
		`{"action":"announce","info_hash":["a"]}`:                                       failure("announce", "invalid info_hash"),
		`{"action":"announce","info_hash":` + hash + `}`:                                failure("announce", "invalid peer_id"),
		strings.ReplaceAll(announce(""), "9\"", "9x\""):                                 failure("announce", "invalid info_hash"),
		strings.ReplaceAll(announce(""), "9\"", "\""):                                   failure("announce", "invalid info_hash"),
		strings.ReplaceAll(announce(""), "9\"", "€\""):                                  failure("announce", "invalid info_hash"),
		strings.ReplaceAll(announce(""), "9\"", `\u0100"`):                              failure("announce", "invalid info_hash"),
		announce(`,"event":"gone"`):                                                     failure("announce", "invalid event"),
		announce(`,"event":"again"`):                                                    failure("announce", "invalid event"),
		announce(`,"event":7`):                                                          failure("announce", "invalid event"),
		announce(`,"answer":{}`):                                                        failure("announce", "invalid `to_peer_id` (required with `answer`)"),
		announce(`,"answer":{},"to_peer_id":"x"`):                                       failure("announce", "invalid `to_peer_id` (required with `answer`)"),
		`{"action":"scrape"}`:                                                           failure("scrape", "invalid info_hash"),
		`{"action":"scrape","info_hash":[]}`:                                            failure("scrape", "invalid info_hash"),
		`{"action":"scrape","info_hash":["*"]}`:                                         failure("scrape", "invalid info_hash"),
		`{"action":"scrape","info_hash":[` + strings.Repeat(hash+",", 64) + hash + `]}`: failure("scrape", "too many info hashes: ask for at most 64"),
		announce(`,"offers":` + strings.Repeat("[", 100) + strings.Repeat("]", 100)):    failure("announce", "invalid message: no JSON object, or a member is there twice"),
	} {
		ann.Send("%s", text)
		ann.expect(want)
	}
	ann.Send("%s", `{"action":"scrape","info_hash":[`+strings.Repeat(hash+",", 63)+hash+`]}`) // the most
	if m := ann.next(); m["action"] != "scrape" || m["failure reason"] != nil {
		t.Errorf("a scrape of 64 info hashes: got %v, want an answer", m)
	}
	for _, more := range []string{``, `,"offers":1`, `,"offers":[]`, `,"offers":[1,null,[],"x",{}]`, `,"numwant":-5`, `,"left":null`, `,"answer":0`, `,"event":""`} {
		ann.Send("%s", announce(more))
		ann.expectReply("01234567890123456789", 0, 1)
	}
	ann.expectNothing()
}

// TestLimits_AtTheEdge_RefuseWhatIsAbove tries swarms of a connection and offers of an
// announce.
func TestLimits_AtTheEdge_RefuseWhatIsAbove(t *testing.T) {
	s := start(t, kit.Options{})
	ann := dial(t, s, 0, "ann")
	for i := range 64 {
		ann.join(binary(fmt.Sprint("s", i)), 0, 1)
	}
	more := binary("more")
	ann.announce(more, nil)
	ann.expect(object{"action": "announce", "failure reason": "too many swarms: a connection may be in 64", "info_hash": more})
	first := binary("s0")
	ann.announce(first, object{"event": "stopped"})
	ann.expectReply(first, 0, 0)
	ann.join(more, 0, 1)

	members := []*client(nil)
	for i := range 25 {
		members = append(members, dial(t, s, i%2, fmt.Sprintf("member %d", i)))
		members[i].join(first, 0, i+1)
	}
	ben := dial(t, s, 1, "ben")
	ben.announce(first, object{"offers": offers("ben", 25)})
	ben.expectReply(first, 0, 26)
	got := 0
	for _, c := range members {
		c.send(object{"action": "scrape", "info_hash": first})
		for c.next()["action"] != "scrape" {
			got++
		}
	}
	if got != 20 {
		t.Errorf("25 offers: got %d at members, want 20", got)
	}
}

// TestFlood_Announces_AreRefused: announces above the rate are refused, and answers still pass.
func TestFlood_Announces_AreRefused(t *testing.T) {
	s := start(t, kit.Options{Gateways: 1})
	ann := dial(t, s, 0, "ann")
	hash := binary("swarm")
	refused := 0
	for range 180 {
		ann.announce(hash, nil)
	}
	for range 180 {
		if why := ann.next()["failure reason"]; why != nil {
			refused++
			if why != "too many announces: send fewer" {
				t.Fatalf("got %q, want that the client shall send fewer announces", why)
			}
		}
	}
	if refused == 0 || refused > 52 {
		t.Errorf("got %d of 180 announces refused, want more than 0 and at most 52", refused)
	}
}

// TestLargeMessage_OneMegabyte_Closes: as with our own protocol.
func TestLargeMessage_OneMegabyte_Closes(t *testing.T) {
	s := start(t, kit.Options{Gateways: 1})
	ann := dial(t, s, 0, "ann")
	_ = ann.WS.Write(t.Context(), websocket.MessageText, []byte(`{"action":"`+strings.Repeat("x", 1<<20)+`"}`)) // the gateway may close while it is sent
	if x, ok := ann.Next(); ok {
		t.Fatalf("got %s, want the end", x)
	}
	if code := websocket.CloseStatus(ann.Err()); code != websocket.StatusMessageTooBig {
		t.Errorf("got close code %d (%v), want %d", code, ann.Err(), websocket.StatusMessageTooBig)
	}
	dial(t, s, 0, "ben").expectNothing()
}
