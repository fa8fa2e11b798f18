package peerjs

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/proto"
)

const expireBen = `{"type":"EXPIRE","src":"ben","dst":"ann"}`

func candidate(n int) []byte {
	return fmt.Appendf(nil, `{"type":"CANDIDATE","dst":"ben","payload":%d}`, n)
}

func want(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// numbers returns the payloads of the frames that were relayed.
func numbers(frames []dialect.Frame) (all []string) {
	for _, f := range frames {
		_, rest, _ := strings.Cut(string(f.Text), `"payload":`)
		all = append(all, strings.TrimSuffix(rest, "}"))
	}
	return all
}

// A frame waits for exactly the time that is set, and the client gets one EXPIRE.
func TestWait_ReceiverNeverComes_ExpiresOnce(t *testing.T) {
	newFixture(t, func(w *fixture) {
		for n := range 3 {
			w.c.Decode(candidate(n))
		}
		w.pass(5*time.Second - 100*time.Millisecond)
		if texts, _ := w.got(); len(texts) != 0 {
			t.Errorf("before 5s: got %q, want nothing", texts)
		}
		w.pass(700 * time.Millisecond)
		texts, _ := w.got()
		want(t, "after 5s", texts, expireBen)
		w.pass(time.Minute)
		texts, _ = w.got()
		want(t, "later", texts)
		if w.finds > 3*12 {
			t.Errorf("got %d look-ups, want two a second at most", w.finds)
		}
	})
}

func TestWait_ReceiverComes_GetsAllInOrder(t *testing.T) {
	newFixture(t, func(w *fixture) {
		w.c.Decode(candidate(0))
		w.c.Decode(candidate(1))
		w.pass(time.Second)
		w.set(func() { w.names["ben"] = proto.NewPeerID(gw) })
		w.c.Decode(candidate(2)) // behind those that wait
		if _, relayed := w.got(); len(relayed) != 0 {
			t.Errorf("relayed before those that wait: got %v, want none", numbers(relayed))
		}
		w.pass(time.Second)
		w.c.Decode(candidate(3))
		texts, relayed := w.got()
		want(t, "relayed", numbers(relayed), "0", "1", "2", "3")
		want(t, "texts", texts)
	})
}

// Frames that come back are sent again before those that the client sent later.
func TestReturned_SeveralFrames_AreSentAgainInOrder(t *testing.T) {
	newFixture(t, func(w *fixture) {
		w.set(func() { w.names["ben"] = proto.NewPeerID(gw) })
		for n := range 3 {
			w.c.Decode(candidate(n))
		}
		_, relayed := w.got()
		for _, i := range []int{1, 0, 2} {
			if text := w.encode(dialect.Returned(relayed[i].Append(nil), false)); text != nil {
				t.Errorf("got %s for the client, want nothing yet", text)
			}
		}
		w.c.Decode(candidate(3))
		w.pass(time.Second)
		texts, relayed := w.got()
		want(t, "sent again", numbers(relayed), "0", "1", "2", "3")
		want(t, "texts", texts)
	})
}

// A frame that comes back while a later one is sent must not take its place.
func TestReturned_WhileAnotherIsSent_NoneIsLostOrSentTwice(t *testing.T) {
	newFixture(t, func(w *fixture) {
		ben := proto.NewPeerID(gw)
		w.set(func() { w.names["ben"] = ben })
		w.c.Decode(candidate(1))
		_, relayed := w.got()
		w.set(func() { delete(w.names, "ben") })
		w.c.Decode(candidate(2)) // waits
		w.set(func() {
			w.names["ben"] = ben
			w.onRelay = func() { w.encode(dialect.Returned(relayed[0].Append(nil), false)) }
		})
		w.pass(3 * time.Second)
		texts, again := w.got()
		want(t, "sent", numbers(again), "2", "1")
		want(t, "texts", texts)
	})
}

// A frame that comes back too often, or may have arrived, is not sent again.
func TestReturned_TooOftenOrLost_Expires(t *testing.T) {
	for name, f := range map[string]dialect.Frame{
		"at the limit": {Tries: 7}, "too often": {Tries: 8}, "lost": {Lost: true}, // this return counts
	} {
		newFixture(t, func(w *fixture) {
			m := message{kind: typeOffer, dst: "ben"}
			f.Name, f.From, f.Text = []byte(Name), []byte(w.peer), m.appendTo(nil, "ann")
			text := w.encode(dialect.Returned(f.Append(nil), f.Lost))
			if expires := name != "at the limit"; expires != (string(text) == expireBen) {
				t.Errorf("%s: got %q, want EXPIRE %v", name, text, expires)
			}
		})
	}
}

// TestEncode_SendersAtTheEdge_OneMoreForgetsThem: 64 senders are remembered.
func TestEncode_SendersAtTheEdge_OneMoreForgetsThem(t *testing.T) {
	newFixture(t, func(w *fixture) {
		w.c.Greet() // it has its id
		for n, want := range slices.Concat(upTo(64), []int{1}) {
			m := message{kind: typeOffer, dst: "ann"}
			f := dialect.Frame{Name: []byte(Name), From: []byte(proto.NewPeerID("0a1b2c3d")), Text: m.appendTo(nil, fmt.Sprint("sender ", n))}
			w.encode(f.Append(nil))
			if got := len(w.c.(*client).senders); got != want {
				t.Fatalf("sender %d: got %d remembered, want %d", n+1, got, want)
			}
		}
	})
}

// upTo returns the numbers from 1 to n.
func upTo(n int) (all []int) {
	for i := range n {
		all = append(all, i+1)
	}
	return all
}

// At the limits of what waits, the client gets EXPIRE at once.
func TestWait_TooMuch_ExpiresAtOnce(t *testing.T) {
	newFixture(t, func(w *fixture) {
		for n := range waitBytes / frameBytes {
			w.c.Decode(candidate(n))
		}
		texts, _ := w.got()
		want(t, "at the limit", texts)
		w.c.Decode(candidate(waitBytes / frameBytes))
		texts, _ = w.got()
		want(t, "beyond it", texts, expireBen)
	})
	newFixture(t, func(w *fixture) {
		big := func(n int) []byte {
			return []byte(`{"type":"OFFER","dst":"ben","payload":"` + strings.Repeat("x", n) + `"}`)
		}
		m := message{kind: typeOffer, dst: "ben", payload: []byte(`""`)}
		head := len(m.appendTo(nil, "ann"))
		w.c.Decode(big(waitBytes - head + 1))
		texts, _ := w.got()
		want(t, "one byte beyond the limit", texts, expireBen)
		w.c.Decode(big(waitBytes - head))
		texts, _ = w.got()
		want(t, "at the limit of bytes", texts)
	})
}

// TestWait_TooMuchOfAllClients_ExpiresAtOnce: all clients together may have 128 times the bytes of
// one, and 256 times its frames.
func TestWait_TooMuchOfAllClients_ExpiresAtOnce(t *testing.T) {
	size := int64(len(candidate(1)) + len(`"src":"ann",`))
	for what, others := range map[string]struct{ frames, bytes int64 }{
		"bytes":  {0, 128*waitBytes - size},
		"frames": {256*waitBytes/1024 - 1, 0},
	} {
		newFixture(t, func(w *fixture) {
			w.d.waiting.Add(others.frames + 1)
			w.d.waitingBytes.Add(others.bytes + 1)
			w.c.Decode(candidate(1))
			texts, _ := w.got()
			want(t, what+": one beyond the limit", texts, expireBen)
			w.d.waiting.Add(-1)
			w.d.waitingBytes.Add(-1)
			w.c.Decode(candidate(2))
			texts, _ = w.got()
			want(t, what+": at the limit", texts)
			w.d.waiting.Add(-others.frames)
			w.d.waitingBytes.Add(-others.bytes)
		})
	}
}

// A client that calls very many ids does not make the gateway ask for each of them.
func TestFind_ManyNames_AreLookedUpAtARate(t *testing.T) {
	newFixture(t, func(w *fixture) {
		for n := range 200 {
			w.c.Decode(fmt.Appendf(nil, `{"type":"OFFER","dst":"x%d"}`, n))
		}
		w.got()
		if w.finds != 5*lookups {
			t.Errorf("got %d look-ups, want %d", w.finds, 5*lookups)
		}
	})
	newFixture(t, func(w *fixture) {
		find := func(want int) {
			t.Helper()
			before := w.finds
			for n := range 200 {
				w.c.(*client).find(fmt.Sprint("x", before+n))
			}
			if got := w.finds - before; got != want {
				t.Errorf("got %d look-ups, want %d", got, want)
			}
		}
		find(5 * lookups)
		w.now.Store(w.now.Load().Add(time.Second))
		find(lookups)
	})
}

// A directory that takes long for each of many names must not delay EXPIRE by all of them.
func TestDirectoryAway_ManyNames_ExpireInTime(t *testing.T) {
	newFixture(t, func(w *fixture) {
		const n = 50
		for i := range n {
			w.c.Decode(fmt.Appendf(nil, `{"type":"OFFER","dst":"x%d"}`, i))
		}
		w.set(func() { w.down, w.slow = true, 2*time.Second })
		w.pass(5*time.Second + 2*time.Second + retryInterval)
		if texts, _ := w.got(); len(texts) != n {
			t.Errorf("got %d EXPIRE in 7.5s, want %d", len(texts), n)
		}
		w.pass(2 * time.Second) // the last look-up
	})
}

func TestDirectoryAway_FramesWait(t *testing.T) {
	newFixture(t, func(w *fixture) {
		w.down = true
		w.c.Decode(candidate(0))
		w.pass(2 * time.Second)
		w.set(func() { w.down, w.names["ben"] = false, proto.NewPeerID(gw) })
		w.pass(time.Second)
		texts, relayed := w.got()
		want(t, "relayed", numbers(relayed), "0")
		want(t, "texts", texts)
	})
}

// What was never written goes back to its sender, which sends it again.
func TestRestore_TextFromAnother_IsItsFrame(t *testing.T) {
	newFixture(t, func(w *fixture) {
		w.c.Greet()
		m := message{kind: typeOffer, dst: "ann", payload: []byte(`{"a":[1]}`)}
		from := proto.NewPeerID("5f0c3a9e")
		f := dialect.Frame{Name: []byte(Name), From: []byte(from), N: 4, Text: m.appendTo(nil, `b"n`)}
		text := w.encode(f.Append(nil))
		if string(text) != string(f.Text) {
			t.Fatalf("got %s for the client, want %s", text, f.Text)
		}
		back, ok := dialect.Parse(w.c.Restore(text))
		if !ok || string(back.From) != string(from) || string(back.Text) != string(text) {
			t.Errorf("got %+v, ok %v, want the frame from %s", back, ok, from)
		}
		for _, own := range [][]byte{openText, expireText("ann", "ben"), expireText("ann", `b"n`), errorText("x")} {
			if frame := w.c.Restore(own); frame != nil {
				t.Errorf("%s: got %s, want nothing: nobody waits for it", own, frame)
			}
		}
	})
}

func TestRefuse_TooFast_Expires(t *testing.T) {
	newFixture(t, func(w *fixture) {
		w.c.Refuse(candidate(1))
		w.c.Refuse([]byte(`{"type":"HEARTBEAT"}`))
		w.c.Refuse([]byte(`{`))
		texts, _ := w.got()
		want(t, "texts", texts, expireBen)
	})
}
