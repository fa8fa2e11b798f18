package gateway

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/frames"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/relay"
	"p2pconnector/gateway/internal/session"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// remote is another gateway, whose relays arrive at the gateway under test.
type remote struct {
	t   *testing.T
	g   *Gateway
	id  proto.GatewayID
	seq uint64

	shared string // the header of its relays that names a room; "" for none
}

// message makes the gateway under test receive message n of a sender: for the members of
// room tea by the room's state view, or, without view, for peer to.
func (o *remote) message(from, to proto.PeerID, view uint64, n int) {
	o.t.Helper()
	o.seq++
	x := bus.Sent{Gateway: o.id, To: o.g.cfg.ID, Seq: o.seq, Base: 1, Epoch: 1, ToEpoch: 0}
	subject, err := bus.AppendPeerSubject(nil, o.g.cfg.ID, to)
	about := ""
	if view > 0 {
		subject, err = bus.AppendRoomSubject(nil, o.g.cfg.ID, "tea", from, view)
		about = `"room":"tea",`
	}
	if err != nil {
		o.t.Fatal(err)
	}
	var h natsbus.Header
	if o.shared != "" {
		h = natsbus.Header{bus.SharedHeader: {o.shared}}
	}
	o.g.inbound.Handle(natsbus.Message{
		Subject: string(subject), Reply: string(bus.AppendSentSubject(nil, &x)), Header: h,
		Data: fmt.Appendf(nil, `{"event":"Message","from":%q,%s"data":%d}`, from, about, n),
	})
	o.g.inbound.HandleSome()
}

// ack returns the ack of the gateway under test for all messages of o.
func (o *remote) ack() bus.Ack {
	o.g.inbound.Handle(natsbus.Message{Subject: bus.LinkSubject(o.g.cfg.ID, o.id), Data: frames.Marshal(bus.Poll{Number: 1, Base: 1})})
	acks := testBusOf(o.g).relays.(*ackRecorder)
	acks.mu.Lock()
	defer acks.mu.Unlock()
	return acks.last[bus.AckSubject(o.id, o.g.cfg.ID)]
}

// numbersAt returns the numbers of the messages of a sender that wait for a peer.
func numbersAt(s *session.Session, from proto.PeerID) (all []string) {
	for _, f := range s.Waiting() {
		if string(proto.RelaySender(f)) == string(from) {
			_, n, _ := strings.Cut(string(f), `"data":`)
			all = append(all, strings.TrimSuffix(n, "}"))
		}
	}
	return all
}

// teaRoom gives g a replica of room tea at revision 7. One of members must be a peer of g.
// The room service answers only the request for the room.
func teaRoom(g *Gateway, members ...bus.Member) {
	state := &bus.Snapshot{Revision: 7, Room: &bus.Room{ID: "tea", Members: members}}
	requestsTo(g, func(subject, reply string, _ []byte) error {
		if in, ok := bus.ParseInbound(reply); ok && subject == bus.RoomsSubject(bus.OpGet) {
			g.requests.Answered(in.First, natsbus.Message{Data: frames.Marshal(bus.Reply{State: state})})
		}
		return nil
	})
	teaChange(g, &bus.Change{After: 7, Added: members}) // of a room that g does not know
}

// teaChange makes g receive a change of room tea.
func teaChange(g *Gateway, c *bus.Change) {
	c.Room = "tea"
	subject, err := bus.StateSubject(g.cfg.ID, c.Room)
	if err != nil {
		panic(err) // a valid gateway and room
	}
	g.inbound.Handle(natsbus.Message{Subject: subject, Data: frames.Marshal(c)})
	synctest.Wait()
}

// endTea ends what teaRoom began.
func endTea(g *Gateway) {
	g.rooms.Stop()
	g.requests.Close()
	g.bg.Close()
}

// A message to a room whose newest state has not arrived waits for that state, and so does
// a later message of the same sender to a peer. Other senders do not wait.
func TestReorder_RoomStateIsLate_SendersKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, Config{})
		old, joins := awaySession(g), awaySession(g)
		a := &remote{t: t, g: g, id: "0a1b2c3d"}
		from, other := proto.NewPeerID(a.id), proto.NewPeerID(a.id)
		members := []bus.Member{{ID: old.ID()}, {ID: from}, {ID: other}}
		teaRoom(g, members...)
		a.message(from, "", 7, 1)
		a.message(from, "", 8, 2) // joins is a member in that state
		a.message(from, joins.ID(), 0, 3)
		a.message(other, joins.ID(), 0, 4)
		if got, want := fmt.Sprint(numbersAt(old, from), numbersAt(joins, from), numbersAt(joins, other)), "[1] [] [4]"; got != want {
			t.Errorf("before the state arrives: got %s, want %s", got, want)
		}
		if n := g.links.Held(); n != 2 {
			t.Errorf("frames that wait: got %d, want 2", n)
		}
		teaChange(g, &bus.Change{Before: 7, After: 8, Added: []bus.Member{{ID: joins.ID()}}})
		g.inbound.HandleSome()
		if got, want := fmt.Sprint(numbersAt(old, from), numbersAt(joins, from)), "[1 2] [2 3]"; got != want {
			t.Errorf("after the state arrived: got %s, want %s", got, want)
		}
		if n := g.links.Held(); n != 0 {
			t.Errorf("afterwards: got %d frames, want none", n)
		}
		endTea(g)
	})
}

// A frame whose room's state does not arrive in time is reported once, and the frames that
// wait behind it are delivered. The same happens to all of them when the gateway ends.
func TestReorder_RoomStateNeverArrives_IsReported(t *testing.T) {
	for _, end := range []bool{false, true} {
		t.Run(fmt.Sprintf("gateway ends %v", end), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := testGateway(t, Config{})
				to, sender := awaySession(g), awaySession(g) // the sender has moved here since
				a := &remote{t: t, g: g, id: "0a1b2c3d"}
				teaRoom(g, bus.Member{ID: to.ID()}, bus.Member{ID: sender.ID()})
				a.message(sender.ID(), "", 8, 1)
				a.message(sender.ID(), to.ID(), 0, 2)
				if !end {
					time.Sleep(relay.ReorderLimit) // of the bubble's clock
				}
				g.links.Release(end)
				if got := fmt.Sprint(numbersAt(to, sender.ID())); got != "[2]" {
					t.Errorf("at the receiver: got %s, want [2]", got)
				}
				var got []string
				for _, f := range sender.Waiting() {
					if strings.HasPrefix(string(f), `{"type":"error"`) {
						got = append(got, string(f))
					}
				}
				if len(got) != 1 || !strings.Contains(got[0], `"event":"Not_Delivered"`) || !strings.Contains(got[0], `"room":"tea"`) {
					t.Errorf("at the sender: got %s, want one Not_Delivered about the room", got)
				}
				endTea(g)
			})
		})
	}
}

// The reorder buffer refuses frames that it has no space for, and drops none that it holds.
func TestReorder_Full_Refuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, Config{})
		a := &remote{t: t, g: g, id: "0a1b2c3d"}
		from := proto.NewPeerID(a.id)
		teaRoom(g, bus.Member{ID: awaySession(g).ID()}, bus.Member{ID: from})
		for n := range relay.MaxReorder + 1 {
			a.message(from, "", 8, n)
		}
		if n := g.links.Held(); n != relay.MaxReorder {
			t.Errorf("frames that wait: got %d, want %d", n, relay.MaxReorder)
		}
		ack := a.ack()
		if len(ack.Refused) != 1 || ack.Refused[0].Seq != relay.MaxReorder+1 || ack.Refused[0].Code != proto.NotDelivered {
			t.Errorf("got ack %+v, want one refusal, of the last", ack)
		}
		g.links.Release(true)
		endTea(g)
	})
}

// A message that was sent before its sender's gateway learned that the last member here
// has moved is refused, and the refusal names the member's new gateway.
func TestReplica_LastMemberHasMoved_MessagesFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, Config{})
		s := awaySession(g)
		a := &remote{t: t, g: g, id: "0a1b2c3d"}
		from := proto.NewPeerID(a.id)
		teaRoom(g, bus.Member{ID: s.ID()}, bus.Member{ID: from})
		teaChange(g, &bus.Change{Before: 7, After: 8, Moved: []bus.Member{{ID: s.ID(), Gateway: "4e5f6071", Epoch: 1}}})
		if g.rooms.Len() != 0 {
			t.Fatal("got a replica of a room without a member here, want none")
		}
		want := bus.Move{Peer: s.ID(), Owner: "4e5f6071", Epoch: 1}
		a.message(from, "", 7, 1)
		a.message(from, "", 8, 2) // the sender knew, and the peer's new gateway has delivered it
		ack := a.ack()
		if len(ack.Refused) != 2 || len(ack.Refused[0].Moved) != 1 || ack.Refused[0].Moved[0] != want || len(ack.Refused[1].Moved) != 0 {
			t.Errorf("got refusals %+v, want the first moved to %+v", ack.Refused, want)
		}
		time.Sleep(time.Minute) // of the bubble's clock
		g.rooms.SweepMoved()
		a.message(from, "", 7, 3)
		if ack := a.ack(); len(ack.Refused) != 3 || len(ack.Refused[2].Moved) != 0 || ack.Refused[2].Code != proto.NotDelivered {
			t.Errorf("later: got refusals %+v, want the last not delivered", ack.Refused)
		}
		endTea(g)
	})
}

// A new epoch of a member that stays here moves nothing: messages sent by an older state
// of the room still reach the member.
func TestReplica_OnlyTheEpochChanges_MessagesArrive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, Config{})
		s := awaySession(g)
		a := &remote{t: t, g: g, id: "0a1b2c3d"}
		from := proto.NewPeerID(a.id)
		teaRoom(g, bus.Member{ID: s.ID()}, bus.Member{ID: from})
		teaChange(g, &bus.Change{Before: 7, After: 8, Moved: []bus.Member{{ID: s.ID(), Epoch: 2}}})
		a.message(from, "", 7, 1)
		if got := fmt.Sprint(numbersAt(s, from)); got != "[1]" {
			t.Errorf("got messages %s, want [1]", got)
		}
		endTea(g)
	})
}

// A member gets a room message alone when the member's own frames take another route than
// the room's state says.
func TestSendRoom_RouteIsNewerThanTheRoom_GoesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent published
		g := testGatewayOn(t, Config{}, &sent)
		for _, id := range []proto.GatewayID{"0a1b2c3d", "4e5f6071"} {
			setAlive(t, g, id)
		}
		s := awaySession(g)
		stays, moves := proto.NewPeerID("0a1b2c3d"), proto.NewPeerID("0a1b2c3d")
		teaRoom(g, bus.Member{ID: s.ID()}, bus.Member{ID: stays}, bus.Member{ID: moves})
		publish := func() string {
			sent = nil
			if out := g.rooms.Relay(link.Frame{From: s.ID(), Room: "tea", Data: []byte("{}")}, nil); len(out.Missed) > 0 || out.NoneReached || out.NotMember {
				t.Errorf("got %+v, want all reached", out)
			}
			return strings.Join(sent, " ")
		}
		room := "p2p.gw.0a1b2c3d.room." + bus.RoomToken("tea") + "." + string(s.ID()) + "_7"
		if got := publish(); got != room {
			t.Errorf("before: got %s, want %s", got, room)
		}
		g.links.Learn(moves, link.Route{Owner: "4e5f6071", Epoch: 1})
		g.inbound.Handle(natsbus.Message{Subject: bus.AckSubject(g.cfg.ID, "0a1b2c3d"), Data: []byte(`{"from":1,"next":2}`)}) // the relays to that gateway are acknowledged
		got, alone := publish(), "p2p.gw.4e5f6071.peer."+string(moves)
		if got != alone+" "+room+" except "+string(moves) {
			t.Errorf("when one has moved: got %s, want it alone, and the others by the room", got)
		}
		teaChange(g, &bus.Change{Before: 7, After: 8, Moved: []bus.Member{{ID: moves, Gateway: "4e5f6071", Epoch: 1}}})
		g.inbound.Handle(natsbus.Message{Subject: bus.AckSubject(g.cfg.ID, "0a1b2c3d"), Data: []byte(`{"from":2,"next":3}`)})
		if got := publish(); strings.Contains(got, "peer") || strings.Count(got, "_8") != 2 {
			t.Errorf("when the room names the new gateway: got %s, want one message for each gateway", got)
		}
		endTea(g)
	})
}

// published is a bus that records the subjects of relays.
type published []string

func (b *published) Connected() bool { return true }

func (b *published) Publish(subject string, _ []byte) error { return nil }

func (b *published) PublishRequest(subject, _ string, _ []byte) error {
	*b = append(*b, strings.Clone(subject))
	return nil
}

func (b *published) PublishMessage(m natsbus.Message) error {
	*b = append(*b, strings.Clone(m.Subject)+" except "+m.Header.Get(bus.ExceptHeader))
	return nil
}
