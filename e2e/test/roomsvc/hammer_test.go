package roomsvc_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc"
)

// hammer makes peers join and leave rooms through all instances, each peer one
// request at a time, and compares the acknowledged changes with the stored
// rooms.
func hammer(t *testing.T, requesters []*requester, rooms []proto.RoomID, peers, rounds int) {
	t.Helper()
	for _, a := range requesters {
		a.lease() // on a busy machine this takes longer than a lease
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	want := make(map[proto.RoomID][]proto.PeerID)
	for i := range peers {
		a := requesters[i%len(requesters)]
		wg.Go(func() {
			p := a.peer()
			in := make(map[proto.RoomID]bool)
			for range rounds {
				room := rooms[rand.N(len(rooms))]
				op, r := bus.OpJoin, bus.Request{Op: a.op(), Room: room, Peer: p, Create: true}
				expect := proto.ErrorCode("")
				switch rand.N(4) {
				case 0: // requests that must be refused, if the acknowledged state is true
					if op, expect = bus.OpLeave, proto.NotFound; in[room] {
						op, expect = bus.OpJoin, proto.AlreadyExists
					}
				case 1:
					if op, expect = bus.OpGet, ""; !in[room] {
						continue
					}
				default:
					if in[room] {
						op = bus.OpLeave
					}
				}
				reply, err := await(a.send(op, r), patience)
				if err != nil || code(reply) != expect {
					t.Errorf("%s: got %+v, %v, want code %q", op, reply, err, expect)
					return
				}
				if op == bus.OpGet && !slices.ContainsFunc(reply.State.Room.Members, func(m bus.Member) bool { return m.ID == p }) {
					t.Errorf("get of a member's own room: got it without the member, want it with it")
				}
				if expect == "" && op != bus.OpGet {
					in[room] = op == bus.OpJoin
				}
			}
			mu.Lock()
			defer mu.Unlock()
			for room := range in {
				if in[room] {
					want[room] = append(want[room], p)
				}
			}
		})
	}
	wg.Wait()
	for _, id := range rooms {
		var got []proto.PeerID
		if room := requesters[0].room(id); room != nil {
			for _, m := range room.Members {
				got = append(got, m.ID)
			}
		}
		slices.Sort(got)
		slices.Sort(want[id])
		if !slices.Equal(got, want[id]) {
			t.Errorf("room %s: got %d members, want the %d that were acknowledged", id, len(got), len(want[id]))
		}
	}
}

func TestRoomsvc_ManyRequesters_AgreeOnTheRooms(t *testing.T) {
	s := startNATS(t)
	services := startServices(t, s, 3, roomsvc.Config{})
	requesters := []*requester{newRequester(t, s), newRequester(t, s)}
	hammer(t, requesters, []proto.RoomID{"a", "b"}, 24, 60)
	for _, svc := range services {
		st := svc.Stats()
		if st.Panics != 0 || st.Waiting != 0 {
			t.Errorf("got %+v, want no panics and no waiting requests", st)
		}
		t.Logf("commits %d of %d operations, %d conflicts, %d reads", st.Commits, st.Committed, st.Conflicts, st.Reads)
	}
}

// Three servers and three replicas lose their leader while peers join and
// leave.
func TestRoomsvc_Cluster_SurvivesANode(t *testing.T) {
	servers, services := startCluster(t)
	requesters := []*requester{newRequester(t, servers[0]), newRequester(t, servers[1])}
	start := time.Now()
	hammer(t, requesters, []proto.RoomID{"a", "b"}, 16, 30)
	t.Logf("480 operations in %v", time.Since(start))

	var replies []<-chan *bus.Reply
	start, before := time.Now(), writes(t, requesters[0].nc)
	for i := range 1000 {
		a := requesters[i%2]
		replies = append(replies, a.send(bus.OpJoin, bus.Request{Room: "storm", Peer: a.peer(), Create: true}))
	}
	if got := collect(t, replies); got[""] != 1000 {
		t.Errorf("got answers %v, want 1000 successes", got)
	}
	t.Logf("1000 joins in %v, %d writes", time.Since(start), writes(t, requesters[0].nc)-before)
	if room := requesters[0].room("storm"); len(room.Members) != 1000 {
		t.Errorf("got %d members, want 1000", len(room.Members))
	}

	// A request that waits for the election is not refused, and takes effect
	// once.
	if err := bucketLeaderStepDown(requesters[0]); err != nil {
		t.Fatal(err)
	}
	p := requesters[0].peer()
	r := bus.Request{Op: requesters[0].op(), Room: "storm", Peer: p}
	if reply := requesters[0].ask(bus.OpJoin, r); code(reply) != "" {
		t.Errorf("join: got %v, want no error", reply.Error)
	}
	confirms := uint64(0)
	for _, svc := range services {
		confirms += svc.Stats().Confirms
	}
	if confirms == 0 {
		t.Error("got no refusal that a write confirmed, want some")
	}
}

// bucketLeaderStepDown makes another server the leader of the rooms bucket.
func bucketLeaderStepDown(a *requester) error {
	_, err := a.nc.Request("$JS.API.STREAM.LEADER.STEPDOWN."+bus.BucketStream(bus.RoomsBucket), nil, patience)
	return err
}
