package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"p2pconnector/e2e/kit/raw"
	"p2pconnector/proto"
)

// details reads a connection's first frame.
func details(c *raw.Conn) (d proto.Details, outcome string) {
	var f struct {
		Data proto.Details `json:"data"`
	}
	b, err := c.Next()
	if err != nil {
		return d, outcomeOf(err)
	}
	if json.Unmarshal(b, &f) != nil || f.Data.Session == "" {
		return d, "no session"
	}
	return f.Data, ""
}

func resumeFrame(session string) []byte {
	return raw.Encode(raw.Fin|raw.Text, fmt.Appendf(nil, `{"event":"Resume","data":{"session":%q},"id":"resume"}`, session))
}

// answer reads frames until one contains text.
func answer(c *raw.Conn, text string) (outcome string) {
	for {
		b, err := c.Next()
		if err != nil {
			return outcomeOf(err)
		}
		if bytes.Contains(b, []byte(text)) {
			return ""
		}
	}
}

// resumesItself resumes the session that its own connection already has.
func resumesItself(c *raw.Conn, _ *attacker) string {
	d, outcome := details(c)
	if outcome != "" {
		return outcome
	}
	if _, err := c.Write(resumeFrame(d.Session)); err != nil {
		return outcomeOf(err)
	}
	if outcome = answer(c, `"resumed":true`); outcome != "" {
		return outcome
	}
	return "done"
}

// resumesEachOther makes two connections resume each other's sessions at the same
// time. Each must be answered or closed.
func resumesEachOther(ctx context.Context, t *target, me *attacker) string {
	var conns [2]*raw.Conn
	var sessions [2]string
	for i := range conns {
		c, done, outcome := t.open(ctx, me, "/")
		if c == nil {
			return outcome
		}
		defer done()
		d, outcome := details(c)
		if outcome != "" {
			return outcome
		}
		conns[i], sessions[i] = c, d.Session
	}
	for i, c := range conns {
		if _, err := c.Write(resumeFrame(sessions[1-i])); err != nil {
			return outcomeOf(err)
		}
	}
	for _, c := range conns {
		switch outcome := answer(c, `"id":"resume"`); outcome {
		case "", "cut", proto.CloseTakenOver.String():
		default:
			return outcome
		}
	}
	return "done"
}

// joinsAndLeaves joins and leaves a room that has other members, as fast as it may.
func joinsAndLeaves(c *raw.Conn, _ *attacker) string {
	for i := range 10 {
		for _, event := range []string{"Join_Room", "Leave_Room"} {
			id := fmt.Sprintf("%s-%d", event, i)
			frame := fmt.Appendf(nil, `{"event":%q,"data":{"room":"revolving door","create":true},"id":%q}`, event, id)
			if _, err := c.Write(raw.Encode(raw.Fin|raw.Text, frame)); err != nil {
				return outcomeOf(err)
			}
			if outcome := answer(c, `"id":"`+id+`"`); outcome != "" {
				return outcome
			}
		}
	}
	return "done"
}
