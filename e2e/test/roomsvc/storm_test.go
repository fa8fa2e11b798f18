package roomsvc_test

import (
	"fmt"
	"testing"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc"
)

// collect waits for every reply and counts them by code.
func collect(t *testing.T, replies []<-chan *bus.Reply) map[proto.ErrorCode]int {
	t.Helper()
	got := make(map[proto.ErrorCode]int)
	for i, ch := range replies {
		r, err := await(ch, patience)
		if err != nil {
			t.Fatalf("request %d of %d: got %v, want a reply", i, len(replies), err)
		}
		got[code(r)]++
	}
	return got
}

// A thousand peers of three gateways join one room at the same instant, on three
// room services.
func TestJoin_Storm_IsGroupedIntoFewWrites(t *testing.T) {
	for _, capacity := range []int{0, 500} {
		t.Run(fmt.Sprintf("capacity %d", capacity), func(t *testing.T) {
			const joins = 1000
			s := startNATS(t)
			startServices(t, s, 3, roomsvc.Config{})
			requesters := []*requester{newRequester(t, s), newRequester(t, s), newRequester(t, s)}
			owner := requesters[0].peer()
			requesters[0].must(bus.OpCreate, bus.Request{Room: "storm", Peer: owner, Capacity: &capacity})
			before := writes(t, requesters[0].nc)

			start := time.Now()
			peers := make(map[proto.PeerID]<-chan *bus.Reply, joins)
			var replies []<-chan *bus.Reply
			for i := range joins {
				a := requesters[i%len(requesters)]
				p := a.peer()
				ch := a.send(bus.OpJoin, bus.Request{Room: "storm", Peer: p})
				keep := make(chan *bus.Reply, 1)
				peers[p] = keep
				replies = append(replies, tee(ch, keep))
			}
			got := collect(t, replies)
			took := time.Since(start)
			wrote := writes(t, requesters[0].nc) - before
			t.Logf("%d joins in %v, %d writes, %v", joins, took, wrote, got)

			want := joins
			if capacity > 0 {
				want = capacity - 1
			}
			if got[""] != want || got[proto.RoomFull] != joins-want {
				t.Errorf("got answers %v, want %d without an error and %d with %s", got, want, joins-want, proto.RoomFull)
			}
			room := requesters[0].room("storm")
			if len(room.Members) != want+1 {
				t.Errorf("got %d members, want %d", len(room.Members), want+1)
			}
			in := make(map[proto.PeerID]bool)
			for _, m := range room.Members {
				in[m.ID] = true
			}
			for p, ch := range peers {
				if ok := (<-ch).Error == nil; ok != in[p] {
					t.Errorf("peer %s: got an answer without an error: %v, want it exactly for members: %v", p, ok, in[p])
				}
			}
			if wrote > joins/10 {
				t.Errorf("got %d writes for %d joins, want few", wrote, joins)
			}
		})
	}
}

func tee(from <-chan *bus.Reply, to chan<- *bus.Reply) <-chan *bus.Reply {
	out := make(chan *bus.Reply, 1)
	go func() {
		r := <-from
		to <- r
		out <- r
	}()
	return out
}

// By default a room takes ten thousand members, and no more.
func TestRoom_TenThousandMembers_IsServed(t *testing.T) {
	const most = proto.DefaultMaxRoomMembers
	s := startNATS(t)
	startServices(t, s, 2, roomsvc.Config{})
	a, b := newRequester(t, s), newRequester(t, s)
	start := time.Now()
	var replies []<-chan *bus.Reply
	for i := range most {
		g := a
		if i%2 == 0 {
			g = b
		}
		replies = append(replies, g.send(bus.OpJoin, bus.Request{Room: "stadium", Peer: g.peer(), Create: true}))
	}
	if got := collect(t, replies); got[""] != most {
		t.Fatalf("got answers %v, want %d without an error", got, most)
	}
	t.Logf("%d joins in %v, %d writes", most, time.Since(start), writes(t, a.nc))
	if r := a.ask(bus.OpJoin, bus.Request{Room: "stadium", Peer: a.peer()}); code(r) != proto.RoomFull {
		t.Errorf("one more: got %v, want %s", r.Error, proto.RoomFull)
	}
	room := a.room("stadium")
	if len(room.Members) != most {
		t.Fatalf("got %d members, want %d", len(room.Members), most)
	}
	start = time.Now()
	replies = replies[:0]
	for _, m := range room.Members {
		replies = append(replies, a.send(bus.OpLeave, bus.Request{Room: "stadium", Peer: m.ID, Gateway: m.Owner()}))
	}
	if got := collect(t, replies); got[""] != most {
		t.Fatalf("got answers %v, want %d without an error", got, most)
	}
	t.Logf("%d leaves in %v", most, time.Since(start))
	if keys := liveKeys(t, a.nc); len(keys) != 0 {
		t.Errorf("got keys %q, want none", keys)
	}
}
