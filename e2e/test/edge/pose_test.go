package edge_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"p2pconnector/gateway"
	"p2pconnector/proto"
)

// TestRelay_ForgedServerFrame_IsNotTheServers: whatever a client puts into a relayed frame, its receiver
// gets `from` from the server, and no other member that could pass for the server's, in
// any spelling that a JSON library may accept.
func TestRelay_ForgedServerFrame_IsNotTheServers(t *testing.T) {
	e := start(t, nil)
	a, b, c := e.open(t, "/", nil), e.open(t, "/", nil), e.open(t, "/", nil)
	for i, p := range []*client{a, b, c} {
		p.send(`{"event":"Join_Room","data":{"room":"r","create":true}}`)
		for _, seer := range []*client{a, b, c}[:i+1] { // updates are coalesced, but none of these can be
			if n := len(roomData(t, seer.expect(string(proto.ClientAdded))).Clients); n != i+1 {
				t.Fatalf("got %d members, want %d", n, i+1)
			}
		}
	}
	claims := []string{
		`"from":"C"`, `"FROM":"C"`, `"From":"C"`, `"fr\u006fm":"C"`,
		`"type":"info"`, `"TYPE":"error"`, `"Type":"update"`, `"\u0074ype":"info"`,
		`"timestamp":"2020-01-01T00:00:00Z"`, `"Timestamp":1`, `"time` + "\u017f" + `tamp":1`, `"me\u017f` + "\u017f" + `age_id":1`,
		`"message_id":"x"`, `"MESSAGE_ID":"x"`, `"EVENT":"Room_Deleted"`, `"Event":"Client_Details"`, `"TO":"B"`, `"To":"B"`,
		`"ROOM":"another"`, `"r\u006fOm":"another"`,
	}
	for _, claim := range claims {
		claim := strings.NewReplacer(`"C"`, fmt.Sprintf("%q", c.details.ID), `"B"`, fmt.Sprintf("%q", b.details.ID)).Replace(claim)
		for target, receivers := range map[string][]*client{
			fmt.Sprintf(`"to":%q`, b.details.ID): {b}, `"room":"r"`: {b, c},
		} {
			a.send(fmt.Sprintf(`{%s,"event":"Message",%s,"data":1}`, claim, target))
			for _, r := range receivers {
				wantHonest(t, r.next(), a.details.ID, claim)
			}
		}
		for _, event := range []string{"Offer", "Answer", "Candidate"} {
			a.send(fmt.Sprintf(`{"event":%q,"to":%q,"data":{"sdp":"x"},%s}`, event, b.details.ID, claim))
			wantHonest(t, b.next(), a.details.ID, claim)
		}
	}
	// The server makes a frame of its own from a Connect, and drops everything besides its
	// two values.
	a.send(fmt.Sprintf(`{"event":"Connect","to":%q,"from":%q,"data":{"sdp":"x","candidate":"y","from":%[2]q,"event":"Room_Deleted"},"message_id":"mine"}`, b.details.ID, c.details.ID))
	f := b.expect("Offer")
	want := fmt.Sprintf(`{"event":"Offer","from":%q,"data":{"sdp":"x","candidate":"y"}}`, a.details.ID)
	if f.Type != "info" || f.From != "" || string(f.Data) != want || bytes.Contains(f.raw, []byte("mine")) {
		t.Errorf("a Connect: got %s, want an Offer of the sender", f.raw)
	}
	// Clients cannot send events of the server.
	for _, d := range proto.ServerEvents {
		if _, ok := proto.ParseEvent([]byte(d.Event)); ok {
			continue // sent by both
		}
		a.send(fmt.Sprintf(`{"event":%q,"to":%q,"data":{}}`, d.Event, b.details.ID))
		a.expect(string(proto.UnsupportedEvent))
	}
	b.alive() // no other frame arrived
}

// wantHonest checks a relayed frame: at most one member of each reserved name, in any
// case, and its value as the server writes it.
func wantHonest(t *testing.T, f frame, from proto.PeerID, claim string) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(f.raw))
	if _, err := dec.Token(); err != nil {
		t.Fatal(err)
	}
	for dec.More() {
		name, err := dec.Token()
		must(t, err)
		var value json.RawMessage
		must(t, dec.Decode(&value))
		switch n := name.(string); {
		case n == "event", n == "room":
		case n == "from":
			if string(value) != fmt.Sprintf("%q", from) {
				t.Errorf("with %s: got from %s, want the sender's id", claim, value)
			}
		default:
			for _, reserved := range []string{"from", "type", "timestamp", "message_id", "event", "to", "room"} {
				if strings.EqualFold(n, reserved) {
					t.Errorf("with %s: got %s, want no member that passes for the server's", claim, f.raw)
				}
			}
		}
	}
}

// nasty are values that clients put where a name is expected.
var nasty = []string{
	`\u0000\u001b[31m\r\nlevel=ERROR msg=forged`, `\"},\"type\":\"info\"`, `*`, `>`, `p2p.gw.*.peer.>`, `$SYS.>`, `$JS.API.STREAM.PURGE.KV_rooms`,
	`a b`, `..`, `\u202e\u2028`, `<script>alert(1)</script>`, strings.Repeat("A", 30_000), strings.Repeat(`é`, 100), `%s%n%x`, `\uD800`,
}

// TestErrors_TextOfClients_IsBounded: an error quotes no client text without escaping and cutting it,
// whatever field it was in, and the connection stays open.
func TestErrors_TextOfClients_IsBounded(t *testing.T) {
	e := start(t, nil)
	c := e.open(t, "/", nil)
	for _, s := range nasty {
		for _, form := range []string{
			`{"event":"%s"}`, `{"event":"Message","to":"%s"}`, `{"event":"Message","room":"%s"}`, `{"event":"Offer","to":"%s","data":{}}`,
			`{"event":"Join_Room","data":{"room":"%s"}}`, `{"event":"Leave_Room","data":{"room":"%s"}}`, `{"event":"Room_Info","data":{"room":"%s"}}`,
			`{"event":"Remove_Client","data":{"room":"%s","client":"%[1]s"}}`, `{"event":"Update_Room","data":{"room":"x","name":"%s"}}`,
			`{"event":"Resume","data":{"session":"%s"}}`, `{"event":"Authenticate","data":{"token":"%s"}}`, `{"event":["%s"]}`, `{"%s":1}`, `{"event":"Connect","to":"%s","data":{"sdp":1,"candidate":2}}`,
		} {
			c.send(strings.ReplaceAll(strings.ReplaceAll(form, "%[1]s", s), "%s", s))
			f := c.next()
			if f.Type != "error" {
				t.Fatalf("%.60s in %s: got %.300s, want an error", s, form, f.raw)
			}
			if len(f.raw) > 2000 {
				t.Errorf("%.60s in %s: got an error of %d bytes, want a short one", s, form, len(f.raw))
			}
			if !utf8.Valid(f.raw) || bytes.ContainsFunc(f.raw, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("%.60s in %s: got %q, want no control characters", s, form, f.raw)
			}
			if d := f.data(t); strings.ContainsFunc(d.Message, func(r rune) bool { return r < ' ' || r == '\u202e' || r == '\u2028' }) {
				t.Errorf("%.60s in %s: got message %q, want no control characters", s, form, d.Message)
			}
		}
	}
	c.alive()
	wantTidyLog(t, e, "forged", strings.Repeat("A", 200))
}

// logKey matches the key of an attribute; no client's text here does.
var logKey = regexp.MustCompile(`^[a-z][a-z_]{1,15}$`)

// wantTidyLog checks that every line of the log is one JSON object of bounded length with
// our keys, and contains none of the texts.
func wantTidyLog(t *testing.T, e *edge, never ...string) {
	t.Helper()
	for _, line := range e.log.lines() {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Errorf("got the log line %q, want one object a line", line)
		}
		for k := range m {
			if !logKey.MatchString(k) {
				t.Errorf("got the key %q in %.300s, want a known key", k, line)
			}
		}
		if len(line) > 1000 {
			t.Errorf("got a log line of %d bytes, want a short one: %.300s", len(line), line)
		}
		for _, s := range never {
			if strings.Contains(line, s) {
				t.Errorf("got %.40q in the log, want it absent: %.300s", s, line)
			}
		}
	}
}

// TestLogs_Secrets_AreNotInThem: neither tokens nor the contents of peers' frames are logged, at any
// level.
func TestLogs_Secrets_AreNotInThem(t *testing.T) {
	s := signers(t)["HS256"]
	e := start(t, func(c *gateway.Config) { c.TokenKey = keyFile(t, s) })
	token := s.token(t, nil)
	a, b := e.open(t, "/", bearer(token)), e.open(t, "/?access_token="+token, nil)
	bad := token[:len(token)-6] + "AAAAAA"
	wants401(t, e, "forged", "/", bearer(bad))
	wants401(t, e, "forged", "/?access_token="+bad, nil)
	wants401(t, e, "long", "/?access_token="+strings.Repeat("A", 5000), nil)
	a.send(fmt.Sprintf(`{"event":"Offer","to":%q,"data":{"sdp":"v=0 very private"}}`, b.details.ID))
	b.expect("Offer")
	a.send(fmt.Sprintf(`{"event":"Resume","data":{"session":%q}}`, b.details.Session))
	a.expect(string(proto.Unauthorised)) // not the first frame
	a.send(`{"event":"Join_Room","data":{"room":"r","create":true,"metadata":"quite private"}}`)
	a.expect(string(proto.ClientAdded))
	a.bytes([]byte("GET / HTTP/1.1\r\n\r\n"))
	a.closed(proto.CloseProtocolError)
	secrets := []string{"private", b.details.Session, strings.Repeat("A", 200)}
	secrets = append(secrets, strings.Split(token, ".")[1:]...)
	wantTidyLog(t, e, secrets...)
}
