package permissions_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/proto/client"
)

// TestPermissions_EachFlow_IsAllowed runs the operations of peers, on two gateways with two room services:
// signals and messages, rooms to their end, and every error that comes over NATS.
func TestPermissions_EachFlow_IsAllowed(t *testing.T) {
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
	b.Send(`{"event":"Update_Member","data":{"room":"tea","metadata":1}}`)
	a.Expect(proto.MemberUpdated)
	b.Expect(proto.MemberUpdated)
	b.Send(`{"event":"Room_Info","data":{"room":"tea"}}`)
	b.Expect(proto.RoomInfo)
	a.Send(`{"event":"Set_Role","data":{"room":"tea","client":%q,"role":"moderator"}}`, b.ID)
	a.Expect(proto.MemberUpdated)
	b.Expect(proto.MemberUpdated)
	a.Send(`{"event":"Remove_Client","data":{"room":"tea","client":%q,"ban":true}}`, b.ID)
	a.Expect(proto.ClientRemoved)
	b.Expect(proto.ClientRemoved)
	a.Send(`{"event":"Unban_Client","data":{"room":"tea","client":%q}}`, b.ID)
	a.Expect(proto.RoomInfo)
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

// TestPermissions_SessionMoves_IsAllowed resumes a session on another gateway while frames for it wait on
// the first, and again after the first has drained.
func TestPermissions_SessionMoves_IsAllowed(t *testing.T) {
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

// TestPermissions_SweepOfADeadGateway_IsAllowed kills a gateway: the sweep of the room services uses most of
// their permissions for JetStream.
func TestPermissions_SweepOfADeadGateway_IsAllowed(t *testing.T) {
	s, refused := start(t, kit.Options{Gateways: 2, RoomServices: 1, Processes: true, Grace: 200 * time.Millisecond})
	a, b := s.Dial(t, 0), s.Dial(t, 1)
	a.Create("tea")
	b.Join("tea")
	a.Members("tea", a.ID, b.ID)
	s.KillGateway(t, 1)
	a.Members("tea", a.ID)
	refused.none(t)
}

// asGateway acts as a gateway, with the subjects that it may use and at a room service that
// has only the permissions of the file. ask sends request n and decodes the answer.
func asGateway(t *testing.T, s *kit.Stack, own proto.GatewayID) (ask func(subject string, n int, request, answer any) *nats.Msg) {
	t.Helper()
	nc := intrude(t, s, "gateway").nc
	all, err := bus.GatewayWildcard(own)
	if err != nil {
		t.Fatal(err)
	}
	sub, err := nc.SubscribeSync(strings.Replace(all, string(own), "*", 1))
	if err != nil {
		t.Fatal(err)
	}
	return func(subject string, n int, request, answer any) *nats.Msg {
		t.Helper()
		data, err := json.Marshal(request)
		if err != nil {
			t.Fatal(err)
		}
		reply := bus.ReplySubject(own, uint64(n))
		if err := nc.PublishRequest(subject, reply, data); err != nil {
			t.Fatal(err)
		}
		var msg *nats.Msg
		for msg == nil || msg.Subject != reply {
			if msg, err = sub.NextMsg(kit.Patience); err != nil {
				t.Fatalf("%s: %v", subject, err)
			}
		}
		if err := json.Unmarshal(msg.Data, answer); err != nil {
			t.Fatalf("%s: got %s, error %v, want an answer", subject, msg.Data, err)
		}
		return msg
	}
}

// TestDirectory_GatewayAsks_IsAnswered moves a session as a gateway does.
func TestDirectory_GatewayAsks_IsAnswered(t *testing.T) {
	s, refused := start(t, kit.Options{Gateways: 1, RoomServices: 2})
	own := proto.NewGatewayID()
	ask := asGateway(t, s, own)
	peer := proto.NewPeerID(proto.NewGatewayID())
	var revision uint64
	for n, op := range []bus.SessionOperation{bus.SessionTake, bus.SessionGet, bus.SessionSync, bus.SessionEnd} {
		var r bus.SessionReply
		msg := ask(bus.SessionsSubject(op), n, &bus.SessionRequest{Peer: peer, Owner: own, Epoch: 1, Sessions: []bus.Owned{{Peer: peer, Epoch: 1}, {Peer: proto.NewPeerID(own), Epoch: 1}}}, &r)
		if r.Error != nil || r.Refused != "" {
			t.Fatalf("%s: got %s, want success", op, msg.Data)
		}
		if op == bus.SessionSync {
			if len(r.Sessions) != 1 || r.Sessions[0].Peer.Home() != own {
				t.Errorf("sync: got %+v, want only the session that has no entry", r.Sessions)
			}
		} else if (r.Revision == 0) != r.Ended || op == bus.SessionGet && r.Revision != revision {
			t.Errorf("%s: got %+v, want the revision of its entry", op, r)
		}
		revision = r.Revision
	}
	refused.none(t)
}

// TestNames_GatewayAsks_IsAnswered claims, looks up and releases a name as a gateway does.
func TestNames_GatewayAsks_IsAnswered(t *testing.T) {
	s, refused := start(t, kit.Options{Gateways: 1, RoomServices: 2})
	own := proto.NewGatewayID()
	ask := asGateway(t, s, own)
	peer := proto.NewPeerID(own)
	for n, op := range bus.NameOperations {
		var r bus.NameReply
		msg := ask(bus.NamesSubject(op), n, &bus.NameRequest{Namespace: "peerjs", Name: "a.*>", Peer: peer, Owner: own, Secret: "s"}, &r)
		if r.Error != nil || r.Refused != "" || r.Free != (op == bus.NameRelease) {
			t.Errorf("%s: got %s, want success", op, msg.Data)
		}
	}
	refused.none(t)
}

// awaitMessage drops frames until the message arrives.
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
