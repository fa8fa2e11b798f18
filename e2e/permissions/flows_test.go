package permissions_test

import (
	"testing"
	"time"

	"p2pconnector/e2e/client"
	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
)

// TestFlows runs what peers do, on two gateways with two room services: signals
// and messages, rooms to their end, and every error that comes over NATS.
func TestFlows(t *testing.T) {
	s, refused := start(t, kit.Options{})
	a, b := s.Dial(t, 0), s.Dial(t, 1)
	for _, e := range []proto.Event{proto.Offer, proto.Answer, proto.Candidate, proto.Message} {
		a.Send(`{"event":%q,"to":%q,"data":{}}`, e, b.ID)
		b.Expect(e)
	}
	a.Send(`{"event":"Connect","to":%q,"data":{"sdp":"s","candidate":"c"}}`, b.ID)
	b.Expect(proto.Offer)

	a.Create("tea")
	b.Join("tea")
	a.Members("tea", a.ID, b.ID)
	a.Send(`{"event":"Message","room":"tea","data":1}`)
	b.Expect(proto.Message)
	a.Send(`{"event":"Update_Room","data":{"room":"tea","locked":true}}`)
	a.Expect(proto.RoomUpdated)
	b.Expect(proto.RoomUpdated)
	b.Send(`{"event":"Room_Info","data":{"room":"tea"}}`)
	b.Expect(proto.RoomInfo)
	a.Send(`{"event":"Remove_Client","data":{"room":"tea","client":%q}}`, b.ID)
	a.Expect(proto.ClientRemoved)
	b.Expect(proto.ClientRemoved)
	a.Send(`{"event":"End_Room","data":{"room":"tea"}}`)
	a.Expect(proto.RoomDeleted)

	b.Create("cake")
	a.Join("cake")
	a.Send(`{"event":"Leave_Room","data":{"room":"cake"}}`)
	a.Expect(proto.RoomLeft)
	b.Members("cake", b.ID)

	a.Send(`{"event":"Message","to":%q,"data":1}`, proto.NewPeerID(b.ID.Home()))
	a.ExpectError(proto.NotFound)
	refused.none(t)
}

// TestSessionMoves resumes a session on another gateway, whose frames waited on
// the first, and again when the first has drained.
func TestSessionMoves(t *testing.T) {
	s, refused := start(t, kit.Options{Gateways: 3, Drain: 5 * time.Second})
	var cable kit.Cable
	mover := s.Client(t, 0, client.Options{Dial: cable.Dial, URLs: []string{s.URL(0), s.URL(1)}})
	other := s.Client(t, 2, client.Options{URLs: []string{s.URL(2)}})
	ctx := t.Context()
	if _, err := other.Create(ctx, client.RoomOptions{Room: "tea"}); err != nil {
		t.Fatal(err)
	}
	if _, err := mover.Join(ctx, "tea", client.JoinOptions{}); err != nil {
		t.Fatal(err)
	}
	cable.Cut()
	if err := other.Message(ctx, mover.ID(), "while it was away"); err != nil {
		t.Fatal(err)
	}
	awaitMessage(t, mover, "while it was away")

	s.StopGateway(t, 0)
	if err := other.MessageRoom(ctx, "tea", "after the drain"); err != nil {
		t.Fatal(err)
	}
	awaitMessage(t, mover, "after the drain")
	refused.none(t)
}

// TestGhostsAreSwept kills a gateway: the room services look through the rooms,
// which takes most of what they may do with JetStream.
func TestGhostsAreSwept(t *testing.T) {
	s, refused := start(t, kit.Options{Gateways: 2, RoomServices: 1, Processes: true, Grace: 200 * time.Millisecond})
	a, b := s.Dial(t, 0), s.Dial(t, 1)
	a.Create("tea")
	b.Join("tea")
	a.Members("tea", a.ID, b.ID)
	s.KillGateway(t, 1)
	a.Members("tea", a.ID)
	refused.none(t)
}

// awaitMessage drops frames until the message comes.
func awaitMessage(t *testing.T, c *client.Client, text string) {
	t.Helper()
	late := time.NewTimer(kit.Patience)
	defer late.Stop()
	for {
		select {
		case f, ok := <-c.Frames():
			if !ok {
				t.Fatalf("the client has ended: %v", c.Err())
			}
			if f.Event == string(proto.Message) && string(f.Data) == `"`+text+`"` {
				return
			}
		case <-late.C:
			t.Fatalf("%q did not come", text)
		}
	}
}
