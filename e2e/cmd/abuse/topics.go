package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"p2pconnector/e2e/kit/raw"
)

// The attacks of this file use what clients of other protocols share: topics and swarms.
// Like those on budgets, they end when a limit answers.

const (
	limited    = "limited"
	notLimited = "not limited"
)

// replyWith sends a text and reads until a text contains one of marks, which it returns. With
// "" the outcome says how the connection ended.
func replyWith(c *raw.Conn, text string, marks ...string) (mark, outcome string) {
	if _, err := c.Write(raw.Encode(raw.Fin|raw.Text, []byte(text))); err != nil {
		return "", end(c)
	}
	for {
		b, err := c.Next()
		if err != nil {
			return "", outcomeOf(err)
		}
		for _, mark := range marks {
			if bytes.Contains(b, []byte(mark)) {
				return mark, ""
			}
		}
	}
}

// Of an attack on a topic of nostr: its subscriptions, the events that it publishes, and the
// least time that they take, when the bytes sent for one client are limited to 8 MiB a second:
// the copies of all events have 75 MB, of which 4 seconds' worth pass at once.
const (
	copies      = 32
	floodEvents = 40
	floodTime   = 4 * time.Second
)

// floodsTopic publishes large events in a topic of nostr that it subscribes to many times. Its
// events wait until the limits allow them, or are refused.
func floodsTopic(c *raw.Conn, me *attacker) string {
	for i := range copies {
		if _, outcome := replyWith(c, fmt.Sprintf(`["REQ","s%d",{"#x":[%q]}]`, i, me.address), `["EOSE"`); outcome != "" {
			return outcome
		}
	}
	began := time.Now()
	for i := range floodEvents {
		event := fmt.Sprintf(`["EVENT",{"kind":20001,"tags":[["x",%q]],"content":%q,"id":"%d"}]`, me.address, largeFrame, i)
		const refused = `,false,"rate-limited`
		switch mark, outcome := replyWith(c, event, fmt.Sprintf(`["OK","%d",true`, i), refused); {
		case outcome != "":
			return outcome
		case mark == refused:
			return limited
		}
	}
	if time.Since(began) < floodTime {
		return notLimited
	}
	return limited
}

// hoardsTopics subscribes to more topics of y-webrtc than a client may, and publishes in the
// last of them, which must not come back.
func hoardsTopics(c *raw.Conn, me *attacker) string {
	var all []string
	for i := range tries {
		all = append(all, fmt.Sprintf(`"%s %d"`, me.address, i))
	}
	if _, err := c.Write(raw.Encode(raw.Fin|raw.Text, []byte(`{"type":"subscribe","topics":[`+strings.Join(all, ",")+`]}`))); err != nil {
		return end(c)
	}
	publish := raw.Encode(raw.Fin|raw.Text, []byte(`{"type":"publish","topic":`+all[tries-1]+`,"data":1}`))
	if _, err := c.Write(publish); err != nil {
		return end(c)
	}
	switch mark, outcome := replyWith(c, `{"type":"ping"}`, `"type":"publish"`, `"type":"pong"`); {
	case outcome != "":
		return outcome
	case strings.Contains(mark, "pong"):
		return limited
	}
	return notLimited
}

// announcesMuch sends large announces of WebTorrent, each for another swarm with more offers
// than are relayed, until one is refused.
func announcesMuch(c *raw.Conn, _ *attacker) string {
	offers := strings.Repeat(`{"offer_id":"01234567890123456789","offer":{"type":"offer","sdp":"`+strings.Repeat("x", 1000)+`"}},`, 50)
	for i := range tries {
		text := fmt.Sprintf(`{"action":"announce","info_hash":"%020d","peer_id":"01234567890123456789","numwant":50,"left":1,"offers":[%s]}`, i, strings.TrimSuffix(offers, ","))
		switch mark, outcome := replyWith(c, text, `"failure reason"`, `"interval"`); {
		case outcome != "":
			return outcome
		case mark == `"failure reason"`:
			return limited
		}
	}
	return notLimited
}
