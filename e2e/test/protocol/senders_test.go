package protocol_test

import (
	"fmt"
	"testing"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// acceptFrom makes Dial choose whose frames the peer accepts.
func acceptFrom(s proto.Senders) kit.DialOption {
	return kit.Path("?" + proto.QueryAcceptFrom + "=" + s.String())
}

// refusesFrom is the row of an event whose receiver does not accept it, on the sender's
// gateway and on the other one.
func refusesFrom(e proto.Event, data string) func(*pair) {
	return func(p *pair) {
		for i := range 2 {
			to := p.Dial(p.t, i, acceptFrom(proto.AcceptNobody))
			err := fails(p.t, p.a, proto.Unauthorised, e, fmt.Sprintf(`"to":%q,%s`, to.ID, data))
			if err.To != string(to.ID) {
				p.t.Errorf("on gateway %d: got data.to %q, want %q", i, err.To, to.ID)
			}
			to.Quiet()
			p.a.Quiet() // one error, not two
		}
	}
}

// signals checks that an Offer of from to to arrives, or is refused when ok is false.
func signals(t *testing.T, from, to *kit.Conn, ok bool) {
	t.Helper()
	if !ok {
		fails(t, from, proto.Unauthorised, proto.Offer, fmt.Sprintf(`"to":%q,"room":"r"`, to.ID))
		return
	}
	from.Send(`{"event":"Offer","to":%q}`, to.ID)
	if f := to.Expect(proto.Offer); f.From != from.ID {
		t.Errorf("got %s, want the Offer of %s", f.Raw, from.ID)
	}
}

// TestAcceptFrom_EachValue_RestrictsPeers: what a peer does not accept is refused, from
// whichever gateway it comes; messages to its rooms, the server's frames and its own always
// arrive.
func TestAcceptFrom_EachValue_RestrictsPeers(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	for accept, want := range map[proto.Senders]struct{ mates, strangers bool }{
		proto.AcceptAnyone: {true, true}, proto.AcceptRooms: {true, false}, proto.AcceptNobody: {false, false},
	} {
		for i := range 2 {
			t.Run(fmt.Sprintf("%v on gateway %d", accept, i), func(t *testing.T) {
				to, room := s.Dial(t, i, acceptFrom(accept)), newRoom()
				if to.Details.AcceptFrom != accept {
					t.Errorf("Client_Details: got accept_from %v, want %v", to.Details.AcceptFrom, accept)
				}
				to.Create(room)
				for at := range 2 {
					from := s.Dial(t, at)
					signals(t, from, to, want.strangers)
					from.Join(room)
					to.Members(room, to.ID, from.ID)
					signals(t, from, to, want.mates)
					from.Send(`{"event":"Message","room":%q,"data":1}`, room)
					if f := to.Expect(proto.Message); f.From != from.ID || string(f.Room) != room {
						t.Errorf("from gateway %d: got %s, want the message to the room", at, f.Raw)
					}
					from.Send(`{"event":"Leave_Room","data":{"room":%q}}`, room)
					from.Expect(proto.RoomLeft)
					to.Members(room, to.ID)
					signals(t, from, to, want.strangers)
					from.Quiet()
				}
				signals(t, to, to, true)
				to.Quiet()
			})
		}
	}
}

// TestAcceptFrom_JustJoined_MaySend: who sees its receiver in a room may send to it at once,
// whichever of the two has just joined. In a cluster the frame may overtake the change of the
// room.
func TestAcceptFrom_JustJoined_MaySend(t *testing.T) {
	s := kit.Start(t, kit.Options{NATSNodes: 3, Gateways: 3})
	for n := range 100 {
		to, from, room := s.Dial(t, n%3, acceptFrom(proto.AcceptRooms)), s.Dial(t, (n+1)%3), newRoom()
		first, second := to, from
		if n%2 == 0 {
			first, second = from, to
		}
		first.Create(room)
		second.Send(`{"event":"Join_Room","data":{"room":%q}}`, room)
		from.Members(room, first.ID, second.ID)
		from.Send(`{"event":"Offer","to":%q}`, to.ID)
		to.Until("the Offer", func(f *client.Frame) bool { return f.From == from.ID })
		from.Quiet()
		to.Bye()
		from.Bye()
	}
}

// TestAcceptFrom_Resume_KeepsOrReplacesTheChoice: the choice belongs to the session, also
// when it moves to another gateway; an address that names another value replaces it.
func TestAcceptFrom_Resume_KeepsOrReplacesTheChoice(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	for i := range 2 {
		t.Run(fmt.Sprintf("on gateway %d", i), func(t *testing.T) {
			old, mate, stranger, room := s.Dial(t, 0, acceptFrom(proto.AcceptRooms)), s.Dial(t, 1), s.Dial(t, 0), newRoom()
			old.Create(room)
			mate.Join(room)
			old.Members(room, old.ID, mate.ID)
			old.Answers() // the token that names the room has come
			for _, step := range []struct {
				options          []kit.DialOption
				want             proto.Senders
				mates, strangers bool
			}{
				{nil, proto.AcceptRooms, true, false},
				{[]kit.DialOption{acceptFrom(proto.AcceptNobody)}, proto.AcceptNobody, false, false},
				{nil, proto.AcceptNobody, false, false},
				{[]kit.DialOption{acceptFrom(proto.AcceptAnyone)}, proto.AcceptAnyone, true, true},
			} {
				old.Drop()
				c := s.Dial(t, i, step.options...)
				if d := c.Resume(old); d.AcceptFrom != step.want {
					t.Errorf("resumed with %d options: got accept_from %v, want %v", len(step.options), d.AcceptFrom, step.want)
				}
				signals(t, mate, c, step.mates)
				signals(t, stranger, c, step.strangers)
				c.Quiet()
				old = c
			}
		})
	}
}

// TestAcceptFrom_ServerDefault_ClientMayChooseMore: the default is for clients that do not
// choose.
func TestAcceptFrom_ServerDefault_ClientMayChooseMore(t *testing.T) {
	s := kit.Start(t, kit.Options{AcceptFrom: proto.AcceptNobody})
	from, nobody, open := s.Dial(t, 0), s.Dial(t, 1), s.Dial(t, 1, acceptFrom(proto.AcceptAnyone))
	for c, want := range map[*kit.Conn]proto.Senders{nobody: proto.AcceptNobody, open: proto.AcceptAnyone} {
		if got := c.Details.AcceptFrom; got != want {
			t.Errorf("got accept_from %v, want %v", got, want)
		}
		signals(t, from, c, want == proto.AcceptAnyone)
	}
	nobody.Quiet()
}
