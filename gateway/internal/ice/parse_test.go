package ice

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// Answers as the providers document them.
const (
	cloudflare    = `{"iceServers":[{"urls":["stun:stun.cloudflare.com:3478"]},{"urls":["turn:turn.cloudflare.com:3478?transport=udp","turns:turn.cloudflare.com:5349?transport=tcp"],"username":"bc91b63e","credential":"ebd65c"}]}`
	cloudflareOld = `{"iceServers":{"urls":["stun:stun.cloudflare.com:3478","turn:turn.cloudflare.com:3478?transport=udp"],"username":"bc91b63e","credential":"ebd65c"}}`
	twilio        = `{"username":"dc2d","password":"tE=","account_sid":"ACx","ttl":"3600","date_created":"Fri, 01 May 2015 17:55:26 +0000","ice_servers":[{"url":"stun:global.stun.twilio.com:3478","urls":"stun:global.stun.twilio.com:3478"},{"url":"turn:global.turn.twilio.com:3478?transport=udp","username":"dc2d","credential":"tE=","urls":"turn:global.turn.twilio.com:3478?transport=udp"}]}`
	plain         = `[{"urls":"stun:stun.example.org"},{"urls":["turn:turn.example.org"],"username":"u","credential":"c"}]`
)

func TestParse_EachProvider_GivesItsServers(t *testing.T) {
	for _, c := range []struct {
		name, answer, want string
		life               time.Duration
	}{
		{"Cloudflare", cloudflare, `[{"urls":["stun:stun.cloudflare.com:3478"]},{"urls":["turn:turn.cloudflare.com:3478?transport=udp","turns:turn.cloudflare.com:5349?transport=tcp"],"username":"bc91b63e","credential":"ebd65c"}]`, 0},
		{"Cloudflare, one server", cloudflareOld, `[{"urls":["stun:stun.cloudflare.com:3478","turn:turn.cloudflare.com:3478?transport=udp"],"username":"bc91b63e","credential":"ebd65c"}]`, 0},
		{"Twilio", twilio, `[{"urls":["stun:global.stun.twilio.com:3478"]},{"urls":["turn:global.turn.twilio.com:3478?transport=udp"],"username":"dc2d","credential":"tE="}]`, time.Hour},
		{"plain list", plain, `[{"urls":["stun:stun.example.org"]},{"urls":["turn:turn.example.org"],"username":"u","credential":"c"}]`, 0},
		{"url alone", `[{"url":"stun:a"}]`, `[{"urls":["stun:a"]}]`, 0},
		{"ttl as a number", `{"ttl":60,"iceServers":[{"urls":"stun:a"}]}`, `[{"urls":["stun:a"]}]`, time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := parse([]byte(c.answer))
			if err != nil {
				t.Fatal(err)
			}
			if b, err := json.Marshal(got.servers); err != nil || string(b) != c.want || got.life != c.life {
				t.Errorf("got %s, life %v (%v), want %s, life %v", b, got.life, err, c.want, c.life)
			}
		})
	}
}

// TestParse_WhatABrowserRefuses_IsRefused also checks that no credential gets into an error.
func TestParse_WhatABrowserRefuses_IsRefused(t *testing.T) {
	many := func(n int, s string) string { return "[" + strings.Repeat(s+",", n-1) + s + "]" }
	if _, err := parse([]byte(many(maxServers, `{"urls":"stun:a"}`))); err != nil {
		t.Errorf("got %v for as many servers as may be, want none", err)
	}
	for _, answer := range []string{
		``, `null`, `5`, `"x"`, `[]`, `{}`, `{"iceServers":null}`, `{"iceServers":[]}`, `{"iceServers":5}`, `[null]`, `[{}]`, `[5]`,
		`[{"urls":5}]`, `[{"urls":[]}]`, `[{"urls":[5]}]`, `[{"urls":""}]`, `[{"urls":"stun:"}]`, `[{"urls":"http://a"}]`, `[{"urls":"stun:a b"}]`,
		`[{"urls":"turn:a"}]`, `[{"urls":"turn:a","username":"u"}]`, `[{"urls":"turn:a","credential":"hunter2"}]`,
		`[{"urls":"turn:a","username":"u","credential":5}]`, `[{"urls":"stun:a"},{"urls":"ftp:hunter2"}]`,
		`{"ttl":"soon","iceServers":[{"urls":"stun:a"}]}`, `{"ttl":0,"iceServers":[{"urls":"stun:a"}]}`,
		many(maxServers+1, `{"urls":"stun:a"}`),
		`[{"urls":` + many(maxURLs+1, `"stun:a"`) + `}]`,
		fmt.Sprintf(`[{"urls":"stun:%s"}]`, strings.Repeat("a", maxListBytes)),
	} {
		got, err := parse([]byte(answer))
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%.80s: got %s, error %v, want an error without the credential", answer, got.servers, err)
		}
	}
}

// FuzzParse: whatever is accepted is within the bounds, and is read again as the same list.
func FuzzParse(f *testing.F) {
	for _, s := range []string{cloudflare, cloudflareOld, twilio, plain, `[{"url":"stun:a"}]`, `{"iceServers":null}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		first, err := parse(answer)
		if err != nil {
			return
		}
		b, err := json.Marshal(first.servers)
		if err != nil || len(first.servers) == 0 || len(first.servers) > maxServers || len(b) > maxListBytes+maxServers+2 {
			t.Fatalf("got %d servers in %d bytes (%v), want them within the bounds", len(first.servers), len(b), err)
		}
		second, err := parse(b)
		if again, _ := json.Marshal(second.servers); err != nil || !bytes.Equal(b, again) {
			t.Errorf("read again: got %s (%v), want %s", again, err, b)
		}
	})
}
