package roomsvc_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"p2pconnector/e2e/natsbox"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc"
)

// askSession sends a request to the session directory, and repeats it until it is
// answered, as a gateway does.
func (a *requester) askSession(op bus.SessionOperation, r bus.SessionRequest) *bus.SessionReply {
	a.t.Helper()
	data, err := json.Marshal(&r)
	if err != nil {
		a.t.Fatal(err)
	}
	for end := time.Now().Add(patience); time.Now().Before(end); {
		msg, err := a.nc.Request(bus.SessionsSubject(op), data, 3*time.Second)
		if err != nil {
			continue
		}
		reply := new(bus.SessionReply)
		if err := json.Unmarshal(msg.Data, reply); err != nil {
			a.t.Fatalf("%s: got %q: %v", op, msg.Data, err)
		}
		if reply.Error != nil && reply.Error.Code == proto.Unavailable {
			continue
		}
		return reply
	}
	a.t.Fatalf("%s: got no answer within %v, want one", op, patience)
	return nil
}

func (a *requester) take(p proto.PeerID, owner proto.GatewayID, epoch, revision uint64) *bus.SessionReply {
	a.t.Helper()
	return a.askSession(bus.SessionTake, bus.SessionRequest{Peer: p, Owner: owner, Epoch: epoch, Revision: revision})
}

func expectSession(t *testing.T, what string, r *bus.SessionReply, refused bus.SessionRefusal, owner proto.GatewayID, epoch uint64) {
	t.Helper()
	if r.Error != nil || r.Refused != refused || r.Owner != owner || r.Epoch != epoch {
		t.Fatalf("%s: got %+v, want refused %q, owner %q, epoch %d", what, r, refused, owner, epoch)
	}
}

// sessionLife moves a session from its home to b, to c and back, and ends it.
func sessionLife(t *testing.T, a *requester, stream jetstream.Stream) {
	t.Helper()
	p, b, c := a.peer(), proto.NewGatewayID(), proto.NewGatewayID()
	get := bus.SessionRequest{Peer: p}
	expectSession(t, "get before", a.askSession(bus.SessionGet, get), "", "", 0)
	first := a.take(p, b, 1, 0)
	expectSession(t, "to b", first, "", b, 1)
	expectSession(t, "to b again", a.take(p, b, 1, 0), "", b, 1)
	later := bus.SessionRequest{Peer: p, Owner: b, Epoch: 1, Attempt: 2}
	expectSession(t, "to b, by another attempt", a.askSession(bus.SessionTake, later), bus.RefusedMoved, b, 1)
	expectSession(t, "to c from the same state", a.take(p, c, 1, 0), bus.RefusedMoved, b, 1)
	second := a.take(p, c, 2, first.Revision)
	expectSession(t, "to c", second, "", c, 2)
	expectSession(t, "back to b in an old epoch", a.take(p, b, 2, first.Revision), bus.RefusedMoved, c, 2)
	home := a.take(p, a.id, 3, second.Revision)
	expectSession(t, "back home", home, "", a.id, 3)
	if r := a.askSession(bus.SessionGet, get); r.Owner != a.id || r.Revision != home.Revision {
		t.Errorf("get: got %+v, want %+v", r, home)
	}
	sync := a.askSession(bus.SessionSync, bus.SessionRequest{Owner: c, Sessions: []bus.Owned{{Peer: p, Epoch: 2}}})
	if len(sync.Sessions) != 1 || sync.Sessions[0].Owner != a.id || sync.Sessions[0].Revision != home.Revision {
		t.Errorf("sync of c: got %+v, want the session at home", sync.Sessions)
	}
	expectSession(t, "end by c", a.askSession(bus.SessionEnd, bus.SessionRequest{Peer: p, Owner: c, Epoch: 2}), bus.RefusedMoved, a.id, 3)
	expectSession(t, "end", a.askSession(bus.SessionEnd, bus.SessionRequest{Peer: p, Owner: a.id, Epoch: 3}), "", "", 3)
	over := a.askSession(bus.SessionGet, get)
	expectSession(t, "get after", over, "", "", 3)
	if !over.Ended {
		t.Errorf("get after the end: got %+v, want ended", over)
	}
	expectSession(t, "take after", a.take(p, b, 4, home.Revision), bus.RefusedEnded, "", 3)
	expectSession(t, "take of what get shows", a.take(p, b, 4, over.Revision), bus.RefusedEnded, "", 3)

	// Only the server expires the tombstone, and nothing else expires.
	key, err := bus.SessionKey(p)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := stream.GetLastMsgForSubject(t.Context(), bus.BucketSubject(bus.SessionsBucket, key))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := msg.Header.Get(jetstream.MsgTTLHeader), bus.SessionTombstone.String(); got != want {
		t.Errorf("lifetime of the tombstone: got %q, want %q", got, want)
	}
}

func sessionsStream(t *testing.T, a *requester) jetstream.Stream {
	t.Helper()
	js, err := jetstream.New(a.nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), bus.BucketStream(bus.SessionsBucket))
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

func TestSessions_MoveAndEnd_OneServer(t *testing.T) {
	s := startNATS(t)
	startServices(t, s, 2, roomsvc.Config{})
	a := newRequester(t, s)
	stream := sessionsStream(t, a)
	if stream.CachedInfo().Config.AllowDirect {
		t.Error("got reads from a follower allowed, want them refused: they may be stale")
	}
	sessionLife(t, a, stream)
}

// startCluster runs three NATS servers and a room service at each.
func startCluster(t *testing.T) ([]*natsbox.Server, []*roomsvc.Service) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts three servers")
	}
	servers, err := natsbox.StartCluster(t.Context(), 3, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, s := range servers {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	var services []*roomsvc.Service
	for _, s := range servers {
		services = append(services, startServices(t, s, 1, roomsvc.Config{Replicas: 3})...)
	}
	return servers, services
}

func TestSessions_MoveAndEnd_ThreeServers(t *testing.T) {
	servers, _ := startCluster(t)
	for _, s := range servers {
		a := newRequester(t, s)
		sessionLife(t, a, sessionsStream(t, a))
	}
}

// raceTakes makes 64 gateways take one session in each epoch.
func raceTakes(t *testing.T, requesters []*requester, epochs uint64) {
	t.Helper()
	p := requesters[0].peer()
	var known uint64
	for epoch := uint64(1); epoch <= epochs; epoch++ {
		var wins atomic.Int64
		var next atomic.Uint64
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() {
				g := proto.NewGatewayID()
				switch r := requesters[i%len(requesters)].take(p, g, epoch, known); {
				case r.Refused == "" && r.Owner == g && r.Epoch == epoch:
					wins.Add(1)
					next.Store(r.Revision)
				case r.Refused != bus.RefusedMoved || r.Owner == g || r.Epoch != epoch:
					t.Errorf("epoch %d: got %+v, want moved, in that epoch", epoch, r)
				}
			})
		}
		wg.Wait()
		if got := wins.Load(); got != 1 {
			t.Fatalf("epoch %d: got %d winners, want 1", epoch, got)
		}
		known = next.Load()
	}
}

func TestSessions_64TakersAtTwoInstances_OneWinsEachEpoch(t *testing.T) {
	s := startNATS(t)
	services := startServices(t, s, 2, roomsvc.Config{})
	raceTakes(t, []*requester{newRequester(t, s), newRequester(t, s)}, 20)
	for i, svc := range services {
		st := svc.Stats()
		if st.Sessions[bus.SessionTake]["moved"] == 0 || st.Panics != 0 {
			t.Errorf("instance %d: got %v, %d panics; want both to refuse some, and none", i, st.Sessions, st.Panics)
		}
	}
}

func TestSessions_64TakersAtThreeServers_OneWinsEachEpoch(t *testing.T) {
	servers, _ := startCluster(t)
	raceTakes(t, []*requester{newRequester(t, servers[0]), newRequester(t, servers[1]), newRequester(t, servers[2])}, 5)
}

// The sync of a full batch, of which some sessions have moved and some have ended.
func TestSessions_SyncOfAFullBatch_ListsWhatIsLost(t *testing.T) {
	s := startNATS(t)
	startServices(t, s, 2, roomsvc.Config{})
	a := newRequester(t, s)
	other := proto.NewGatewayID()
	batch := make([]bus.Owned, bus.MaxSyncSessions)
	want := make(map[proto.PeerID]string)
	for i := range batch {
		p := a.peer()
		batch[i].Peer = p
		if i%8 != 0 {
			continue
		}
		r := a.take(p, other, 1, 0)
		want[p] = fmt.Sprint(other, 1, r.Revision, false)
		if i%16 == 0 {
			a.askSession(bus.SessionEnd, bus.SessionRequest{Peer: p, Owner: other, Epoch: 1, Revision: r.Revision})
			want[p] = fmt.Sprint("", 1, 0, true)
		}
	}
	for range 3 {
		r := a.askSession(bus.SessionSync, bus.SessionRequest{Owner: a.id, Sessions: batch})
		if len(r.Sessions) != len(want) {
			t.Fatalf("got %d sessions, want %d", len(r.Sessions), len(want))
		}
		for _, row := range r.Sessions {
			if got := fmt.Sprint(row.Owner, row.Epoch, row.Revision, row.Ended); got != want[row.Peer] {
				t.Errorf("%s: got %s, want %s", row.Peer, got, want[row.Peer])
			}
		}
	}
	r := a.askSession(bus.SessionSync, bus.SessionRequest{Owner: a.id, Sessions: append(batch, bus.Owned{Peer: a.peer()})})
	if r.Error == nil || r.Error.Code != proto.InvalidMessage {
		t.Errorf("one more than a batch: got %+v, want Invalid_Message", r)
	}
}

// A sync reads many keys in one pass, during which they may be overwritten: it
// must not take one of them for missing.
func TestSessions_SyncWhileTheSessionMoves_ShowsWhatWasAcknowledged(t *testing.T) {
	s := startNATS(t)
	startServices(t, s, 2, roomsvc.Config{})
	home, mover := newRequester(t, s), newRequester(t, s)
	p, owner := home.peer(), proto.NewGatewayID()
	first := mover.take(p, owner, 1, 0)
	var acknowledged atomic.Uint64
	acknowledged.Store(first.Epoch)
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for known := first; ; acknowledged.Store(known.Epoch) {
			select {
			case <-end:
				return
			default:
			}
			if known = mover.take(p, owner, known.Epoch+1, known.Revision); known.Refused != "" {
				t.Errorf("take: got %+v, want success", known)
				return
			}
		}
	}()
	for range 200 {
		least := acknowledged.Load()
		r := home.askSession(bus.SessionSync, bus.SessionRequest{Owner: home.id, Sessions: []bus.Owned{{Peer: p}, {Peer: home.peer()}}})
		if len(r.Sessions) != 1 || r.Sessions[0].Epoch < least {
			t.Errorf("got %+v, want one session, in epoch %d at least", r.Sessions, least)
		}
	}
	close(end)
	<-ended
}
