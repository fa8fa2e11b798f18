package gateway

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/proto"
)

const tea = proto.RoomID("tea")

// askedGateway is a gateway whose requests to the room service come on a channel.
func askedGateway(t *testing.T) (*Gateway, chan askedFor) {
	t.Helper()
	g := testGateway(t, Config{})
	asked := make(chan askedFor, 16)
	g.requests = newRequests(g.id, func(subject, reply string, data []byte) error {
		a := askedFor{subject: subject}
		if err := json.Unmarshal(data, &a.Request); err != nil {
			t.Error(err)
		}
		in, _ := proto.ParseInbound(reply)
		a.answer = func(r proto.Reply) { g.requests.answered(in.First, &nats.Msg{Data: marshal(r)}) }
		asked <- a
		return nil
	})
	return g, asked
}

type askedFor struct {
	proto.Request
	subject string
	answer  func(proto.Reply)
}

// made is the change that makes tea, with peer as a member through g.
func made(g *Gateway, peer proto.PeerID) proto.Change {
	return proto.Change{
		Room: tea, After: 1, Set: &proto.Settings{Name: "tea"}, Creator: peer,
		Added: []proto.Member{{ID: peer, Gateway: g.id}},
	}
}

// TestJoinedWhileAway: a join takes effect while its session is elsewhere, and it comes
// back before the room was left for it.
func TestJoinedWhileAway(t *testing.T) {
	g, _ := askedGateway(t)
	s := &session{g: g, id: proto.NewPeerID(g.id), phase: away}
	g.sessions.put(s)
	r := g.rooms.pin(tea)
	r.room, r.rev = roomOf(new(made(g, s.id))), 1
	r.reindexLocked()
	r.departLater(s.id)
	r.retryDepartures()
	if r.local[s.id] == nil || len(r.leaving) != 0 || !s.in(tea) {
		t.Errorf("members here %v, leaving %v, its rooms %v", r.local, r.leaving, s.rooms)
	}
	if got := joinText(s.kept.frames); got == "" {
		t.Error("it was not told")
	}
}

// TestJoinedWhileArriving: a join that was under way when the session left takes effect
// while it arrives again.
func TestJoinedWhileArriving(t *testing.T) {
	for name, c := range map[string]struct {
		end   func(*Gateway, *session)
		stays bool
	}{
		"it arrives": {func(_ *Gateway, s *session) {
			s.arrived(&sessionToken{Peer: s.id, Count: 5}, &proto.Handover{Count: 7, Rooms: []proto.RoomID{"other"}})
			if !s.in(tea) || !s.in("other") {
				t.Errorf("its rooms are %v", s.rooms)
			}
		}, true},
		"it does not": {func(g *Gateway, s *session) { g.giveUp(s, nil, sessionOver()) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			g, asked := askedGateway(t)
			s := &session{g: g, id: proto.NewPeerID(g.id), bus: true, phase: arriving, arrivals: newArrivals()}
			g.sessions.put(s)
			g.out = newOutbound(g.id, nowhere{}, g.coarse.Load)
			r := g.rooms.pin(tea)
			r.apply(new(made(g, s.id)))
			c.end(g, s)
			if stays := r.local[s.id] != nil; stays != c.stays {
				t.Errorf("member here: %v", stays)
			}
			if c.stays {
				return
			}
			if a := <-asked; a.subject != proto.RoomsSubject(proto.OpLeave) || a.Peer != s.id || a.Reason != proto.ReasonDisconnected {
				t.Errorf("asked for %+v", a)
			}
		})
	}
}

// TestLateEffect: nobody here waits for the room any more when a request takes effect
// after all. The peer has gone, so it leaves.
func TestLateEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, asked := askedGateway(t)
		defer g.closeBackground()
		gone := proto.NewPeerID(g.id)
		c := made(g, gone)
		g.stateChanged(tea.Token(), marshal(c))
		fetch := <-asked
		if fetch.subject != proto.RoomsSubject(proto.OpGet) || fetch.Room != tea {
			t.Fatalf("asked for %+v", fetch)
		}
		fetch.answer(proto.Reply{Revision: 1, State: &proto.Snapshot{Room: roomOf(&c), Revision: 1}})
		leave := <-asked
		if leave.subject != proto.RoomsSubject(proto.OpLeave) || leave.Peer != gone {
			t.Fatalf("asked for %+v", leave)
		}
		leave.answer(proto.Reply{Revision: 2})
		synctest.Wait()
		if n := g.rooms.len(); n != 0 {
			t.Errorf("%d rooms are kept", n)
		}
		c.Added[0].Gateway = proto.NewGatewayID()
		g.stateChanged(tea.Token(), marshal(c))
		synctest.Wait()
		if len(asked) != 0 {
			t.Errorf("another gateway's member: asked for %+v", <-asked)
		}
	})
}

// TestDoubtLasts: a copy of a request may wait in the room service when nobody waits for
// it any more, so that the room looks as before and changes later.
func TestDoubtLasts(t *testing.T) {
	for name, look := range map[string]func(*Gateway, *replica, chan askedFor){
		"compared": func(g *Gateway, _ *replica, asked chan askedFor) {
			go g.syncRooms()
			(<-asked).answer(proto.Reply{})
		},
		"fetched": func(g *Gateway, r *replica, asked chan askedFor) {
			g.rooms.hold(r, r.refetch)
			(<-asked).answer(proto.Reply{Error: proto.RoomNotFound(tea)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, asked := askedGateway(t)
				defer g.closeBackground()
				r := g.rooms.pin(tea)
				r.doubted()
				g.rooms.unpin(r)
				look(g, r, asked)
				synctest.Wait()
				if g.rooms.get(tea) == nil {
					t.Fatal("forgotten while the request may still take effect")
				}
				time.Sleep(lateEffect + time.Second) // of the bubble's clock
				look(g, r, asked)
				synctest.Wait()
				if g.rooms.get(tea) != nil {
					t.Error("kept for ever")
				}
			})
		})
	}
}

// TestTakeRoomInDoubt: nobody knows whether the room names this gateway now.
func TestTakeRoomInDoubt(t *testing.T) {
	g, _ := askedGateway(t)
	g.requests.close() // there will be no answer
	s := &session{g: g, id: proto.NewPeerID(g.id), phase: away}
	if g.takeRoom(s, tea) || g.rooms.get(tea) == nil {
		t.Error("the room is forgotten")
	}
}

// TestReclaimedWhenClaimed: the word that a session has been taken comes when its time
// is up.
func TestReclaimedWhenClaimed(t *testing.T) {
	g, s := staleSession(t)
	other := proto.NewGatewayID()
	g.handOver(s, &proto.Takeover{Peer: s.id, Gateway: other, Count: 5})
	g.heldBy(s.id, s, &proto.Takeover{Peer: s.id, Gateway: other, Count: 6, Holds: true})
	g.reclaim(s)
	if s.newHolder() != other || g.sessions.get(s.id) != s {
		t.Error("who holds it is forgotten")
	}
}

// TestClaimedInstead: the gateway that a session was handed to last did not take it, and
// the one before says so.
func TestClaimedInstead(t *testing.T) {
	g, s := staleSession(t)
	first, second := proto.NewGatewayID(), proto.NewGatewayID()
	one := g.handOver(s, &proto.Takeover{Peer: s.id, Gateway: first, Count: 5})
	g.handOver(s, &proto.Takeover{Peer: s.id, Gateway: second, Count: 5})
	claim := &proto.Takeover{Peer: s.id, Gateway: first, Count: one.Count + 1, Holds: true}
	if h := g.heldBy(s.id, s, claim); h.MovedTo != second {
		t.Fatalf("the first is told %+v", h)
	}
	claim.Instead = second
	if h := g.heldBy(s.id, s, claim); h.MovedTo != "" || s.newHolder() != first || !s.claimed() {
		t.Errorf("the first is told %+v, held by %s", h, s.newHolder())
	}
	next := proto.NewGatewayID()
	g.heldBy(s.id, s, &proto.Takeover{Peer: s.id, Gateway: next, Count: claim.Count + 1, Holds: true})
	g.heldBy(s.id, s, claim)
	if s.newHolder() != next {
		t.Errorf("an old word goes before the newest holder's: held by %s", s.newHolder())
	}
}

// TestNoRoomsForTheGone: a room that is added to a session which was handed on or has
// ended would never be left.
func TestNoRoomsForTheGone(t *testing.T) {
	for phase, ok := range map[phase]bool{attached: true, away: true, arriving: true, moved: false, over: false} {
		s := &session{phase: phase}
		if _, got := s.addRoom(tea); got != ok || s.in(tea) != ok {
			t.Errorf("phase %d: %v, rooms %v", phase, got, s.rooms)
		}
	}
}
