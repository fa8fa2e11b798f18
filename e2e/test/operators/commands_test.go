package operators_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

var (
	natsCommand = regexp.MustCompile("`nats ((?:req|pub|sub) [^`]+)`")
	shellWord   = regexp.MustCompile(`'[^']*'|\S+`)
)

// commands returns the commands of back-ends.md, each split into words.
func commands(t *testing.T) (list [][]string) {
	t.Helper()
	b, err := os.ReadFile("../../../gateway/web/docs/back-ends.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range natsCommand.FindAllStringSubmatch(string(b), -1) {
		var words []string
		for _, w := range shellWord.FindAllString(m[1], -1) {
			words = append(words, strings.Trim(w, "'"))
		}
		list = append(list, words)
	}
	if len(list) < 10 {
		t.Fatalf("back-ends.md shows %d commands, want 10 or more", len(list))
	}
	return list
}

// scene is a room of two peers on two gateways.
type scene struct {
	*backEnd
	x, y *kit.Conn
	room string
}

func (b *backEnd) scene(room string) *scene {
	b.t.Helper()
	s := &scene{backEnd: b, x: b.Dial(b.t, 0), y: b.Dial(b.t, 1), room: room}
	s.x.Create(room)
	s.y.Join(room)
	s.x.Members(room, s.x.ID, s.y.ID)
	return s
}

// fill replaces the document's placeholders with the names of the scene.
func (s *scene) fill(word string, g proto.GatewayID) string {
	return strings.NewReplacer(
		"GATEWAY", string(g), "TOKEN", base64.RawURLEncoding.EncodeToString([]byte(s.room)),
		"ID", string(s.y.ID), "NEXT", "", `"tea"`, fmt.Sprintf("%q", s.room),
	).Replace(word)
}

// TestCommands_InTheDocument_Work runs each command of back-ends.md, unchanged, as the user
// backend, and checks its effect.
func TestCommands_InTheDocument_Work(t *testing.T) {
	b := start(t)
	for i, words := range commands(t) {
		t.Run(strings.Join(words[:2], " "), func(t *testing.T) {
			s := (&backEnd{b.Stack, t, b.nc}).scene(fmt.Sprintf("tea %d", i))
			switch verb, rest := words[0], words[1:]; {
			case verb == "sub":
				s.watch(rest[0])
			case verb == "pub":
				s.publish(rest[0], rest[1])
			case rest[0] == "--replies":
				if n := len(s.answersOf(rest[2], 2)); n != 2 {
					t.Errorf("%d instances answer, want 2", n)
				}
			case rest[0] == "--inbox-prefix":
				s.publish(rest[2], rest[3])
				s.outcome(rest[1], rest[2], rest[3])
			default:
				s.request(rest[0], rest[1])
			}
		})
	}
}

// outcome publishes a message with a reply below an inbox of its own, and checks
// its outcome.
func (s *scene) outcome(inbox, subject, body string) {
	s.t.Helper()
	replies, err := s.nc.SubscribeSync(inbox + ".commands")
	if err != nil {
		s.t.Fatal(err)
	}
	defer replies.Unsubscribe() //nolint:errcheck // the connection is closed with the test
	if err := s.nc.PublishRequest(s.fill(subject, ""), replies.Subject, []byte(body)); err != nil {
		s.t.Fatal(err)
	}
	m, err := replies.NextMsg(kit.Patience)
	if err != nil || string(m.Data) != "{}" {
		s.t.Fatalf("the outcome is %v, error %v, want {}", m, err)
	}
}

// watch checks that the subject receives messages of both gateways.
func (s *scene) watch(subject string) {
	s.t.Helper()
	sub, err := s.nc.SubscribeSync(subject)
	if err != nil {
		s.t.Fatal(err)
	}
	defer sub.Unsubscribe() //nolint:errcheck // the connection is closed with the test
	seen := make(map[proto.GatewayID]bool)
	for len(seen) < 2 {
		m, err := sub.NextMsg(kit.Patience)
		if err != nil {
			s.t.Fatal(err)
		}
		var l bus.Lease
		if err := json.Unmarshal(m.Data, &l); err != nil || (l.Gateway != s.x.ID.Home() && l.Gateway != s.y.ID.Home()) {
			s.t.Fatalf("%s: %s, error %v", m.Subject, m.Data, err)
		}
		seen[l.Gateway] = true
	}
}

// publish sends to y, or to the room through each of its gateways.
func (s *scene) publish(subject, body string) {
	s.t.Helper()
	to := []*kit.Conn{s.y}
	if strings.Contains(subject, ".room.") {
		to = append(to, s.x)
	}
	for _, c := range to {
		if err := s.nc.Publish(s.fill(subject, c.ID.Home()), []byte(body)); err != nil {
			s.t.Fatal(err)
		}
		if f := c.Next(); f.Event != "Notice" || f.Type != proto.TypeInfo {
			s.t.Errorf("got %s, want the Notice", f.Raw)
		}
	}
}

// request sends a request to the room service, and checks that the members
// receive the change, if there is one.
func (s *scene) request(subject, body string) {
	s.t.Helper()
	op := bus.Operation(strings.TrimPrefix(subject, bus.RoomsPrefix+"."))
	r := s.ask(op, s.fill(body, ""))
	if r.Error != nil {
		s.t.Fatal(r.Error)
	}
	switch op {
	case bus.OpList:
		if len(r.Page) == 0 {
			s.t.Error("no room is listed")
		}
	case bus.OpGet:
		if r.State == nil || r.State.Room == nil || len(r.State.Room.Members) != 2 {
			s.t.Errorf("got %+v, want the room with two members", r)
		}
	case bus.OpRemove:
		s.x.Expect(proto.ClientRemoved)
	case bus.OpUpdate:
		s.x.Expect(proto.RoomUpdated)
		s.y.Expect(proto.RoomUpdated)
	case bus.OpEnd:
		s.x.Expect(proto.RoomDeleted)
		s.y.Expect(proto.RoomDeleted)
	default:
		s.t.Errorf("no test checks the effect of %s", subject)
	}
}

// TestBackEnd_UpdateRoom_ReachesMembers changes a room: its members receive each change, and a request that
// is repeated with its op takes effect once.
func TestBackEnd_UpdateRoom_ReachesMembers(t *testing.T) {
	s := start(t).scene("tea")
	const request = `{"op":"update-1","room":"tea","locked":true,"name":"Five o'clock","capacity":2}`
	first := s.ask(bus.OpUpdate, request)
	if first.Error != nil {
		t.Fatal(first.Error)
	}
	for _, c := range []*kit.Conn{s.x, s.y} {
		if d := kit.Room(t, c.Expect(proto.RoomUpdated)); !d.Locked || d.Name != "Five o'clock" || d.Capacity != 2 {
			t.Errorf("got %+v, want the changed settings", d)
		}
	}
	if again := s.ask(bus.OpUpdate, request); again.Error != nil || again.Revision != first.Revision {
		t.Errorf("repeated: revision %d, error %v; want revision %d", again.Revision, again.Error, first.Revision)
	}
	s.x.Quiet()
	if r := s.ask(bus.OpUpdate, `{"room":"no such room","locked":true}`); r.Error == nil || r.Error.Code != proto.NotFound {
		t.Errorf("a room that is not there: %+v", r)
	}
}
