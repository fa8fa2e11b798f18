package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"p2pconnector/e2e/kit/raw"
	"p2pconnector/proto"
)

// Bounds of the server that attacks wait for.
const (
	soon       = 2 * time.Second  // only work delays the end
	slowFrame  = 10 * time.Second // a message may take that long
	header     = 5 * time.Second  // and the headers of a handshake that
	halfOpen   = 45 * time.Second // a connection that answers nothing has ended by then
	manyFrames = 20 * time.Second // a flood is as fast as both sides are
	stuck      = 11 * time.Second // a connection whose write makes no progress for 10 s is closed at the next sweep
)

// attacks lists all attacks. 503 is an allowed outcome of each, because the server
// refuses what exceeds its limits. A flood may end cut or reset, when the client
// has not read its close frame in time. While one of them has filled the store, the others
// get no room; subscribers of topics are closed with 1013 then. Of the attacks on rooms there are few at once:
// a room service on two CPUs makes rooms for some thousand honest peers, or for some ten of
// these.
var attacks = []attack{
	{"killer frame of gws", sends(raw.Killer()), "1002", soon, 0},
	{"malformed frames", malformed, "1002", soon, 0},
	{"random bytes", randomBytes, "1002 1003 1007 1008 1009 1000 cut", slowFrame + soon, 0},
	{"binary frames", sends(raw.Encode(raw.Fin|raw.Binary, []byte("{}"))), "1003", soon, 0},
	{"invalid UTF-8", sends(raw.Encode(raw.Text, []byte("{\"a\":\"\xc3")), raw.Encode(raw.Fin|raw.Continuation, []byte("\xc3\"}"))), "1007", soon, 0},
	{"header that says 2^62", sends(raw.Header(raw.Fin|raw.Text, 1<<62)), "1009", soon, 0},
	{"message above the limit", sends(raw.Encode(raw.Text, make([]byte, 60_000)), raw.Encode(raw.Fin|raw.Continuation, make([]byte, 60_000))), "1009", soon, 0},
	{"endless fragments", sends(raw.Encode(raw.Text, []byte("{")), bytes.Repeat(raw.Encode(raw.Continuation, nil), 2000)), "1008 cut reset", soon, 0},
	{"message that never ends", sendsPart(raw.Header(raw.Fin|raw.Text, 60_000), []byte("{")), "1008", slowFrame + 2*soon, 0},
	{"ping flood", sends(bytes.Repeat(raw.Encode(raw.Fin|raw.Ping, []byte("flood")), 5000)), "1008 cut reset", soon, 0},
	{"message flood", sends(bytes.Repeat(raw.Encode(raw.Fin|raw.Text, []byte(`{"event":"Ping"}`)), 4000)), "1008 1013 cut reset", manyFrames, 0},
	{"flood of nonsense", sends(bytes.Repeat(raw.Encode(raw.Fin|raw.Text, []byte(`{"event":{}}`)), 4000)), "1008 1013 cut reset", manyFrames, 0},
	{"deep JSON", refused(deepJSON), "refused", soon, 0},
	{"peer that does not read", unreadPeer, "open 1013 cut reset", stuck, 0},
	{"half-open connection", on("/", halfOpenPeer), "cut reset", halfOpen, 0},
	{"slow handshake", slowHandshake, "400 cut reset", header + 2*soon, 0},
	{"no HTTP at all", noHTTP, "400", soon, 0},
	{"wrong access token", handshake("Authorization", "Bearer eyJhbGciOiJub25lIn0.e30."), "401", soon, 0},
	{"page of another origin", handshake("Origin", "https://evil.example"), "4003 403", soon, 0},
	{"crowd of one address", crowd, "429 held", halfOpen, 0},
	{"reset in the middle", on("/", resetting), "done", soon, 0},
	{"rooms made and left", on("/", roomChurn), "done", time.Minute, 0},
	{"forged session", refused(forgedSession), "refused", soon, 0},
	{"resume of its own session", on("/", resumesItself), "done", soon, 0},
	{"two that resume each other", resumesEachOther, "done", soon, 0},
	{"in and out of a room", on("/", joinsAndLeaves), "done", time.Minute, 0},
	{"large messages to a room", on("/", overloadsRoom), "Rate_Limited Limit_Exceeded 1013", time.Minute, 8},
	{"Room_Info in a loop", on("/", asksForRoom), "Rate_Limited Limit_Exceeded", time.Minute, 4},
	{"Update_Room in a loop", updatesRoom, "Rate_Limited Limit_Exceeded", time.Minute, 4},
	{"rooms without end", on("/", makesRooms), "Limit_Exceeded", 2 * time.Minute, 2},
	{"rooms until the store is full", fillsStore, "Limit_Exceeded", 2 * time.Minute, 1},
	{"large frames to an absent peer", fillsAbsent, "Not_Delivered Rate_Limited", time.Minute, 0},
	{"frames to a peer that wants none", isUnwanted, "Unauthorised", soon, 0},
	{"TURN credentials in a loop", on("/", hoardsCredentials), "done", time.Minute, 0},
	{"large events to a topic of nostr", on("/nostr", floodsTopic), limited + " 1013", time.Minute, 2},
	{"topics of y-webrtc without end", on("/yjs", hoardsTopics), limited + " 1013", time.Minute, 4},
	{"large announces of WebTorrent", on("/announce", announcesMuch), limited + " 1008", time.Minute, 4},
}

func malformed(ctx context.Context, t *target, me *attacker) string {
	frames := [][]byte{
		{raw.Fin | raw.Text, 2, '{', '}'}, raw.Encode(raw.Fin|raw.Text|0x40, nil), raw.Encode(raw.Fin|3, nil), raw.Encode(raw.Ping, nil),
		raw.Encode(raw.Fin|raw.Ping, make([]byte, 126)), raw.Encode(raw.Continuation, nil), raw.Encode(raw.Fin|raw.Close, []byte{1}), raw.CloseFrame(1005, ""),
	}
	return sends(frames[t.number.Load()%uint32(len(frames))])(ctx, t, me)
}

func randomBytes(ctx context.Context, t *target, me *attacker) string {
	b := make([]byte, 4096)
	rand.Read(b)
	return sends(b)(ctx, t, me)
}

// refused returns an attack that sends a frame and expects an error for it.
func refused(frame string) func(context.Context, *target, *attacker) string {
	return on("/", func(c *raw.Conn, _ *attacker) string { return answerTo(c, frame) })
}

// answerTo sends a frame and says whether the answer is an error.
func answerTo(c *raw.Conn, frame string) string {
	if _, err := c.Write(raw.Encode(raw.Fin|raw.Text, []byte(frame))); err != nil {
		return outcomeOf(err)
	}
	for {
		b, err := c.Next()
		if err != nil {
			return outcomeOf(err)
		}
		if bytes.HasPrefix(b, []byte(`{"type":"error"`)) {
			return "refused"
		}
		if !bytes.Contains(b, []byte(`"Client_Details"`)) {
			return "taken"
		}
	}
}

// Frames that are refused.
var (
	deepJSON      = `{"event":"Ping","data":` + strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000) + "}"
	forgedSession = `{"event":"Resume","data":{"session":"s1.00000000.e30.AAAA"}}`
)

// unreadPeer floods a peer of its own that does not read for a while.
func unreadPeer(ctx context.Context, t *target, me *attacker) string {
	tcp, err := new(net.Dialer).DialContext(ctx, "tcp", t.addr)
	if err != nil {
		return outcomeOf(err)
	}
	if err := tcp.(*net.TCPConn).SetReadBuffer(16 << 10); err != nil {
		return outcomeOf(err)
	}
	silent, resp, err := raw.Upgrade(ctx, tcp, "/", t.headers(me))
	if err != nil {
		return refusal(resp, err)
	}
	defer silent.Close()
	defer context.AfterFunc(ctx, func() { silent.Close() })()
	d, outcome := details(silent)
	if outcome != "" {
		return outcome
	}
	sender, done, outcome := t.open(ctx, me, "/")
	if sender == nil {
		return outcome
	}
	defer done()
	frame := raw.Encode(raw.Fin|raw.Text, fmt.Appendf(nil, `{"event":"Message","to":%q,"data":%q}`, d.ID, strings.Repeat("x", 50_000)))
	for range 500 {
		if _, err := sender.Write(frame); err != nil {
			return outcomeOf(err)
		}
		if _, err := sender.Write(raw.Encode(raw.Fin|raw.Text, []byte(`{"event":"Ping"}`))); err != nil {
			return outcomeOf(err)
		}
		for {
			b, err := sender.Next()
			if err != nil {
				return outcomeOf(err)
			}
			if code := eventOf(b); code == string(proto.NotDelivered) || code == string(proto.RateLimited) {
				// Its share of the queue is full, or the system takes more for the peer than
				// the sender may send at once. The time until then does not count.
				me.began = time.Now()
				return readsAtLast(silent)
			}
			if bytes.Contains(b, []byte(`"event":"Pong"`)) {
				break
			}
		}
	}
	return "not bounded"
}

// readsAtLast reads what waits for a peer. The connection must still serve it, because the
// peer did not ask for the frames: it may have ended only for another reason.
func readsAtLast(c *raw.Conn) string {
	if got := ask(c, `{"event":"Ping","id":"ask"}`); got != string(proto.Pong) {
		return got
	}
	return "open"
}

// halfOpenPeer reads and never answers, not even pings.
func halfOpenPeer(c *raw.Conn, _ *attacker) string {
	for {
		if f, err := c.ReadFrame(); err != nil {
			return outcomeOf(err)
		} else if f.Op == raw.Close {
			return raw.ClosedBy(f).Code.String()
		}
	}
}

// slowHandshake sends one byte of a handshake a second.
func slowHandshake(ctx context.Context, t *target, me *attacker) string {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", t.addr)
	if err != nil {
		return outcomeOf(err)
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	gone := make(chan string, 1)
	go func() {
		b, err := io.ReadAll(c)
		if len(b) > 12 && bytes.HasPrefix(b, []byte("HTTP/1.1 ")) {
			gone <- string(b[9:12])
		} else if err != nil {
			gone <- "reset"
		} else {
			gone <- "cut"
		}
	}()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for _, b := range raw.Handshake("/", nil) {
		select {
		case outcome := <-gone:
			return outcome
		case <-tick.C:
			_, _ = c.Write([]byte{b}) // its end is read
		}
	}
	return <-gone
}

func noHTTP(ctx context.Context, t *target, _ *attacker) string {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", t.addr)
	if err != nil {
		return outcomeOf(err)
	}
	defer context.AfterFunc(ctx, func() { c.Close() })()
	_, resp, err := raw.Upgrade(ctx, garbled{c}, "/", nil)
	return refusal(resp, err)
}

// garbled writes bytes that are not HTTP.
type garbled struct{ net.Conn }

func (g garbled) Write(b []byte) (int, error) {
	_, err := g.Conn.Write([]byte("\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"))
	return len(b), err
}

// handshake returns an attack that sends one wrong header. A page receives its
// refusal over the WebSocket, with a close code.
func handshake(name, value string) func(context.Context, *target, *attacker) string {
	return func(ctx context.Context, t *target, me *attacker) string {
		h := t.headers(me)
		h.Set(name, value)
		c, resp, err := raw.Dial(ctx, t.addr, "/", h)
		if c == nil {
			return refusal(resp, err)
		}
		defer c.Close()
		defer context.AfterFunc(ctx, func() { c.Close() })()
		return end(c)
	}
}

// crowd opens as many connections from one address as it can, for a while.
func crowd(ctx context.Context, t *target, _ *attacker) string {
	c, done, outcome := t.open(ctx, &attacker{address: "192.0.2.66"}, "/")
	if c == nil {
		return outcome
	}
	defer done()
	if err := c.SetReadDeadline(time.Now().Add(slowFrame)); err != nil {
		return outcomeOf(err)
	}
	end(c)
	return "held"
}

// resetting leaves in the middle of a message, with a reset.
func resetting(c *raw.Conn, _ *attacker) string {
	_, err := c.Write(raw.Header(raw.Fin|raw.Text, 1000))
	if tcp, ok := c.Conn.(*net.TCPConn); ok && err == nil {
		err = tcp.SetLinger(0)
	}
	if err != nil {
		return outcomeOf(err)
	}
	return "done"
}

// roomChurn makes rooms, and leaves without a close frame.
func roomChurn(c *raw.Conn, _ *attacker) string {
	for i := range 10 {
		frame := fmt.Appendf(nil, `{"event":"Join_Room","data":{"room":"churn-%d","create":true},"id":%d}`, i, i)
		if _, err := c.Write(raw.Encode(raw.Fin|raw.Text, frame)); err != nil {
			return outcomeOf(err)
		}
		for answered := false; !answered; {
			b, err := c.Next()
			if err != nil {
				return outcomeOf(err)
			}
			answered = bytes.Contains(b, fmt.Appendf(nil, `"id":%d}`, i))
		}
	}
	_, _ = c.Write(binary.BigEndian.AppendUint16(nil, 0xffff)) // a last, invalid frame
	return "done"
}
