// Package operators_test runs what operators and back ends do over NATS, as the user
// backend of proto/bus/nats.conf: each command of back-ends.md.
package operators_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

func TestMain(m *testing.M) {
	for _, user := range []string{"GATEWAY", "ROOMSVC", "BACKEND"} {
		os.Setenv("NATS_"+user+"_PASSWORD", "test-"+strings.ToLower(user))
	}
	kit.Main(m)
}

// backEnd is a system and a connection to its NATS as the user backend.
type backEnd struct {
	*kit.Stack
	t  *testing.T
	nc *nats.Conn
}

func start(t *testing.T) *backEnd {
	t.Helper()
	s := kit.Start(t, kit.Options{NATSFile: "../../../proto/bus/nats.conf"})
	return &backEnd{s, t, s.Connect(t)}
}

// ask sends a request to the room service, as JSON.
func (b *backEnd) ask(op bus.Operation, request string) bus.Reply {
	b.t.Helper()
	m, err := b.nc.Request(bus.RoomsSubject(op), []byte(request), kit.Patience)
	if err != nil {
		b.t.Fatal(err)
	}
	var r bus.Reply
	if err := json.Unmarshal(m.Data, &r); err != nil {
		b.t.Fatal(err)
	}
	if (r.Error != nil) != (m.Header.Get(micro.ErrorHeader) != "") {
		b.t.Errorf("%s %s: error %v, header %q", op, request, r.Error, m.Header.Get(micro.ErrorHeader))
	}
	return r
}

// TestBackEnd_List_HasEveryRoom pages through all rooms: each is listed once.
func TestBackEnd_List_HasEveryRoom(t *testing.T) {
	b := start(t)
	creator := b.Dial(t, 0)
	const rooms = 5
	for i := range rooms {
		creator.Create(fmt.Sprintf("room-%d", i))
	}
	seen := make(map[proto.RoomID]int)
	request := `{"limit":2}`
	for page := 0; ; page++ {
		r := b.ask(bus.OpList, request)
		if r.Error != nil || len(r.Page) > 2 {
			t.Fatalf("page %d: %d rooms, error %v", page, len(r.Page), r.Error)
		}
		for _, row := range r.Page {
			seen[row.Room]++
			if row.Creator != creator.ID || row.Members != 1 {
				t.Errorf("got row %+v, want its creator and one member", row)
			}
		}
		if r.Next == "" {
			break
		}
		request = fmt.Sprintf(`{"limit":2,"after":%q}`, r.Next)
	}
	for i := range rooms {
		if id := proto.RoomID(fmt.Sprintf("room-%d", i)); seen[id] != 1 {
			t.Errorf("%s was listed %d times", id, seen[id])
		}
	}
}

// TestBackEnd_Get_HasTheRoom shows a room with its members and their gateways.
func TestBackEnd_Get_HasTheRoom(t *testing.T) {
	b := start(t)
	x, y := b.Dial(t, 0), b.Dial(t, 1)
	x.Create("tea")
	y.Join("tea")
	r := b.ask(bus.OpGet, `{"room":"tea"}`)
	if r.Error != nil || r.State == nil || r.State.Room == nil {
		t.Fatalf("got %+v, want the room", r)
	}
	var owners []string
	for _, m := range r.State.Room.Members {
		owners = append(owners, string(m.ID)+" "+string(m.Owner()))
	}
	want := []string{string(x.ID) + " " + string(x.ID.Home()), string(y.ID) + " " + string(y.ID.Home())}
	if strings.Join(owners, "\n") != strings.Join(want, "\n") {
		t.Errorf("members %q, want %q", owners, want)
	}
	if r := b.ask(bus.OpGet, `{"room":"no such room"}`); r.Error == nil || r.Error.Code != proto.NotFound {
		t.Errorf("a room that is not there: %+v", r)
	}
}

// TestBackEnd_RemoveAndEnd_ReachMembers removes a member from a room and ends the room: all members receive
// that, as if the creator had done it.
func TestBackEnd_RemoveAndEnd_ReachMembers(t *testing.T) {
	b := start(t)
	x, y := b.Dial(t, 0), b.Dial(t, 1)
	x.Create("tea")
	y.Join("tea")
	x.Members("tea", x.ID, y.ID)
	if r := b.ask(bus.OpRemove, fmt.Sprintf(`{"op":"remove-1","room":"tea","client":%q}`, y.ID)); r.Error != nil {
		t.Fatal(r.Error)
	}
	if d := kit.Room(t, x.Expect(proto.ClientRemoved)); d.Client != y.ID || d.Reason != proto.ReasonRemoved {
		t.Errorf("got %+v, want that y was removed", d)
	}
	y.Expect(proto.ClientRemoved)
	if r := b.ask(bus.OpEnd, `{"op":"end-1","room":"tea"}`); r.Error != nil {
		t.Fatal(r.Error)
	}
	x.Expect(proto.RoomDeleted)
	y.Quiet()
}

// frame is a finished frame, as a back end makes it.
func frame(text string) []byte {
	f := proto.ServerFrame{Type: proto.TypeInfo, Event: "Notice", Data: json.RawMessage(fmt.Sprintf("%q", text)), Time: time.Now(), MessageID: "00000000-0000-4000-8000-000000000000"}
	return f.Append(nil)
}

// TestBackEnd_MessageToPeer_IsDelivered: the peer's id determines the subject; no lookup is needed.
func TestBackEnd_MessageToPeer_IsDelivered(t *testing.T) {
	b := start(t)
	x := b.Dial(t, 1)
	subject, err := bus.PeerSubject(x.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.nc.Publish(subject, frame("maintenance at noon")); err != nil {
		t.Fatal(err)
	}
	if f := x.Next(); f.Event != "Notice" || f.Type != proto.TypeInfo || string(f.Data) != `"maintenance at noon"` {
		t.Errorf("got %s, want the Notice", f.Raw)
	}
}

// TestBackEnd_MessageToNobody_IsReported: with a reply subject below _INBOX_lost a back end is notified that
// a peer, or its gateway, does not exist. No reply means that the frame arrived.
func TestBackEnd_MessageToNobody_IsReported(t *testing.T) {
	b := start(t)
	x := b.Dial(t, 1)
	replies, err := b.nc.SubscribeSync(bus.LostInbox + ".test")
	if err != nil {
		t.Fatal(err)
	}
	publish := func(to proto.PeerID) {
		t.Helper()
		subject, err := bus.PeerSubject(to)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.nc.PublishRequest(subject, bus.LostInbox+".test", frame("hello")); err != nil {
			t.Fatal(err)
		}
	}
	publish(x.ID) // it arrives, and there is no reply
	if f := x.Next(); f.Event != "Notice" {
		t.Fatalf("got %s, want the Notice", f.Raw)
	}
	publish(proto.NewPeerID(x.ID.Home()))
	m, err := replies.NextMsg(kit.Patience)
	if err != nil {
		t.Fatal(err)
	}
	var lost bus.Outcome
	if err := json.Unmarshal(m.Data, &lost); err != nil || lost.Code != proto.NotFound {
		t.Errorf("a peer that is not there: %s, error %v", m.Data, err)
	}
	publish(proto.NewPeerID(proto.NewGatewayID()))
	if _, err := replies.NextMsg(kit.Patience); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("a gateway that is not there: error %v", err)
	}
}

// A message to a peer that names no gateway reaches the peer at home, where it has moved
// to, and when its home is gone, and gets an answer in each case.
func TestMessageToPeer_AnyGateway_FindsItAndAnswers(t *testing.T) {
	b := start(t)
	send := func(to proto.PeerID) bus.Outcome {
		t.Helper()
		subject, err := bus.AnyPeerSubject(to)
		if err != nil {
			t.Fatal(err)
		}
		replies, err := b.nc.SubscribeSync(bus.LostInbox + "." + nats.NewInbox()[len("_INBOX."):])
		if err != nil {
			t.Fatal(err)
		}
		defer replies.Unsubscribe()
		if err := b.nc.PublishRequest(subject, replies.Subject, frame("hello")); err != nil {
			t.Fatal(err)
		}
		m, err := replies.NextMsg(kit.Patience)
		if err != nil {
			t.Fatal(err)
		}
		var o bus.Outcome
		if err := json.Unmarshal(m.Data, &o); err != nil {
			t.Fatalf("the answer is %q: %v", m.Data, err)
		}
		return o
	}
	delivered := func(c *kit.Conn, where string) {
		t.Helper()
		if o := send(c.ID); o.Code != "" {
			t.Errorf("a peer %s: got %s, want it delivered", where, o.Code)
		}
		if f := c.Next(); f.Event != "Notice" {
			t.Errorf("a peer %s: got %s, want the message", where, f.Raw)
		}
	}
	x := b.Dial(t, 0)
	delivered(x, "at home")
	y := b.Dial(t, 1)
	y.Resume(x)
	delivered(y, "that has moved")
	if o := send(proto.NewPeerID(x.ID.Home())); o.Code != proto.NotFound {
		t.Errorf("a peer that there is not: got %q, want %s", o.Code, proto.NotFound)
	}
	if o := send(proto.NewPeerID(proto.NewGatewayID())); o.Code != proto.NotFound {
		t.Errorf("a peer of a gateway that there is not: got %q, want %s", o.Code, proto.NotFound)
	}
	b.StopGateway(t, 0)
	delivered(y, "whose home is gone")
}

// TestBackEnd_MessageToRoom_ReachesEveryMember: get returns the gateways that have members; one frame to each of
// them reaches every member of the room, and no other peer.
func TestBackEnd_MessageToRoom_ReachesEveryMember(t *testing.T) {
	b := start(t)
	x, y, z := b.Dial(t, 0), b.Dial(t, 1), b.Dial(t, 1)
	x.Create("tea")
	y.Join("tea")
	x.Members("tea", x.ID, y.ID)
	sent := make(map[proto.GatewayID]bool)
	for _, m := range b.ask(bus.OpGet, `{"room":"tea"}`).State.Room.Members {
		g := m.Owner()
		if sent[g] {
			continue
		}
		sent[g] = true
		subject, err := bus.ServerRoomSubject(g, "tea")
		if err != nil {
			t.Fatal(err)
		}
		if err := b.nc.Publish(subject, frame("the room closes soon")); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []*kit.Conn{x, y} {
		if f := c.Next(); f.Event != "Notice" || string(f.Data) != `"the room closes soon"` {
			t.Errorf("got %s, want the Notice", f.Raw)
		}
	}
	z.Quiet()
}

// TestServiceTools_NATSMicro_ListsInstances: the room services answer $SRV.PING, INFO and STATS, with every
// endpoint, its request, and how often it was asked.
func TestServiceTools_NATSMicro_ListsInstances(t *testing.T) {
	b := start(t)
	x := b.Dial(t, 0)
	x.Create("tea")
	for _, verb := range []string{"PING", "INFO", "STATS"} {
		if n := len(b.answersOf("$SRV."+verb+".rooms", 2)); n != 2 {
			t.Errorf("$SRV.%s: %d instances answer, want 2", verb, n)
		}
	}
	for _, data := range b.answersOf("$SRV.INFO.rooms", 2) {
		var info micro.Info
		if err := json.Unmarshal(data, &info); err != nil {
			t.Fatal(err)
		}
		if want := len(bus.Operations) + len(bus.SessionOperations) + len(bus.NameOperations); len(info.Endpoints) != want {
			t.Errorf("%d endpoints, want %d", len(info.Endpoints), want)
		}
		for _, e := range info.Endpoints {
			if e.Metadata["description"] == "" || e.Metadata["reply"] == "" {
				t.Errorf("endpoint %s has no description: %v", e.Name, e.Metadata)
			}
		}
	}
	created := 0
	for _, data := range b.answersOf("$SRV.STATS.rooms", 2) {
		var stats micro.Stats
		if err := json.Unmarshal(data, &stats); err != nil {
			t.Fatal(err)
		}
		for _, e := range stats.Endpoints {
			if e.Name == string(bus.OpCreate) {
				created += e.NumRequests
				var answers map[string]int
				err := json.Unmarshal(e.Data, &answers)
				others := 0 // those that are counted from the start are 0
				for outcome, n := range answers {
					if outcome != "ok" {
						others += n
					}
				}
				if err != nil || answers["ok"] != e.NumRequests || others != 0 {
					t.Errorf("its answers by outcome: %s, error %v; want %d ok", e.Data, err, e.NumRequests)
				}
			}
		}
	}
	if created != 1 {
		t.Errorf("%d requests for create, want 1", created)
	}
}

// answersOf returns the answers of n instances.
func (b *backEnd) answersOf(subject string, n int) (answers [][]byte) {
	b.t.Helper()
	inbox := nats.NewInbox()
	sub, err := b.nc.SubscribeSync(inbox)
	if err != nil {
		b.t.Fatal(err)
	}
	defer sub.Unsubscribe() //nolint:errcheck // the connection is closed with the test
	if err := b.nc.PublishRequest(subject, inbox, nil); err != nil {
		b.t.Fatal(err)
	}
	for len(answers) < n {
		m, err := sub.NextMsg(kit.Patience)
		if err != nil {
			b.t.Fatalf("%s: %v", subject, err)
		}
		answers = append(answers, m.Data)
	}
	return answers
}
