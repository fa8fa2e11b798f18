package resume_test

import (
	"encoding/json"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
)

// strayStack is a peer in a room that has moved from gateway 0 to gateway 1, of three;
// watcher is on gateway 0. ids are the gateways'.
func strayStack(t *testing.T) (s *kit.Stack, watcher, peer *kit.Conn, ids [3]proto.GatewayID) {
	t.Helper()
	s = kit.Start(t, kit.Options{Gateways: 3})
	for i := range ids {
		c := s.Dial(t, i)
		ids[i] = c.ID.Home()
		c.Bye()
	}
	watcher = s.Dial(t, 0)
	watcher.Create(room)
	old := s.Dial(t, 0)
	old.Join(room)
	watcher.Members(room, watcher.ID, old.ID)
	old.Drop()
	peer = s.Dial(t, 1)
	peer.Resume(old)
	return s, watcher, peer, ids
}

// words are what gateways say about a session to one of them.
func words(t *testing.T, s *kit.Stack, to proto.GatewayID, peer proto.PeerID) (next func() proto.Takeover, say func(v any)) {
	t.Helper()
	subject, err := proto.SessionSubject(to, peer)
	if err != nil {
		t.Fatal(err)
	}
	nc := s.Connect(t)
	sub, err := nc.SubscribeSync(subject)
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	next = func() (w proto.Takeover) {
		t.Helper()
		m, err := sub.NextMsg(kit.Patience)
		if err == nil {
			err = json.Unmarshal(m.Data, &w)
		}
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	say = func(v any) {
		t.Helper()
		data, err := json.Marshal(v)
		if err == nil {
			err = nc.Publish(subject, data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return next, say
}

// muchNewer is a count that no token of these tests has.
const muchNewer = 1 << 40

// TestNamedHolderWithoutSession: a question that had waited somewhere reaches the former
// holder after the session has gone to another gateway. Who asked has given up since, so
// the session stays where it is, and the former holder hears of it.
func TestNamedHolderWithoutSession(t *testing.T) {
	for name, named := range map[string]func([3]proto.GatewayID) proto.GatewayID{
		"it has died":   func([3]proto.GatewayID) proto.GatewayID { return proto.NewGatewayID() },
		"it has no use": func(ids [3]proto.GatewayID) proto.GatewayID { return ids[2] },
	} {
		t.Run(name, func(t *testing.T) {
			s, watcher, peer, ids := strayStack(t)
			heard, _ := words(t, s, ids[0], peer.ID)
			_, answer := words(t, s, ids[1], peer.ID)
			other := named(ids)
			answer(proto.Handover{From: ids[0], MovedTo: other, Count: muchNewer})
			for w := heard(); w.Instead != other || !w.Holds || w.Gateway != ids[1]; w = heard() {
				if w.Ended {
					t.Fatalf("the session has ended: %+v", w)
				}
			}
			watcher.Send(`{"event":"Message","to":%q,"data":1}`, peer.ID)
			watcher.Send(`{"event":"Message","room":%q,"data":2}`, room)
			for _, want := range []string{"1", "2"} {
				if f := peer.Expect(proto.Message); string(f.Data) != want {
					t.Errorf("got %s", f.Raw)
				}
			}
			watcher.Quiet()
		})
	}
}

// TestGhostOfAYieldedSession: a session was given up to a gateway that does not have it
// any more. Nobody holds the peer, so it leaves its room.
func TestGhostOfAYieldedSession(t *testing.T) {
	s, watcher, peer, ids := strayStack(t)
	_, answer := words(t, s, ids[1], peer.ID)
	began := time.Now()
	answer(proto.Handover{From: ids[2], MovedTo: ids[2], Count: muchNewer})
	if code, _ := peer.Closed(); code != proto.CloseTakenOver {
		t.Fatalf("closed with %d", code)
	}
	if d := kit.Room(t, watcher.Expect(proto.ClientRemoved)); d.Client != peer.ID {
		t.Errorf("%s was removed", d.Client)
	}
	if took := time.Since(began); took > ghostTime {
		t.Errorf("removed after %v", took)
	}
}

// ghostTime is how long a peer may stay in a room that nobody holds.
const ghostTime = 20 * time.Second
