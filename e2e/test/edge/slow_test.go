package edge_test

import (
	"encoding/json"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"p2pconnector/e2e/kit/raw"
	"p2pconnector/gateway"
	"p2pconnector/proto"
)

// unreadBuffer is the receive buffer of a peer that does not read, in bytes.
const unreadBuffer = 32 << 10

// nonReader opens a connection with a small receive buffer, reads its Client_Details
// and then nothing more.
func (e *edge) nonReader(t testing.TB) *client {
	t.Helper()
	conn, err := net.Dial("tcp", e.addr)
	must(t, err)
	must(t, conn.(*net.TCPConn).SetReadBuffer(unreadBuffer))
	c, _, err := raw.Upgrade(t.Context(), conn, "/", nil)
	must(t, err)
	return begin(t, c)
}

// TestSlowPeer_QueueFull_IsClosed: a peer that does not read what is said in its room fills its queue; the
// senders receive Not_Delivered. If it reads at last, it receives the accepted frames and close
// 1013. Other peers are not affected.
func TestSlowPeer_QueueFull_IsClosed(t *testing.T) {
	e := start(t, nil)
	slow, sender, beside := e.nonReader(t), e.open(t, "/", nil), e.open(t, "/", nil)
	joinAll(t, sender, slow)
	sent := fill(t, sender, slow)
	began := time.Now()
	last := 0
	for {
		b, err := slow.Next()
		if err != nil {
			closed, ok := err.(*raw.Closed)
			if !ok || closed.Code != proto.CloseTryAgain {
				t.Fatalf("after frame %d: got %v, want close 1013", last, err)
			}
			break
		}
		var f frame
		must(t, json.Unmarshal(b, &f))
		if f.Event != string(proto.Message) {
			continue // about the room
		}
		if got := string(f.ID); got != fmt.Sprint(last+1) {
			t.Fatalf("got frame %s, want %d", got, last+1)
		}
		last++
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("got the close %v after the queue was full, want at most 5 s", took)
	}
	if last != sent-1 { // all accepted frames
		t.Errorf("got %d frames, want the %d that were sent before the refusal", last, sent-1)
	}
	beside.alive()
}

// joinAll makes all clients members of room r. It reads what the first of them gets.
func joinAll(t testing.TB, reads *client, others ...*client) {
	t.Helper()
	for _, c := range append(others, reads) {
		c.send(`{"event":"Join_Room","data":{"room":"r","create":true}}`)
	}
	for {
		f := reads.next()
		if f.Event != string(proto.ClientAdded) {
			t.Fatalf("got %.300s, want Client_Added", f.raw)
		}
		if len(roomData(t, f).Clients) == len(others)+1 {
			return
		}
	}
}

// fill sends messages to room r, in which the others do not read, until each of them was
// reported to have missed one. It returns the number of the last message.
func fill(t testing.TB, from *client, others ...*client) int {
	t.Helper()
	pad := strings.Repeat("x", 30<<10)
	for i := 1; i < 10_000; i++ {
		from.send(fmt.Sprintf(`{"event":"Message","room":"r","id":%d,"data":%q}`, i, pad))
		from.send(`{"event":"Ping"}`)
		for f := from.next(); f.Event != string(proto.Pong); f = from.next() {
			if f.Type == string(proto.TypeUpdate) {
				continue // the sessions of the first may end meanwhile
			}
			if f.Event != string(proto.NotDelivered) {
				t.Fatalf("got %.300s, want Not_Delivered", f.raw)
			}
			missed := f.data(t).Clients
			others = slices.DeleteFunc(others, func(c *client) bool { return slices.Contains(missed, c.details.ID) })
		}
		if len(others) == 0 {
			return i
		}
	}
	t.Fatal("got no refusal of 10,000 frames to a peer that does not read, want one")
	return 0
}

// TestDirectFlood_PeerThatDoesNotRead_StaysOpen: strangers who know the id of a peer that does
// not read cannot close its connection, however much they send: what is above their share
// comes back with one error each, others still reach the peer, and it gets what was accepted,
// in order.
func TestDirectFlood_PeerThatDoesNotRead_StaysOpen(t *testing.T) {
	e := start(t, nil)
	slow, flooder, friend := e.nonReader(t), e.open(t, "/", nil), e.open(t, "/", nil)
	const flood = 1500
	pad := strings.Repeat("x", 60<<10)
	// message sends a message to the slow peer, and reports whether it was accepted.
	message := func(from *client, id, data string) bool {
		from.send(fmt.Sprintf(`{"event":"Message","to":%q,"id":%q,"data":%q}`, slow.details.ID, id, data))
		from.send(`{"event":"Ping"}`)
		f := from.next()
		if f.Event == string(proto.Pong) {
			return true
		}
		if d := f.data(t); f.Event != string(proto.NotDelivered) || string(f.ID) != `"`+id+`"` || d.To != string(slow.details.ID) {
			t.Fatalf("got %.300s, want Not_Delivered for %s", f.raw, id)
		}
		from.expect(string(proto.Pong)) // one error only
		return false
	}
	var accepted []string
	refused := 0
	for i := range flood {
		id := fmt.Sprint("flood ", i)
		if message(flooder, id, pad) {
			accepted = append(accepted, id)
		} else if refused++; refused == 100 {
			break
		}
	}
	if refused < 100 {
		t.Fatalf("got %d of %d frames refused, want 100", refused, flood)
	}
	for i := range 10 {
		id := fmt.Sprint("friend ", i)
		if !message(friend, id, "hello") {
			t.Errorf("%s: got Not_Delivered, want it accepted", id)
		}
		accepted = append(accepted, id)
	}
	slow.send(`{"event":"Ping"}`)
	for _, want := range accepted {
		if f := slow.expect(string(proto.Message)); string(f.ID) != `"`+want+`"` {
			t.Fatalf("got %s, want %q", f.ID, want)
		}
	}
	slow.expect(string(proto.Pong))
}

// TestSlowPeer_NeverReads_IsClosedInTime: the gateway ends the connection within five seconds of its
// full queue although it cannot write to it.
func TestSlowPeer_NeverReads_IsClosedInTime(t *testing.T) {
	e := start(t, nil)
	slow, sender := e.nonReader(t), e.open(t, "/", nil)
	joinAll(t, sender, slow)
	fill(t, sender, slow)
	began := time.Now()
	// A write succeeds until the server has closed the connection, and fails then.
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for time.Since(began) < 30*time.Second {
		<-tick.C
		if _, err := slow.Write(raw.Encode(raw.Fin|raw.Pong, nil)); err != nil {
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("got a connection that lasted %v, want 5 s at most", took)
			}
			sender.alive()
			return
		}
	}
	t.Fatal("got an open connection after 30 s, want it closed")
}

// TestSlowPeers_Crowd_DoesNotSlowOthers: the cost of peers that never read is bounded.
func TestSlowPeers_Crowd_DoesNotSlowOthers(t *testing.T) {
	const peers = 40
	e := start(t, nil)
	sender := e.open(t, "/", nil)
	before := slowCrowd(t, e, sender, peers)
	// Each peer has 256 KiB in its queue. The same frames wait for its return when it is
	// closed, and exist only once meanwhile. The session itself and the allocator's size
	// classes take the rest.
	const most = 256<<10 + 16<<10
	each := (int64(heap()) - int64(before)) / peers
	t.Logf("a peer that does not read costs %d bytes", each)
	if each > most {
		t.Errorf("cost of a peer that does not read: got %d bytes, want at most %d", each, most)
	}
	sender.send(`{"event":"Ping"}`)
	for f := sender.next(); f.Event != string(proto.Pong); f = sender.next() {
		if f.Event != string(proto.NotDelivered) && f.Type != string(proto.TypeUpdate) { // the first sessions may have ended on a busy machine
			t.Errorf("got %.300s, want Pong", f.raw)
		}
	}
}

// TestSlowPeers_SmallBudget_CostTheirShare: when the budget of all buffers is small, each peer
// that does not read holds only its share, and a pair that reads is served all the same.
func TestSlowPeers_SmallBudget_CostTheirShare(t *testing.T) {
	const peers, budget = 16, 16 << 20
	e := start(t, func(c *gateway.Config) { c.MaxBufferBytes = budget })
	sender, a, b := e.open(t, "/", nil), e.open(t, "/", nil), e.open(t, "/", nil)
	before := slowCrowd(t, e, sender, peers)
	for i := range peers {
		a.send(fmt.Sprintf(`{"event":"Message","to":%q,"id":%d,"data":%q}`, b.details.ID, i, strings.Repeat("x", 30<<10)))
		if f := b.next(); f.Event != string(proto.Message) || string(f.ID) != fmt.Sprint(i) {
			t.Fatalf("got %.200s, want message %d", f.raw, i)
		}
	}
	const most = budget/256 + 32<<10 // its share, the part of the queue that costs nothing, and what the sender's error takes
	each := int64(most + 1)
	for end := time.Now().Add(5 * time.Second); each > most && time.Now().Before(end); {
		each = (int64(heap()) - int64(before)) / peers
		t.Logf("a peer that does not read costs %d bytes", each)
	}
	if each > most {
		t.Errorf("cost of a peer that does not read: got %d bytes, want at most %d", each, most)
	}
}

// slowCrowd fills the queues of peers that never read, in a room with sender. It returns the
// heap before it filled them.
func slowCrowd(t *testing.T, e *edge, sender *client, peers int) (before uint64) {
	t.Helper()
	crowd := make([]*client, peers)
	for i := range crowd {
		crowd[i] = e.nonReader(t)
	}
	joinAll(t, sender, crowd...)
	before = heap()
	fill(t, sender, crowd...)
	return before
}

// heap returns the bytes in use. The first collection only removes unused objects
// from pools, which no peer owns.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
