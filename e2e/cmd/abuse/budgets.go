package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"p2pconnector/e2e/kit/raw"
	"p2pconnector/proto"
)

// The attacks of this file use up what the server shares among its clients: bytes, rooms,
// buffers and credentials. They end when a limit answers. The table shows the same ones
// with many more clients, one at a time.

// tries bounds how often an attack repeats what it does: above the number of frames that
// may wait for the room service.
const tries = 300

// largeFrame is the data of a frame, almost as large as a frame may be.
var largeFrame = strings.Repeat("x", 60_000)

// member opens a connection and joins a room.
func member(ctx context.Context, t *target, me *attacker, room string) (c *raw.Conn, done func(), outcome string) {
	c, done, outcome = t.open(ctx, me, "/")
	if c == nil {
		return nil, nil, outcome
	}
	if outcome = joins(c, room); outcome != "" {
		done()
		return nil, nil, outcome
	}
	return c, done, ""
}

// joins joins a room, with metadata. The outcome is "" when the connection is in the room.
func joins(c *raw.Conn, room string) (outcome string) {
	got := ask(c, fmt.Sprintf(`{"event":"Join_Room","data":{"room":%q,"create":true,"metadata":%q},"id":"ask"}`, room, strings.Repeat("m", 500)))
	if got == string(proto.ClientAdded) {
		return ""
	}
	return got
}

// ask sends a frame with the id "ask" and returns the event of its answer, or how the
// connection ended.
func ask(c *raw.Conn, frame string) string {
	if _, err := c.Write(raw.Encode(raw.Fin|raw.Text, []byte(frame))); err != nil {
		return end(c)
	}
	for {
		b, err := c.Next()
		if err != nil {
			return outcomeOf(err)
		}
		if bytes.HasSuffix(b, []byte(`"id":"ask"}`)) {
			return eventOf(b)
		}
	}
}

// pass sends frames that are answered by errors alone, with the id "ask", until the error
// has one of the codes. It returns that code, or how the connection ended.
func pass(c *raw.Conn, frame string, codes ...proto.ErrorCode) string {
	for range tries {
		if _, err := c.Write(raw.Encode(raw.Fin|raw.Text, []byte(frame))); err != nil {
			return end(c)
		}
		if _, err := c.Write(raw.Encode(raw.Fin|raw.Text, []byte(`{"event":"Ping","id":"ping"}`))); err != nil {
			return end(c)
		}
		for ponged := false; !ponged; {
			b, err := c.Next()
			if err != nil {
				return outcomeOf(err)
			}
			if code := eventOf(b); bytes.HasSuffix(b, []byte(`"id":"ask"}`)) && slices.Contains(codes, proto.ErrorCode(code)) {
				return code
			}
			ponged = bytes.HasSuffix(b, []byte(`"id":"ping"}`))
		}
	}
	return "not limited"
}

// insist sends many frames with the id "ask", as fast as the server takes them, and reads
// until one of them is Rate_Limited. It gives up after as many answers, or at the answer to
// a last frame.
func insist(c *raw.Conn, frame func(i int) string, last string) (outcome string) {
	var wg sync.WaitGroup
	defer wg.Wait()
	defer c.Close()
	wg.Go(func() {
		for i := range tries {
			if _, err := c.Write(raw.Encode(raw.Fin|raw.Text, []byte(frame(i)))); err != nil {
				return // the reader notices
			}
		}
		_, _ = c.Write([]byte(last)) // the same
	})
	for answers := 0; answers < tries || last != ""; answers++ {
		b, err := c.Next()
		for err == nil && !bytes.HasSuffix(b, []byte(`"id":"ask"}`)) {
			b, err = c.Next()
		}
		if err != nil {
			return outcomeOf(err)
		}
		switch event := eventOf(b); event {
		case string(proto.RateLimited):
			return event
		case string(proto.Pong):
			return "not limited"
		}
	}
	return "not limited"
}

// overloadsRoom sends large messages to a room of attackers of this kind.
func overloadsRoom(c *raw.Conn, _ *attacker) string {
	const room = "flooded"
	if outcome := joins(c, room); outcome != "" {
		return outcome
	}
	frame := fmt.Sprintf(`{"event":"Message","room":%q,"data":%q,"id":"ask"}`, room, largeFrame)
	return insist(c, func(int) string { return frame }, string(raw.Encode(raw.Fin|raw.Text, []byte(`{"event":"Ping","id":"ask"}`))))
}

// asksForRoom asks for the list of a room of attackers of this kind.
func asksForRoom(c *raw.Conn, _ *attacker) string {
	const room = "asked for"
	if outcome := joins(c, room); outcome != "" {
		return outcome
	}
	return insist(c, func(int) string { return fmt.Sprintf(`{"event":"Room_Info","data":{"room":%q},"id":"ask"}`, room) }, "")
}

// updatesRoom changes the metadata of a room that it has created, with members that read.
func updatesRoom(ctx context.Context, t *target, me *attacker) string {
	room := "updated by " + me.address
	c, done, outcome := member(ctx, t, me, room)
	if c == nil {
		return outcome
	}
	defer done()
	for range 3 {
		other, done, outcome := member(ctx, t, me, room)
		if other == nil {
			return outcome
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			end(other)
		}()
		defer func() { done(); <-ended }()
	}
	metadata := strings.Repeat("x", 8100)
	return insist(c, func(i int) string {
		return fmt.Sprintf(`{"event":"Update_Room","data":{"room":%q,"metadata":"%d%s"},"id":"ask"}`, room, i, metadata)
	}, "")
}

// makesRooms makes rooms until it may not.
func makesRooms(c *raw.Conn, _ *attacker) string {
	for range tries {
		if got := ask(c, `{"event":"Create_Room","data":{},"id":"ask"}`); got != string(proto.RoomCreated) {
			return got
		}
	}
	return "not limited"
}

// fillsStore makes rooms with large metadata until JetStream has no space for more, with as
// many peers as that takes. Then a member must still be able to leave its room.
func fillsStore(ctx context.Context, t *target, me *attacker) string {
	metadata := strings.Repeat("x", 8100)
	for peers := 0; ; peers++ {
		c, done, outcome := t.open(ctx, me, "/")
		if c == nil {
			return outcome
		}
		defer func() {
			_, _ = c.Write(raw.CloseFrame(1000, "")) // its rooms end at once; it may have closed
			done()
		}()
		for i := range proto.DefaultMaxRooms {
			got := ask(c, fmt.Sprintf(`{"event":"Create_Room","data":{"room":"%s %d","metadata":%q},"id":"ask"}`, me.address, i, metadata))
			if got == string(proto.LimitExceeded) && i > 0 {
				got = ask(c, fmt.Sprintf(`{"event":"Leave_Room","data":{"room":"%s %d"},"id":"ask"}`, me.address, i-1))
				if got == string(proto.RoomLeft) {
					return string(proto.LimitExceeded)
				}
				return "Leave_Room: " + got
			}
			if got != string(proto.RoomCreated) {
				return got
			}
		}
		if peers == 100 {
			return "not limited"
		}
		began := me.began
		me = t.newAttacker() // with limits of its own
		me.began = began
	}
}

// fillsAbsent sends large frames to a peer of its own that has gone away.
func fillsAbsent(ctx context.Context, t *target, me *attacker) string {
	away, done, outcome := t.open(ctx, me, "/")
	if away == nil {
		return outcome
	}
	d, outcome := details(away)
	done() // without a close frame
	if outcome != "" {
		return outcome
	}
	return on("/", sendsLarge(d.ID, proto.NotDelivered, proto.RateLimited))(ctx, t, me)
}

// isUnwanted sends frames to a peer that accepts none.
func isUnwanted(ctx context.Context, t *target, me *attacker) string {
	closed, done, outcome := t.open(ctx, me, "/?accept_from=nobody")
	if closed == nil {
		return outcome
	}
	defer done()
	d, outcome := details(closed)
	if outcome != "" {
		return outcome
	}
	return on("/", sendsLarge(d.ID, proto.Unauthorised, proto.NotDelivered))(ctx, t, me)
}

// sendsLarge returns what sends large frames to a peer, until one is answered with one of codes.
func sendsLarge(to proto.PeerID, codes ...proto.ErrorCode) func(*raw.Conn, *attacker) string {
	return func(c *raw.Conn, _ *attacker) string {
		return pass(c, fmt.Sprintf(`{"event":"Message","to":%q,"data":%q,"id":"ask"}`, to, largeFrame), codes...)
	}
}

// hoardsCredentials asks for TURN credentials and counts how many it gets.
func hoardsCredentials(c *raw.Conn, _ *attacker) string {
	got := map[string]bool{}
	for range 100 {
		if _, err := c.Write(raw.Encode(raw.Fin|raw.Text, []byte(`{"event":"Ice_Servers"}`))); err != nil {
			return end(c)
		}
		b, err := c.Next()
		for err == nil && eventOf(b) != string(proto.IceServers) {
			b, err = c.Next()
		}
		if err != nil {
			return outcomeOf(err)
		}
		var f struct {
			Data struct {
				Servers []struct{ Username string } `json:"ice_servers"`
			} `json:"data"`
		}
		if json.Unmarshal(b, &f) != nil || len(f.Data.Servers) != 1 {
			return "no credentials"
		}
		got[f.Data.Servers[0].Username] = true
	}
	if len(got) > 2 { // one, and its successor
		return fmt.Sprintf("%d_credentials", len(got))
	}
	return "done"
}
