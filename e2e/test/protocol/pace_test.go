package protocol_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

const (
	pacedMembers = 300 // of the room; a full list of them is 12 kB
	paceToggles  = 200 // joins and leaves of one member, as fast as they are answered
)

// The room's name starts and ends the watchers' count.
const (
	countFrom  = "count from here"
	countUntil = "count until here"
)

// watcher is a member that only reads.
type watcher struct {
	ws     *websocket.Conn
	joined chan struct{} // closed when its own join was answered
	over   chan struct{} // closed when it has stopped reading

	// Owned by the reader until over is closed.
	updates, bytes int
	err            error
}

// watch joins room on gateway i. Every tenth watcher asks for deltas.
func watch(t *testing.T, s *kit.Stack, i int, room string) *watcher {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kit.Patience)
	defer cancel()
	opts := new(websocket.DialOptions)
	if i%10 == 0 {
		opts.Subprotocols = []string{proto.SubprotocolDelta}
	}
	ws, _, err := websocket.Dial(ctx, s.URL(i%2), opts)
	if err != nil {
		t.Fatal(err)
	}
	ws.SetReadLimit(-1)
	w := &watcher{ws: ws, joined: make(chan struct{}), over: make(chan struct{})}
	go w.read()
	t.Cleanup(func() {
		_ = ws.CloseNow() // the server may have closed it
		<-w.over
	})
	if err := ws.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"event":"Join_Room","data":{"room":%q},"id":"j"}`, room)); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *watcher) read() {
	defer close(w.over)
	counting, joined := false, false
	for {
		_, b, err := w.ws.Read(context.Background())
		if err != nil {
			w.err = err
			return
		}
		if !joined && bytes.HasSuffix(b, []byte(`,"id":"j"}`)) {
			joined = true
			close(w.joined)
		}
		counting = counting || bytes.Contains(b[:min(len(b), 256)], []byte(countFrom))
		if !counting {
			continue
		}
		if bytes.HasPrefix(b, []byte(`{"type":"update"`)) {
			w.updates++
			w.bytes += len(b)
		}
		if bytes.Contains(b[:min(len(b), 256)], []byte(countUntil)) {
			return
		}
	}
}

// TestPace_OneMemberJoinsAndLeavesAllTheTime_Holds: the updates of a busy room come
// no faster than the protocol promises, whatever one member does, and no member's
// connection is closed because of another's.
func TestPace_OneMemberJoinsAndLeavesAllTheTime_Holds(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	room := newRoom()
	creator, toggler := s.Dial(t, 0), s.Dial(t, 1)
	creator.Create(room)
	watchers := make([]*watcher, pacedMembers-2)
	for i := range watchers {
		watchers[i] = watch(t, s, i, room)
		select {
		case <-watchers[i].joined:
		case <-watchers[i].over:
			t.Fatalf("watcher %d: got the end of its connection (%v), want the answer to its join", i, watchers[i].err)
		case <-time.After(kit.Patience):
			t.Fatalf("watcher %d: got no answer to its join within %v, want one", i, kit.Patience)
		}
	}
	window := make(chan struct{}, 16) // pending toggles: the gateway queues only so many requests
	var sender sync.WaitGroup
	sender.Go(func() {
		for range paceToggles {
			window <- struct{}{}
			toggler.Send(`{"event":"Join_Room","data":{"room":%q},"id":"in"}`, room)
			toggler.Send(`{"event":"Leave_Room","data":{"room":%q},"id":"out"}`, room)
		}
	})
	began := time.Now()
	creator.Send(`{"event":"Update_Room","data":{"room":%q,"name":%q},"id":"from"}`, room, countFrom)
	for n := range paceToggles {
		f := toggler.Until("the answer to Join_Room", func(f *client.Frame) bool { return string(f.ID) == `"in"` })
		if !f.Is(proto.ClientAdded) {
			t.Fatalf("join %d: got %.300s, want Client_Added", n, f.Raw)
		}
		if f = toggler.Until("the answer to Leave_Room", func(f *client.Frame) bool { return string(f.ID) == `"out"` }); !f.Is(proto.RoomLeft) {
			t.Fatalf("leave %d: got %.300s, want Room_Left", n, f.Raw)
		}
		<-window
	}
	sender.Wait()
	creator.Send(`{"event":"Update_Room","data":{"room":%q,"name":%q},"id":"until"}`, room, countUntil)
	var most, sum int
	for i, w := range watchers {
		select {
		case <-w.over:
		case <-time.After(kit.Patience):
			t.Fatalf("watcher %d: got no last update within %v, want it", i, kit.Patience)
		}
		if w.err != nil {
			t.Errorf("watcher %d: got the end of its connection (%v), want the last update", i, w.err)
		}
		most, sum = max(most, w.updates), sum+w.bytes
	}
	took := time.Since(began)
	// Besides one update for each 200 ms there may be one that waited, and each may
	// be two frames: about members and about settings.
	want := int(took/(200*time.Millisecond)) + 4
	t.Logf("%d toggles in %v: at most %d updates to a member, want up to %d; %.1f MB/s to all of %d",
		paceToggles, took.Round(time.Millisecond), most, want, float64(sum)/1e6/took.Seconds(), pacedMembers)
	if most > want {
		t.Errorf("a member got %d updates in %v, want at most %d", most, took, want)
	}
}
