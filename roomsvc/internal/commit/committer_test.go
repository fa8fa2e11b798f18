package commit

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
	"p2pconnector/roomsvc/internal/kv/kvtest"
)

// Operations that arrive during a write go into the next write.
func TestOperations_DuringAWrite_AreCoalesced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := kvtest.NewFake()
		b.Latency = func() time.Duration { return time.Millisecond }
		i := newInstance(t, b)
		first := i.send(bus.OpCreate, bus.Request{Op: "c", Peer: ann})
		synctest.Wait() // it is being written
		var rest []<-chan *bus.Reply
		for n := range 1000 {
			rest = append(rest, i.send(bus.OpJoin, bus.Request{Op: bus.NewOpID(gwB, uint64(n)), Peer: peer(gwB, n)}))
		}
		if r := <-first; r.Error != nil || r.Revision != 1 {
			t.Fatalf("create: got %+v, want revision 1", r)
		}
		for _, ch := range rest {
			if r := <-ch; r.Error != nil || r.Revision != 2 {
				t.Fatalf("join: got %+v, want revision 2", r)
			}
		}
		if b.Writes != 2 || b.Reads != 0 {
			t.Errorf("got %d writes, %d reads; want 2, none", b.Writes, b.Reads)
		}
		if len(i.changes) != 2 || len(i.changes[1].Added) != 1000 || i.changes[1].Before != 1 || i.changes[1].After != 2 {
			t.Errorf("got %d changes, want 2: the room, and all joins from revision 1 to 2", len(i.changes))
		}
	})
}

// Three instances serve a thousand joins with a slow bucket.
func TestCommitter_InstancesShareARoom_ChangesFormOneChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := kvtest.NewFake()
		b.NotLatest = true
		b.Latency = func() time.Duration { return 500*time.Microsecond + rand.N(2*time.Millisecond) }
		var all []*instance
		for range 3 {
			all = append(all, newInstance(t, b))
		}
		all[0].ask(bus.OpCreate, bus.Request{Op: "c", Peer: ann, Capacity: ptr(501)})
		start := time.Now()
		answers := make(map[proto.PeerID]<-chan *bus.Reply)
		for n := range 1000 {
			p := peer(gwB, n)
			answers[p] = all[n%3].send(bus.OpJoin, bus.Request{Op: bus.NewOpID(gwB, uint64(n)), Peer: p})
			time.Sleep(50 * time.Microsecond) // of the bubble
		}
		ok := make(map[proto.PeerID]bool)
		for p, ch := range answers {
			switch r := <-ch; code(r) {
			case "":
				ok[p] = true
			case proto.RoomFull:
			default:
				t.Fatalf("join: got %+v, want success or Room_Full", r)
			}
		}
		room := roomIn(t, b, "r")
		if len(ok) != 500 || len(room.Members) != 501 {
			t.Errorf("got %d joined, %d members; want 500, 501", len(ok), len(room.Members))
		}
		for _, m := range room.Members[1:] {
			if !ok[m.ID] {
				t.Errorf("%s: got a member whose join was refused, want only accepted joins", m.ID)
			}
		}
		if b.Seq > 100 {
			t.Errorf("got %d writes, want at most 100", b.Seq)
		}
		chain(t, all, b)
		t.Logf("%v, %d writes that took effect of %d, %d reads, %d confirms", time.Since(start), b.Seq, b.Writes, b.Reads, b.Confirms)
	})
}

// chain fails unless the changes of all instances lead from revision 0 to the
// bucket's present one.
func chain(t *testing.T, all []*instance, b *kvtest.Fake) {
	t.Helper()
	next := make(map[uint64]uint64)
	for _, i := range all {
		for _, c := range i.changes {
			if c.Before == c.After {
				continue // announced again
			}
			if was, twice := next[c.Before]; twice && was != c.After {
				t.Errorf("changes of revision %d: got two, want one", c.Before)
			}
			next[c.Before] = c.After
		}
	}
	at := uint64(0)
	for range next {
		at = next[at]
	}
	if at != b.Seq {
		t.Errorf("last revision of the changes: got %d, want the bucket's, %d", at, b.Seq)
	}
}

// Each operation takes effect once and gets the answer that says so, whatever
// happens to acknowledgements and revisions.
func TestCommitter_FaultyBucket_EachOperationTakesEffectOnce(t *testing.T) {
	for name, faults := range map[string]func(*kvtest.Fake){
		"lost acknowledgements": func(b *kvtest.Fake) { b.LostAck = func(n int) bool { return n%2 == 1 } },
		"false conflicts":       func(b *kvtest.Fake) { b.Conflict = func(n int) bool { return n%3 != 0 } },
		"old reads":             func(b *kvtest.Fake) { b.NotLatest, b.Stale = true, func(n int) bool { return n%2 == 1 } },
		"all of them": func(b *kvtest.Fake) {
			b.LostAck = func(n int) bool { return n%3 == 1 }
			b.Conflict = func(n int) bool { return n%4 == 1 }
			b.NotLatest, b.Stale = true, func(n int) bool { return n%3 == 1 }
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := kvtest.NewFake()
				faults(b)
				i, j := newInstance(t, b), newInstance(t, b)
				for n := range 20 {
					id := proto.RoomID(fmt.Sprint("room ", n))
					for k, s := range []struct {
						kind bus.Operation
						r    bus.Request
						want proto.ErrorCode
					}{
						{bus.OpJoin, bus.Request{Peer: ben}, proto.NotFound},
						{bus.OpCreate, bus.Request{Peer: ann}, ""},
						{bus.OpCreate, bus.Request{Peer: ben}, proto.DuplicateRoom},
						{bus.OpJoin, bus.Request{Peer: ben}, ""},
						{bus.OpGet, bus.Request{Peer: ben}, ""},
						{bus.OpLeave, bus.Request{Peer: ann}, ""},
						{bus.OpGet, bus.Request{Peer: ann}, proto.Unauthorised},
						{bus.OpEnd, bus.Request{Peer: ben}, ""},
						{bus.OpGet, bus.Request{}, proto.NotFound},
						{bus.OpLeave, bus.Request{Peer: ben}, proto.NotFound},
						{bus.OpCreate, bus.Request{Peer: ben}, ""},
					} {
						s.r.Room, s.r.Op = id, bus.OpID(fmt.Sprint(n, "-", k))
						at := i
						if k%2 == 1 {
							at = j
						}
						if r := at.ask(s.kind, s.r); code(r) != s.want {
							t.Fatalf("room %d, step %d: %s: got %q, want %q", n, k, s.kind, code(r), s.want)
						}
					}
				}
			})
		})
	}
}

// A refusal does not rest on the state that a worker has from its last write.
func TestCommitter_StateOfItsLastWrite_IsNotTrusted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := kvtest.NewFake()
		b.Latency = func() time.Duration { return time.Millisecond }
		i, j := newInstance(t, b), newInstance(t, b)
		made := []<-chan *bus.Reply{i.send(bus.OpCreate, bus.Request{Op: "0", Peer: ann})}
		synctest.Wait()
		for n := range busyBatch { // in one commit, after which the worker stays a while
			made = append(made, i.send(bus.OpJoin, bus.Request{Op: bus.NewOpID(gwA, uint64(n)), Peer: peer(gwA, 10+n)}))
		}
		for _, ch := range made {
			<-ch
		}
		if _, rooms := i.Lengths(); rooms != 1 {
			t.Fatal("workers: got none, want the one that this test needs")
		}
		if r := j.ask(bus.OpEnd, bus.Request{Op: "e", Peer: ann}); r.Error != nil {
			t.Fatalf("end: got %v, want success", r.Error)
		}
		if r := i.ask(bus.OpGet, bus.Request{Peer: ann}); code(r) != proto.NotFound {
			t.Errorf("get of a room that has ended: got %q, want Not_Found", code(r))
		}
		if r := i.ask(bus.OpCreate, bus.Request{Op: "c", Peer: ben}); code(r) != "" {
			t.Errorf("create: got %q, want success", code(r))
		}
	})
}

func TestCommitter_BucketAway_AnswersUnavailableInTime(t *testing.T) {
	for away, want := range map[time.Duration]proto.ErrorCode{
		8 * time.Second:  "",
		20 * time.Second: proto.Unavailable,
	} {
		t.Run(away.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := kvtest.NewFake()
				i := newInstance(t, b)
				i.ask(bus.OpCreate, bus.Request{Op: "c", Peer: ann})
				start := time.Now()
				b.Down = func() bool { return time.Since(start) < away }
				join := i.send(bus.OpJoin, bus.Request{Op: "j", Peer: ben})
				get := i.send(bus.OpGet, bus.Request{Peer: ann})
				nothing := i.send(bus.OpGet, bus.Request{Peer: ann, Room: "nowhere"})
				if r := <-join; code(r) != want {
					t.Errorf("join: got %q, want %q", code(r), want)
				}
				if r := <-get; code(r) != want {
					t.Errorf("get: got %q, want %q", code(r), want)
				}
				if r := <-nothing; code(r) != want && (want != "" || code(r) != proto.NotFound) {
					t.Errorf("get of nothing: got %q, want Not_Found, or Unavailable while the bucket is away", code(r))
				}
				if took := time.Since(start); took > proto.RequestDeadline+kv.CallTimeout {
					t.Errorf("got the answers after %v, want at most %v", took, proto.RequestDeadline+kv.CallTimeout)
				}
			})
		})
	}
}

// Operations that arrived by a connection that has broken are given up, because
// this process may have been frozen for minutes.
func TestCommitter_NewConnection_DropsEarlierRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := kvtest.NewFake()
		i := newInstance(t, b)
		var epoch atomic.Uint64
		i.cfg.Conn = epoch.Load
		b.Down = func() bool { return epoch.Load() == 0 }
		late := i.send(bus.OpJoin, bus.Request{Op: "j", Peer: ann, Create: true})
		synctest.Wait()
		epoch.Add(1)
		if r := <-late; r != nil {
			t.Errorf("got %+v, want no answer", r)
		}
		if i.cfg.Metrics.Dropped.Load() != 1 || roomIn(t, b, "r") != nil {
			t.Errorf("got %d dropped, want 1 and no room", i.cfg.Metrics.Dropped.Load())
		}
	})
}

func TestCommitter_Panic_StaysInItsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newInstance(t, kvtest.NewFake())
		announce := i.cfg.Announce
		i.cfg.Announce = func(c *bus.Change, to []proto.GatewayID) {
			if c.Room == "bad" {
				panic("a bug")
			}
			announce(c, to)
		}
		if r := i.ask(bus.OpCreate, bus.Request{Room: "bad", Op: "1", Peer: ann}); code(r) != proto.Unavailable {
			t.Errorf("room with the panic: got %q, want Unavailable", code(r))
		}
		if r := i.ask(bus.OpCreate, bus.Request{Room: "good", Op: "2", Peer: ann}); code(r) != "" {
			t.Errorf("other room: got %q, want success", code(r))
		}
		if i.cfg.Metrics.Panics.Load() != 1 {
			t.Error("panics: got another count, want 1")
		}
	})
}

func TestCommitter_FullQueues_RefuseOperations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := kvtest.NewFake()
		var stuck atomic.Bool
		stuck.Store(true)
		b.Down = stuck.Load
		i := newInstance(t, b)
		i.send(bus.OpGet, bus.Request{})
		synctest.Wait() // its worker waits for the bucket
		for range waiting / 4 {
			i.send(bus.OpGet, bus.Request{})
		}
		if r := i.ask(bus.OpGet, bus.Request{}); code(r) != proto.Unavailable {
			t.Errorf("one more for the room: got %q, want Unavailable", code(r))
		}
		for n := 1; n < waiting/4; n++ {
			i.send(bus.OpGet, bus.Request{Room: proto.RoomID(fmt.Sprint(n))})
		}
		synctest.Wait() // their workers have taken these operations, which therefore do not wait
		if r := i.ask(bus.OpGet, bus.Request{Room: "one more"}); code(r) != proto.Unavailable {
			t.Errorf("one more room: got %q, want Unavailable", code(r))
		}
		for n := range waiting - waiting/4 {
			i.send(bus.OpGet, bus.Request{Room: proto.RoomID(fmt.Sprint(1 + n%3))})
		}
		if r := i.ask(bus.OpGet, bus.Request{Room: "4"}); code(r) != proto.Unavailable {
			t.Errorf("one more in all: got %q, want Unavailable", code(r))
		}
		if got := i.cfg.Metrics.Refused.Load(); got != 3 {
			t.Errorf("refused: got %d, want 3", got)
		}
		stuck.Store(false)
	})
}

func TestClose_OperationsWait_FinishesThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := kvtest.NewFake()
		b.Latency = func() time.Duration { return time.Second }
		i := newInstance(t, b)
		made := i.send(bus.OpCreate, bus.Request{Op: "c", Peer: ann})
		synctest.Wait()
		joined := i.send(bus.OpJoin, bus.Request{Op: "j", Peer: ben})
		i.Close(context.Background())
		if a, b := <-made, <-joined; code(a) != "" || code(b) != "" {
			t.Errorf("got create %q, join %q; want success for both", code(a), code(b))
		}
		if r := i.ask(bus.OpJoin, bus.Request{Op: "k", Peer: cas}); r != nil {
			t.Errorf("after close: got %+v, want no answer", r)
		}
	})
}

func TestClose_BucketAway_DropsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := kvtest.NewFake()
		b.Down = func() bool { return true }
		i := newInstance(t, b)
		made := i.send(bus.OpCreate, bus.Request{Op: "c", Peer: ann})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		i.Close(ctx)
		if r := <-made; r != nil {
			t.Errorf("after ctx ends: got %+v, want no answer", r)
		}
	})
}
