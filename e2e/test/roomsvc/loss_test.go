package roomsvc_test

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"p2pconnector/e2e/natsbox"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc"
)

// deleteBucket deletes a bucket as an operator's tools do.
func deleteBucket(t *testing.T, nc *nats.Conn, bucket string) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteKeyValue(t.Context(), bucket); err != nil {
		t.Fatal(err)
	}
}

// wipe stops s, deletes its store directory and starts it again.
func wipe(t *testing.T, s *natsbox.Server) {
	t.Helper()
	s.Stop()
	if err := os.RemoveAll(s.StoreDir()); err != nil {
		t.Fatal(err)
	}
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
}

// insistPause is the pause before a request that found no service is repeated.
const insistPause = 20 * time.Millisecond

// insist repeats a request, as gateways do, until it is answered.
func (a *requester) insist(op bus.Operation, r bus.Request) *bus.Reply {
	a.t.Helper()
	if r.Op == "" {
		r.Op = a.op()
	}
	tick := time.NewTicker(insistPause)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		reply, err := await(a.send(op, r), patience/4)
		if err == nil && code(reply) != proto.Unavailable {
			return reply
		}
		if time.Now().After(end) {
			a.t.Errorf("%s: got %+v, %v, want an answer within %v", op, reply, err, patience)
			return reply
		}
		r.Retry = true
	}
}

// TestBucketMadeAnew_TwoInstancesRace_RevisionsGoOn: whichever instance makes the new
// bucket, both serve it, and no revision of the old one is used again.
func TestBucketMadeAnew_TwoInstancesRace_RevisionsGoOn(t *testing.T) {
	s := startNATS(t)
	startServices(t, s, 2, roomsvc.Config{})
	a := newRequester(t, s)
	for i := range 20 {
		room := proto.RoomID(fmt.Sprint(i))
		old := a.insist(bus.OpCreate, bus.Request{Room: room, Peer: a.peer()})
		if old.Error != nil {
			t.Fatalf("create: got %v, want no error", old.Error)
		}
		deleteBucket(t, a.nc, bus.RoomsBucket)
		after := a.insist(bus.OpGet, bus.Request{Room: room})
		if code(after) != proto.NotFound || after.First <= old.Revision {
			t.Fatalf("got %+v from the new bucket, want Not_Found and a first revision above %d", after, old.Revision)
		}
		info, err := bucketStream(t, a.nc).Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if info.Config.FirstSeq != after.First {
			t.Fatalf("got first revision %d in the reply, want the bucket's %d", after.First, info.Config.FirstSeq)
		}
		made := a.insist(bus.OpCreate, bus.Request{Room: room, Peer: a.peer()})
		if made.Error != nil || made.Revision <= old.Revision || made.First != after.First {
			t.Fatalf("got %+v, want a revision above %d", made, old.Revision)
		}
	}
}

// TestLoss_UnderLoad_NothingOfTheOldBucketComesBack: peers join and leave one room
// through two instances while its data is lost. In the end its members are exactly those
// whose last change the new bucket acknowledged.
func TestLoss_UnderLoad_NothingOfTheOldBucketComesBack(t *testing.T) {
	for name, lose := range map[string]func(*testing.T, *natsbox.Server, *requester){
		"bucket by hand":  func(t *testing.T, _ *natsbox.Server, a *requester) { deleteBucket(t, a.nc, bus.RoomsBucket) },
		"store directory": func(t *testing.T, s *natsbox.Server, _ *requester) { wipe(t, s) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startNATS(t)
			startServices(t, s, 2, roomsvc.Config{})
			a := newRequester(t, s)
			a.lease()
			const peers, rounds = 12, 20
			type last struct {
				in       bool
				revision uint64
			}
			var (
				wg    sync.WaitGroup
				mu    sync.Mutex
				state = make(map[proto.PeerID]last)
				half  = make(chan struct{}, peers)
			)
			for range peers {
				wg.Go(func() {
					p := a.peer()
					var l last
					for i := range rounds {
						if i == rounds/2 {
							half <- struct{}{}
						}
						op := bus.OpJoin
						if l.in {
							op = bus.OpLeave
						}
						switch r := a.insist(op, bus.Request{Room: "r", Peer: p, Create: true}); code(r) {
						case "":
							l = last{!l.in, r.Revision}
						case proto.NotFound:
							l.in = false
						default:
							t.Errorf("%s: got %+v, want success or Not_Found", op, r)
							return
						}
					}
					mu.Lock()
					defer mu.Unlock()
					state[p] = l
				})
			}
			<-half
			lose(t, s, a)
			wg.Wait()
			first := a.insist(bus.OpGet, bus.Request{Room: "r"}).First
			if first == 0 {
				t.Fatal("got no first revision, want one")
			}
			var want, got []proto.PeerID
			for p, l := range state {
				if l.in && l.revision >= first {
					want = append(want, p)
				}
			}
			if r := a.room("r"); r != nil {
				for _, m := range r.Members {
					got = append(got, m.ID)
				}
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("got members %v, want %v", got, want)
			}
		})
	}
}

// TestLoss_GatewayDead_SweepLeavesTheNewRoomAlone: a gateway whose members were lost with
// the bucket dies. The sweep leaves the room of that name alone that another gateway has
// made since.
func TestLoss_GatewayDead_SweepLeavesTheNewRoomAlone(t *testing.T) {
	t.Parallel()
	s := startNATS(t)
	svc := startServices(t, s, 2, roomsvc.Config{})
	dead, alive := newRequester(t, s), newRequester(t, s)
	stop := dead.lease()
	alive.lease()
	dead.must(bus.OpCreate, bus.Request{Room: "r", Peer: dead.peer()})
	deleteBucket(t, alive.nc, bus.RoomsBucket)
	stop()
	made := alive.insist(bus.OpCreate, bus.Request{Room: "r", Peer: alive.peer()})
	if made.Error != nil {
		t.Fatalf("create: got %v, want no error", made.Error)
	}
	eventually(t, "both instances forget the dead gateway", func() bool {
		return svc[0].Stats().Gateways == 1 && svc[1].Stats().Gateways == 1
	})
	r := alive.room("r")
	if r == nil || len(r.Members) != 1 || r.Members[0].Owner() != alive.id {
		t.Errorf("got %s in the room, want one member, of gateway %s", ids(r), alive.id)
	}
}

// TestKeys_BucketLost_GatewayGivesThemBack: tokens signed before the loss can be verified
// after it, also when new keys were made for another gateway in between.
func TestKeys_BucketLost_GatewayGivesThemBack(t *testing.T) {
	s := startNATS(t)
	startServices(t, s, 2, roomsvc.Config{})
	a := newRequester(t, s)
	held := a.must(bus.OpKeys, bus.Request{}).Keys
	deleteBucket(t, a.nc, bus.KeysBucket)
	if got := a.insist(bus.OpKeys, bus.Request{Gateway: a.id, Keys: held}).Keys; !reflect.DeepEqual(got, held) {
		t.Errorf("got keys %v, want those that were lost: %v", keyIDs(got), keyIDs(held))
	}
	deleteBucket(t, a.nc, bus.KeysBucket)
	fresh := a.insist(bus.OpKeys, bus.Request{}).Keys
	got := a.insist(bus.OpKeys, bus.Request{Gateway: a.id, Keys: held}).Keys
	for _, id := range slices.Concat(keyIDs(held), keyIDs(fresh)) {
		if !slices.Contains(keyIDs(got), id) {
			t.Errorf("got keys %v, want %s among them", keyIDs(got), id)
		}
	}
}

func keyIDs(set *bus.KeySet) (list []string) {
	for _, k := range set.Keys {
		list = append(list, k.ID)
	}
	return list
}

// eventually polls until ok.
func eventually(t *testing.T, want string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("got no such state within %v, want: %s", patience, want)
		}
	}
}

// TestBucketMadeByHand_RevisionsGoBack_IsReported: the room service reports a bucket
// whose revisions repeat those of the lost one, and does not serve it; once it is
// deleted, the room service makes its own.
func TestBucketMadeByHand_RevisionsGoBack_IsReported(t *testing.T) {
	t.Parallel()
	s := startNATS(t)
	startServices(t, s, 1, roomsvc.Config{})
	a := newRequester(t, s)
	a.must(bus.OpCreate, bus.Request{Room: "r", Peer: a.peer()})
	js, err := jetstream.New(a.nc)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the bucket is made by hand before the room service makes it", func() bool {
		deleteBucket(t, a.nc, bus.RoomsBucket)
		_, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: bus.RoomsBucket})
		return err == nil
	})
	eventually(t, "the probe says that the bucket went back", func() bool {
		r := a.ask(bus.OpSync, bus.Request{})
		return code(r) == proto.Unavailable && strings.Contains(r.Error.Message, "went back")
	})
	deleteBucket(t, a.nc, bus.RoomsBucket)
	eventually(t, "rooms can be changed", func() bool { return a.ask(bus.OpSync, bus.Request{}).Error == nil })
	if r := a.insist(bus.OpCreate, bus.Request{Room: "r", Peer: a.peer()}); r.Error != nil {
		t.Errorf("got %v, want the room", r.Error)
	}
}

// TestSessions_BucketLost_KnownEpochsHaveEnded: without the entry, no gateway can prove
// any more that it owns a session that had moved. Others move as before.
func TestSessions_BucketLost_KnownEpochsHaveEnded(t *testing.T) {
	s := startNATS(t)
	startServices(t, s, 2, roomsvc.Config{})
	a := newRequester(t, s)
	p, b, c := a.peer(), proto.NewGatewayID(), proto.NewGatewayID()
	first := a.take(p, b, 1, 0)
	expectSession(t, "before the loss", first, "", b, 1)
	deleteBucket(t, a.nc, bus.SessionsBucket)
	if r := a.take(p, c, 2, first.Revision); r.Error != nil || r.Refused != bus.RefusedEnded {
		t.Errorf("take by the lost revision: got %+v, want refused %q", r, bus.RefusedEnded)
	}
	if r := a.askSession(bus.SessionGet, bus.SessionRequest{Peer: p}); r.Error != nil || r.Revision != 0 {
		t.Errorf("get: got %+v, want no entry", r)
	}
	expectSession(t, "another session", a.take(a.peer(), c, 1, 0), "", c, 1)
}
