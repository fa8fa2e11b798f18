package edge_test

import (
	"encoding/json"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"p2pconnector/e2e/kit/raw"
	"p2pconnector/gateway"
	"p2pconnector/proto"
)

// deafBuffer is the receive buffer of a peer that does not read, in bytes.
const deafBuffer = 32 << 10

// deaf opens a connection with a small receive buffer, reads its Client_Details
// and then nothing more.
func (e *edge) deaf(t testing.TB) *client {
	t.Helper()
	conn, err := net.Dial("tcp", e.addr)
	must(t, err)
	must(t, conn.(*net.TCPConn).SetReadBuffer(deafBuffer))
	c, _, err := raw.Upgrade(t.Context(), conn, "/", nil)
	must(t, err)
	return begin(t, c)
}

// TestSlowPeer: a peer that does not read fills its queue; its senders receive
// Not_Delivered. If it reads at last, it receives the accepted frames and close
// 1013. Other peers are not affected.
func TestSlowPeer(t *testing.T) {
	e := start(t, nil)
	slow, sender, beside := e.deaf(t), e.open(t, "/", nil), e.open(t, "/", nil)
	sent := fill(t, sender, slow.details.ID)
	began := time.Now()
	last := 0
	for {
		b, err := slow.Next()
		if err != nil {
			closed, ok := err.(*raw.Closed)
			if !ok || closed.Code != proto.CloseTryAgain {
				t.Fatalf("after frame %d: %v, want close 1013", last, err)
			}
			break
		}
		var f frame
		must(t, json.Unmarshal(b, &f))
		if got := string(f.ID); got != fmt.Sprint(last+1) {
			t.Fatalf("frame %s came after %d", got, last)
		}
		last++
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("closed %v after its queue was full", took)
	}
	if last != sent-1 { // all accepted frames
		t.Errorf("%d frames came, %d were sent before the one that was refused", last, sent-1)
	}
	beside.alive()
}

// fill sends frames to a peer that does not read until one is refused, and
// returns its number.
func fill(t testing.TB, from *client, to proto.PeerID) int {
	t.Helper()
	pad := strings.Repeat("x", 30<<10)
	for i := 1; i < 10_000; i++ {
		from.send(fmt.Sprintf(`{"event":"Message","to":%q,"id":%d,"data":%q}`, to, i, pad))
		from.send(`{"event":"Ping"}`)
		for f := from.next(); f.Event != string(proto.Pong); f = from.next() {
			if f.data(t).To != string(to) {
				continue // an earlier peer was closed, and with it the frames that waited
			}
			if f.Event != string(proto.NotDelivered) || string(f.ID) != fmt.Sprint(i) {
				t.Fatalf("got %.300s, want Not_Delivered for the frame", f.raw)
			}
			for f := from.next(); f.Event != string(proto.Pong); f = from.next() {
			}
			return i
		}
	}
	t.Fatal("10,000 frames fitted into the queue of a peer that does not read")
	return 0
}

// TestPeerThatNeverReads: the gateway ends the connection within five seconds of its
// full queue although it cannot write to it.
func TestPeerThatNeverReads(t *testing.T) {
	e := start(t, nil)
	slow, sender := e.deaf(t), e.open(t, "/", nil)
	fill(t, sender, slow.details.ID)
	began := time.Now()
	// A write succeeds until the server has closed the connection, and fails then.
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for time.Since(began) < 30*time.Second {
		<-tick.C
		if _, err := slow.Write(raw.Encode(raw.Fin|raw.Pong, nil)); err != nil {
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("the connection lasted %v", took)
			}
			sender.alive()
			return
		}
	}
	t.Fatal("the connection is still open after 30 s")
}

// TestDeafCrowd: the cost of peers that never read is bounded.
func TestDeafCrowd(t *testing.T) {
	const peers = 40
	e := start(t, nil)
	sender := e.open(t, "/", nil)
	crowd := make([]*client, peers)
	for i := range crowd {
		crowd[i] = e.deaf(t)
	}
	before := heap()
	for _, c := range crowd {
		fill(t, sender, c.details.ID)
	}
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
		if f.Event != string(proto.NotDelivered) { // the first sessions may have ended on a busy machine
			t.Errorf("got %.300s, want Pong", f.raw)
		}
	}
}

// TestDeafCrowd_SmallBudget_CostsItsShare: when the budget of all buffers is small, each peer
// that does not read holds only its share, and a pair that reads is served all the same.
func TestDeafCrowd_SmallBudget_CostsItsShare(t *testing.T) {
	const peers, budget = 16, 16 << 20
	e := start(t, func(c *gateway.Config) { c.MaxBufferBytes = budget })
	sender, a, b := e.open(t, "/", nil), e.open(t, "/", nil), e.open(t, "/", nil)
	crowd := make([]*client, peers)
	for i := range crowd {
		crowd[i] = e.deaf(t)
	}
	before := heap()
	for i, c := range crowd {
		fill(t, sender, c.details.ID)
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

// heap returns the bytes in use. The first collection only removes unused objects
// from pools, which no peer owns.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
