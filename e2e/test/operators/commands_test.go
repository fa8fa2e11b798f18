package operators_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
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

// commands returns the commands of back-ends.md, each split into words. Those on one line, such as a ban and
// its end, belong together and are run in that order.
func commands(t *testing.T) (lines [][][]string) {
	t.Helper()
	b, err := os.ReadFile("../../../gateway/web/docs/back-ends.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		var list [][]string
		for _, m := range natsCommand.FindAllStringSubmatch(line, -1) {
			var words []string
			for _, w := range shellWord.FindAllString(m[1], -1) {
				words = append(words, strings.Trim(w, "'"))
			}
			list = append(list, words)
		}
		if len(list) > 0 {
			lines = append(lines, list)
		}
	}
	if len(lines) < 10 {
		t.Fatalf("back-ends.md shows commands on %d lines, want 10 or more", len(lines))
	}
	return lines
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
// backend, and checks its effect. The commands of one line share a room.
func TestCommands_InTheDocument_Work(t *testing.T) {
	b := start(t)
	for i, line := range commands(t) {
		var names []string
		for _, words := range line {
			names = append(names, strings.Join(words[:2], " "))
		}
		t.Run(strings.Join(names, ", "), func(t *testing.T) {
			s := (&backEnd{b.Stack, t, b.nc}).scene(fmt.Sprintf("tea %d", i))
			for _, words := range line {
				s.run(words[0], words[1:])
			}
		})
	}
}

// run runs one command, of which rest is what follows the verb.
func (s *scene) run(verb string, rest []string) {
	s.t.Helper()
	switch {
	case verb == "sub":
		s.watch(rest[0])
	case verb == "pub":
		s.publish(rest[0], rest[1])
	case rest[0] == "--replies":
		if n := len(s.answersOf(rest[2], 2)); n != 2 {
			s.t.Errorf("%d instances answer, want 2", n)
		}
	case rest[0] == "--inbox-prefix":
		s.publish(rest[2], rest[3])
		s.outcome(rest[1], rest[2], rest[3])
	default:
		s.request(rest[0], rest[1])
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
	if strings.Contains(body, `"password"`) { // which the command takes away
		s.x.Send(`{"event":"Update_Room","data":{"room":%q,"password":"green leaf"}}`, s.room)
		s.roomUpdated(true)
	}
	r := s.ask(op, s.fill(body, ""))
	if r.Error != nil {
		s.t.Fatalf("%s %s: %v", subject, body, r.Error)
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
		s.removed(strings.Contains(body, `"ban":true`))
	case bus.OpUnban:
		s.y.Join(s.room)
		s.x.Members(s.room, s.x.ID, s.y.ID)
	case bus.OpRole:
		s.updated(proto.MemberInfo{Moderator: true})
	case bus.OpMember:
		s.updated(proto.MemberInfo{Metadata: json.RawMessage(`{"role":"speaker"}`)})
	case bus.OpUpdate:
		s.roomUpdated(false)
	case bus.OpEnd:
		s.x.Expect(proto.RoomDeleted)
		s.y.Expect(proto.RoomDeleted)
	default:
		s.t.Errorf("no test checks the effect of %s", subject)
	}
}

// roomUpdated checks that both receive new settings of the room, with or without a password.
func (s *scene) roomUpdated(password bool) {
	s.t.Helper()
	for _, c := range []*kit.Conn{s.x, s.y} {
		if f := c.Expect(proto.RoomUpdated); kit.Room(s.t, f).Password != password {
			s.t.Errorf("got %s, want password %t", f.Raw, password)
		}
	}
}

// removed checks that both receive the removal of y, and that y may come back unless it
// was banned. A banned y stays outside.
func (s *scene) removed(banned bool) {
	s.t.Helper()
	reason := proto.ReasonRemoved
	if banned {
		reason = proto.ReasonBanned
	}
	for _, c := range []*kit.Conn{s.x, s.y} {
		if f := c.Expect(proto.ClientRemoved); kit.Room(s.t, f).Client != s.y.ID || kit.Room(s.t, f).Reason != reason {
			s.t.Errorf("got %s, want y gone with the reason %s", f.Raw, reason)
		}
	}
	if !banned {
		s.y.Join(s.room)
		return
	}
	s.y.Send(`{"event":"Join_Room","data":{"room":%q}}`, s.room)
	s.y.ExpectError(proto.Banned)
}

// updated checks that both receive what is known of y now.
func (s *scene) updated(want proto.MemberInfo) {
	s.t.Helper()
	for _, c := range []*kit.Conn{s.x, s.y} {
		f := c.Expect(proto.MemberUpdated)
		d := kit.Room(s.t, f)
		if !slices.Equal(d.Updated, []proto.PeerID{s.y.ID}) || !reflect.DeepEqual(d.Members[s.y.ID], want) {
			s.t.Errorf("got %s, want y updated to %+v", f.Raw, want)
		}
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
