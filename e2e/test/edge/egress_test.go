package edge_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"p2pconnector/e2e/kit/raw"
	"p2pconnector/gateway"
	"p2pconnector/proto"
)

// pings sends Ping frames of size bytes each, with the ids 1 to n.
func (c *client) pings(n, size int) {
	c.t.Helper()
	for i := 1; i <= n; i++ {
		head := fmt.Sprintf(`{"event":"Ping","id":%d,"pad":"`, i)
		if _, err := c.Write(text(head + strings.Repeat("x", size-len(head)-2) + `"}`)); err != nil {
			return // it has closed
		}
	}
}

// TestBytes_AboveTheRate_AreRefusedOnce: the burst passes, the next frame is refused with the
// time to wait, other connections are not affected, and a client that goes on is closed.
func TestBytes_AboveTheRate_AreRefusedOnce(t *testing.T) {
	e := start(t, func(c *gateway.Config) { c.BytesPerSecond = 10_000 }) // 40,000 at once
	beside, c := e.open(t, "/", nil), e.open(t, "/", nil)
	c.pings(5, 10_000)
	for i := 1; i <= 4; i++ {
		if f := c.expect(string(proto.Pong)); string(f.ID) != fmt.Sprint(i) {
			t.Fatalf("got the answer to %s, want that to %d", f.ID, i)
		}
	}
	f := c.expect(string(proto.RateLimited))
	if d := f.data(t); string(f.ID) != "5" || d.Event != "Ping" || d.RetryAfterMS < 1 || d.RetryAfterMS > 1000 || !strings.Contains(d.Message, "10000") {
		t.Errorf("got %s, want a refusal of frame 5 with at most 1,000 ms to wait", f.raw)
	}
	c.alive() // small frames pass again soon
	c.pings(600, 10_000)
	if reason := c.closed(proto.ClosePolicy); !strings.Contains(reason, "Rate_Limited") {
		t.Errorf("got reason %q, want one with Rate_Limited", reason)
	}
	beside.pings(1, 10_000)
	beside.expect(string(proto.Pong))
}

// room opens n connections, which join one room, and reads until each knows all.
func (e *edge) room(t *testing.T, n int) []*client {
	t.Helper()
	all := make([]*client, n)
	for i := range all {
		all[i] = e.open(t, "/", nil)
		all[i].send(`{"event":"Join_Room","data":{"room":"r","create":true}}`)
		all[i].expect(string(proto.ClientAdded))
	}
	for _, c := range all {
		c.known(n)
	}
	return all
}

// known reads until a frame about the room names n members, unless the last one that came
// did.
func (c *client) known(n int) {
	c.t.Helper()
	c.send(`{"event":"Room_Info","data":{"room":"r"},"id":"known"}`)
	for f := c.next(); ; f = c.next() {
		if string(f.ID) == `"known"` {
			if got := len(roomData(c.t, f).Clients); got != n {
				c.t.Fatalf("got %d members, want %d", got, n)
			}
			return
		}
	}
}

// flooded is what a member has got of a flood of messages with the ids 1 to n.
func (c *client) flooded(last string) (got []string) {
	c.t.Helper()
	for {
		f := c.next()
		if f.Event != string(proto.Message) {
			c.t.Fatalf("got %.200s, want messages", f.raw)
		}
		if string(f.ID) == last {
			return got
		}
		got = append(got, string(f.ID))
	}
}

// TestEgress_LargeMessagesToARoom_StayWithinTheBudget: a member that sends large messages to
// a room as fast as it can gets its budget sent, and errors for the rest, one each. No other
// member is closed, and each gets what was not refused. Others can still send.
func TestEgress_LargeMessagesToARoom_StayWithinTheBudget(t *testing.T) {
	const members, messages, size, rate = 50, 40, 60 << 10, 1 << 20
	for name, set := range map[string]func(*gateway.Config){
		"client": func(c *gateway.Config) { c.EgressPerSecond = rate },
		"room":   func(c *gateway.Config) { c.RoomEgressPerSecond = rate },
		"total":  func(c *gateway.Config) { c.TotalEgressPerSecond = rate },
	} {
		t.Run(name, func(t *testing.T) {
			e := start(t, set)
			all := e.room(t, members)
			attacker, other, rest := all[0], all[1], all[2:]
			began, pad := time.Now(), strings.Repeat("x", size)
			for i := range messages {
				attacker.send(fmt.Sprintf(`{"event":"Message","room":"r","id":%d,"data":%q}`, i+1, pad))
			}
			attacker.send(`{"event":"Ping"}`)
			refused := make(map[string]bool)
			for f := attacker.next(); f.Event != string(proto.Pong); f = attacker.next() {
				if d := f.data(t); f.Event != string(proto.RateLimited) || d.Room != "r" || d.RetryAfterMS < 1 || refused[string(f.ID)] {
					t.Fatalf("got %.300s, want one Rate_Limited for the message", f.raw)
				}
				refused[string(f.ID)] = true
			}
			budget := 4*rate + int(time.Since(began).Seconds()*rate)
			sent := messages - len(refused)
			if cost := sent * size * (members - 1); sent < 1 || cost > budget {
				t.Errorf("got %d messages sent, %d bytes, want at least 1 and at most %d bytes", sent, cost, budget)
			}
			// A debtor can send signals, and others can send to the room.
			attacker.send(fmt.Sprintf(`{"event":"Candidate","to":%q,"data":{}}`, other.details.ID))
			last := attacker
			if name == "client" {
				last = other
			}
			for passed := false; !passed; { // a shared budget may be short for a moment
				last.send(`{"event":"Message","room":"r","id":"last"}`)
				last.send(`{"event":"Ping"}`)
				passed = true
				for f := last.next(); f.Event != string(proto.Pong); f = last.next() {
					passed = passed && f.Event != string(proto.RateLimited)
				}
			}
			for i, c := range rest {
				got := c.flooded(`"last"`)
				if len(got) != sent {
					t.Errorf("member %d: got %d messages, want the %d that were not refused", i, len(got), sent)
				}
				for _, id := range got {
					if refused[id] {
						t.Errorf("member %d: got message %s, which was refused; want only the others", i, id)
					}
				}
			}
			if name != "client" {
				for f := other.next(); f.Event != string(proto.Candidate); f = other.next() {
					if f.Event != string(proto.Message) {
						t.Fatalf("got %.200s, want the signal", f.raw)
					}
				}
			}
		})
	}
}

// TestEgress_Defaults_OrdinaryLoadPasses: a room of 100 in which 10 members send 10 messages
// of 300 bytes each at once, twice the worst second of a busy chat, and a call's signals.
func TestEgress_Defaults_OrdinaryLoadPasses(t *testing.T) {
	e := start(t, func(c *gateway.Config) {
		c.BytesPerSecond, c.EgressPerSecond, c.RoomEgressPerSecond, c.TotalEgressPerSecond = 0, 0, 0, 0
	})
	const members, senders, each = 100, 10, 10
	all := e.room(t, members)
	pad := strings.Repeat("x", 300)
	for _, c := range all[:senders] {
		for range each {
			c.send(fmt.Sprintf(`{"event":"Message","room":"r","data":%q}`, pad))
		}
		for _, to := range all[:6] {
			if to != c {
				c.send(fmt.Sprintf(`{"event":"Offer","to":%q,"data":%q}`, to.details.ID, strings.Repeat("x", 5000)))
			}
		}
	}
	for i, c := range all {
		want := senders * each
		if i < senders {
			want -= each
		}
		for n := 0; n < want; {
			switch f := c.next(); f.Event {
			case string(proto.Message):
				n++
			case string(proto.Offer):
			default:
				t.Fatalf("member %d: got %.300s, want only messages and offers", i, f.raw)
			}
		}
	}
}

// TestEgress_MessageAboveTheBurst_PassesAlone: what costs more than the whole burst passes
// when nothing was used before, and the next one waits until it is paid for.
func TestEgress_MessageAboveTheBurst_PassesAlone(t *testing.T) {
	e := start(t, func(c *gateway.Config) { c.EgressPerSecond = 10_000 }) // 40,000 at once
	all := e.room(t, 5)
	fresh := e.open(t, "/", nil)
	fresh.send(`{"event":"Join_Room","data":{"room":"r"}}`)
	fresh.expect(string(proto.ClientAdded))
	big := fmt.Sprintf(`{"event":"Message","room":"r","id":1,"data":%q}`, strings.Repeat("x", 30_000))
	fresh.send(big)
	fresh.send(`{"event":"Message","room":"r","id":2}`)
	f := fresh.expect(string(proto.RateLimited))
	d := f.data(t)
	if string(f.ID) != "2" || d.RetryAfterMS < 6000 || d.RetryAfterMS > 12_000 {
		t.Errorf("got %s, want a refusal of message 2 until the debt of 110,000 bytes is paid", f.raw)
	}
	for f := all[0].next(); ; f = all[0].next() {
		if f.Event == string(proto.Message) {
			var id int
			must(t, json.Unmarshal(f.ID, &id))
			if id != 1 {
				t.Errorf("got message %d, want 1", id)
			}
			return
		}
	}
}

// TestEgress_MessageAboveTheTotal_LeavesSignals: a message that costs far more than the burst
// of all clients does not delay a signal of its sender or of another client, although the
// two together need most of what is reserved for signals.
func TestEgress_MessageAboveTheTotal_LeavesSignals(t *testing.T) {
	e := start(t, func(c *gateway.Config) { c.TotalEgressPerSecond = 10_000 }) // 40,000 at once
	all := e.room(t, 8)
	big := fmt.Sprintf(`{"event":"Message","room":"r","id":"big","data":%q}`, strings.Repeat("x", 50_000))
	for passed := false; !passed; { // once joining the room is paid for
		passed = true
		all[0].send(big)
		all[0].send(`{"event":"Ping"}`)
		for f := all[0].next(); f.Event != string(proto.Pong); f = all[0].next() {
			passed = passed && f.Event != string(proto.RateLimited)
		}
	}
	for _, from := range all[:2] {
		from.send(fmt.Sprintf(`{"event":"Candidate","to":%q,"data":%q}`, all[2].details.ID, strings.Repeat("x", 4500)))
		from.send(`{"event":"Ping"}`)
		for f := from.next(); f.Event != string(proto.Pong); f = from.next() {
			if f.Event != string(proto.Message) {
				t.Errorf("sender of a signal: got %.200s, want nothing but the message", f.raw)
			}
		}
	}
	if f := all[2].expect(string(proto.Message)); string(f.ID) != `"big"` {
		t.Errorf("member: got message %s, want the large one", f.ID)
	}
	for range 2 {
		all[2].expect(string(proto.Candidate))
	}
}

// TestEgress_ConnectsAgain_StaysInDebt: neither resuming its session nor beginning a new one
// gives a client that has caused much a full budget.
func TestEgress_ConnectsAgain_StaysInDebt(t *testing.T) {
	e := start(t, func(c *gateway.Config) { c.EgressPerSecond = 10_000 }) // 40,000 at once
	all := e.room(t, 4)
	join := func() *client {
		c := e.open(t, "/", nil)
		c.send(`{"event":"Join_Room","data":{"room":"r"}}`)
		c.expect(string(proto.ClientAdded))
		return c
	}
	refused := func(c *client) {
		t.Helper()
		c.send(`{"event":"Message","room":"r","id":2}`)
		if f := c.expect(string(proto.RateLimited)); f.data(t).RetryAfterMS < 5000 {
			t.Errorf("got %s, want a refusal until the debt of 160,000 bytes is paid", f.raw)
		}
	}
	debtor := join()
	token := debtor.session()
	debtor.send(fmt.Sprintf(`{"event":"Message","room":"r","id":1,"data":%q}`, strings.Repeat("x", 50_000)))
	debtor.alive()
	back := e.open(t, "/", nil)
	back.resume(token)
	refused(back)
	back.bytes(raw.CloseFrame(1000, ""))
	for f := all[0].next(); f.Event != string(proto.ClientRemoved); f = all[0].next() {
	}
	refused(join())
}

// TestEgress_UpdateRoom_CostsItsSizeForEachMember: large metadata is sent as often as the
// budget allows. The others get the last accepted value.
func TestEgress_UpdateRoom_CostsItsSizeForEachMember(t *testing.T) {
	e := start(t, func(c *gateway.Config) { c.EgressPerSecond = 20_000 }) // 80,000 at once
	all := e.room(t, 5)
	creator := all[0]
	var refused []int64
	for range 20 { // each costs about 42,000
		creator.send(fmt.Sprintf(`{"event":"Update_Room","data":{"room":"r","metadata":%q}}`, strings.Repeat("x", 8000)))
		f := creator.next()
		if f.Event == string(proto.RateLimited) {
			refused = append(refused, f.data(t).RetryAfterMS)
		} else if f.Event != string(proto.RoomUpdated) {
			t.Fatalf("got %.300s, want Room_Updated or Rate_Limited", f.raw)
		}
	}
	if len(refused) < 15 {
		t.Errorf("got %d of 20 updates refused, want 15 or more", len(refused))
	}
	for _, ms := range refused {
		if ms < 1 || ms > 3000 {
			t.Errorf("got %d ms to wait, want at most 3,000", ms)
		}
	}
	creator.send(`{"event":"Leave_Room","data":{"room":"r"}}`) // what frees is never refused
	creator.expect(string(proto.RoomLeft))
}

// TestEgress_RoomInfo_CostsItsAnswer: a client in debt for answers is refused before the room
// service is asked, and only that client.
func TestEgress_RoomInfo_CostsItsAnswer(t *testing.T) {
	e := start(t, func(c *gateway.Config) { c.EgressPerSecond = 2000 }) // 8,000 at once
	all := e.room(t, 2)
	info := func(c *client) string {
		c.send(`{"event":"Room_Info","data":{"room":"r"}}`)
		f := c.next()
		if f.Event == string(proto.RateLimited) {
			if ms := f.data(t).RetryAfterMS; ms < 1 || ms > 1000 {
				t.Errorf("got %d ms to wait, want at most 1,000", ms)
			}
		}
		return f.Event
	}
	answers, refused := 0, 0
	for range 100 { // each answer has more than 250 bytes
		switch got := info(all[1]); got {
		case string(proto.RoomInfo):
			answers++
		case string(proto.RateLimited):
			refused++
		default:
			t.Fatalf("got %s, want Room_Info or Rate_Limited", got)
		}
	}
	if answers < 8 || refused < 30 {
		t.Errorf("got %d answers and %d refusals, want at least 8 and 30", answers, refused)
	}
	if got := info(all[0]); got != string(proto.RoomInfo) {
		t.Errorf("another member: got %s, want Room_Info", got)
	}
}
