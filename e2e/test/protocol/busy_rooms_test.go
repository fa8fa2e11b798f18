package protocol_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// fill makes a room with n members on both gateways; the first member is its
// creator.
func fill(t *testing.T, s *kit.Stack, room string, n int) []*kit.Conn {
	t.Helper()
	conns := make([]*kit.Conn, n)
	for i := range conns {
		conns[i] = s.Dial(t, i%2)
	}
	conns[0].Create(room)
	var wg sync.WaitGroup
	for _, c := range conns[1:] {
		wg.Go(func() { c.Send(`{"event":"Join_Room","data":{"room":%q},"id":"j"}`, room) })
	}
	wg.Wait()
	for _, c := range conns[1:] {
		f := c.Until("the answer to Join_Room", func(f *client.Frame) bool { return string(f.ID) == `"j"` })
		if !f.Is(proto.ClientAdded) {
			t.Fatalf("joining: got %s, want Client_Added", f.Raw)
		}
	}
	return conns
}

// size drops frames until one says that the room has n members, and returns it.
func size(t *testing.T, c *kit.Conn, n int) (client.Frame, proto.RoomData) {
	t.Helper()
	f := c.Until(fmt.Sprintf("a room of %d", n), func(f *client.Frame) bool {
		if f.Type != proto.TypeUpdate {
			return false
		}
		d := kit.Room(t, *f)
		return len(d.Clients) == n || d.Clients == nil && d.Count != nil && *d.Count == n
	})
	return f, kit.Room(t, f)
}

// Above 100 members, clients that requested changes receive changes, and all
// others full lists.
func TestDelta_BigRoom_SendsChanges(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	room := newRoom()
	byProtocol, byQuery := s.Dial(t, 1, kit.Delta()), s.Dial(t, 0, kit.Path("?updates=delta"))
	all := fill(t, s, room, proto.FullListMembers-2)
	byProtocol.Join(room)
	byQuery.Join(room)
	// At 100 members they receive full lists like everyone.
	if f, d := size(t, byProtocol, proto.FullListMembers); d.Clients == nil || d.Count != nil {
		t.Errorf("at 100 members: got %s, want a full list", f.Raw)
	}
	deltas := []*kit.Conn{byProtocol, byQuery}
	late := s.Dial(t, 0, kit.Delta())
	if d := late.Join(room); len(d.Clients) != proto.FullListMembers+1 {
		t.Errorf("the joiner itself: got %+v, want a full list", d)
	}
	for _, c := range deltas {
		f, d := size(t, c, proto.FullListMembers+1)
		checkDelta(t, f)
		if len(d.Added) != 1 || d.Added[0] != late.ID || d.Client != late.ID || d.Revision == 0 || !f.Is(proto.ClientAdded) {
			t.Errorf("a join: got %s, want a delta", f.Raw)
		}
	}
	if f, d := size(t, all[1], proto.FullListMembers+1); d.Clients == nil || d.Clients[proto.FullListMembers] != late.ID {
		t.Errorf("a client that did not ask for changes: got %s, want a full list that ends with the joiner", f.Raw)
	}
	byQuery.Send(`{"event":"Room_Info","data":{"room":%q}}`, room)
	if d := kit.Room(t, byQuery.Expect(proto.RoomInfo)); len(d.Clients) != proto.FullListMembers+1 {
		t.Errorf("Room_Info: got %d clients, want all", len(d.Clients))
	}
	another := s.Dial(t, 1)
	another.Join(room)
	size(t, byProtocol, proto.FullListMembers+2)
	all[5].Bye()
	f, d := size(t, byProtocol, proto.FullListMembers+1)
	checkDelta(t, f)
	if len(d.Removed) != 1 || d.Removed[0] != all[5].ID || d.Reason != proto.ReasonDisconnected || !f.Is(proto.ClientRemoved) {
		t.Errorf("a departure: got %s, want a delta", f.Raw)
	}
}

// checkDelta checks which members the data of a delta contains.
func checkDelta(t *testing.T, f client.Frame) {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal(f.Data, &m); err != nil {
		t.Fatal(err)
	}
	if m["clients"] != nil || m["count"] == nil || m["revision"] == nil {
		t.Errorf("got %s, want a delta", f.Raw)
	}
}

// In a big room, a storm of changes arrives as few full lists, at most five a
// second, and the last one is right.
func TestUpdates_BigRoom_AreCoalesced(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	room := newRoom()
	all := fill(t, s, room, proto.FullListMembers+1)
	watcher := all[0] // the only member whose own answer cannot be the last update of the joins
	size(t, watcher, proto.FullListMembers+1)
	const more = 60
	began := time.Now()
	seen := watcher.Received()
	for i := range more {
		c := s.Dial(t, i%2)
		c.Join(room)
	}
	size(t, watcher, proto.FullListMembers+1+more)
	took := time.Since(began)
	frames, most := watcher.Received()-seen, int(took/(200*time.Millisecond))+2
	t.Logf("%d joins in %v came as %d frames", more, took, frames)
	if frames > most {
		t.Errorf("got %d full lists in %v, want at most %d", frames, took, most)
	}
}

// Every peer of a simultaneous storm of joins gets an answer, and every member
// receives all joins, in whatever frames.
func TestUpdates_StormOfJoins_EndsWithTheFullList(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	room := newRoom()
	first := s.Dial(t, 0)
	first.Create(room)
	const n = 80
	conns := make([]*kit.Conn, n)
	for i := range conns {
		conns[i] = s.Dial(t, i%2)
	}
	var wg sync.WaitGroup
	for _, c := range conns {
		wg.Go(func() { c.Send(`{"event":"Join_Room","data":{"room":%q},"id":"j"}`, room) })
	}
	wg.Wait()
	added := map[proto.PeerID]int{}
	var clients []proto.PeerID
	var last uint64
	for len(clients) < n+1 {
		f := first.Expect(proto.ClientAdded)
		d := kit.Room(t, f)
		if d.Revision <= last {
			t.Errorf("got revision %d after %d, want it to grow", d.Revision, last)
		}
		last, clients = d.Revision, d.Clients
		if len(d.Added) == 0 || d.Client != d.Added[0] {
			t.Errorf("got client %s and added %v, want the first of those added", d.Client, d.Added)
		}
		for _, id := range d.Added {
			added[id]++
		}
	}
	for _, c := range conns {
		if added[c.ID] != 1 {
			t.Errorf("got a joiner named %d times, want once", added[c.ID])
		}
		f := c.Until("the answer", func(f *client.Frame) bool { return string(f.ID) == `"j"` })
		if d := kit.Room(t, f); !f.Is(proto.ClientAdded) || d.Client != c.ID {
			t.Errorf("a joiner: got %.200s, want %s about itself", f.Raw, proto.ClientAdded)
		}
		if len(kit.Room(t, f).Clients) < n+1 {
			size(t, c, n+1)
		}
	}
}
