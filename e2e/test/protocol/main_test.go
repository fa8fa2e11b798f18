// Package protocol_test tests every rule of the protocol from outside: two gateways,
// two room services, sender and receiver always on different gateways.
package protocol_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

func TestMain(m *testing.M) { kit.Main(m) }

// maxRooms is small, so that Limit_Exceeded is easy to reach.
const maxRooms = 3

// pair is the setup of most tests: a peer on each gateway, and a room id of its own.
type pair struct {
	*kit.Stack
	t    *testing.T
	a, b *kit.Conn
	room string
}

var roomNumber atomic.Int64

func newRoom() string { return fmt.Sprintf("room-%d", roomNumber.Add(1)) }

func newPair(t *testing.T, s *kit.Stack) *pair {
	t.Helper()
	return &pair{Stack: s, t: t, a: s.Dial(t, 0), b: s.Dial(t, 1), room: newRoom()}
}

// together makes the room with a as creator and b as second member, and reads the
// frames about it.
func (p *pair) together() {
	p.t.Helper()
	p.a.Create(p.room)
	p.b.Join(p.room)
	p.a.Members(p.room, p.a.ID, p.b.ID)
}

// errorID is the correlation id of frames that must fail.
const errorID = "e-1"

// fails sends a frame that must fail with that code, and checks the members that
// every error frame has.
func fails(t *testing.T, c *kit.Conn, code proto.ErrorCode, event proto.Event, rest string) *client.Error {
	t.Helper()
	if rest != "" {
		rest = "," + rest
	}
	c.Send(`{"event":%q,"id":%q%s}`, event, errorID, rest)
	f := c.Next()
	checkServerFrame(t, f, proto.TypeError)
	e := f.Err()
	if e == nil || e.Code != code {
		t.Fatalf("%s with %.200s: got %.300s, want the error %s", event, rest, f.Raw, code)
	}
	if string(f.ID) != `"`+errorID+`"` {
		t.Errorf("got the error's id %s, want %q", f.ID, errorID)
	}
	if e.Event != string(event) {
		t.Errorf("got the error's data.event %q, want %q", e.Event, event)
	}
	if len(e.Message) < 10 {
		t.Errorf("got the error's message %q, want 10 characters or more", e.Message)
	}
	return e
}

// misses is fails with Missing_Fields, for each frame that lacks the named field.
func misses(t *testing.T, c *kit.Conn, event proto.Event, frames map[string]string) {
	t.Helper()
	refuses(t, c, proto.MissingFields, event, frames)
}

// invalid is fails with Invalid_Message, for each frame whose field is out of bounds.
func invalid(t *testing.T, c *kit.Conn, event proto.Event, frames map[string]string) {
	t.Helper()
	refuses(t, c, proto.InvalidMessage, event, frames)
}

func refuses(t *testing.T, c *kit.Conn, code proto.ErrorCode, event proto.Event, frames map[string]string) {
	t.Helper()
	for rest, field := range frames {
		e := fails(t, c, code, event, rest)
		if e.Field != field {
			t.Errorf("%s with %.200s: got data.field %q, want %q", event, rest, e.Field, field)
		}
	}
}

// checkServerFrame checks the members that every frame of the server has.
func checkServerFrame(t *testing.T, f client.Frame, typ proto.FrameType) {
	t.Helper()
	if f.Type != typ {
		t.Errorf("got %.300s, want the type %s", f.Raw, typ)
	}
	if f.From != "" {
		t.Errorf("got %.300s, want no from in a frame of the server", f.Raw)
	}
	if _, err := uuid.Parse(f.MessageID); err != nil {
		t.Errorf("got %.300s, want a UUID as its message_id: %v", f.Raw, err)
	}
	var raw struct {
		Timestamp string `json:"timestamp"`
	}
	if err := json.Unmarshal(f.Raw, &raw); err != nil {
		t.Error(err)
	}
	at, err := time.Parse(time.RFC3339Nano, raw.Timestamp)
	if err != nil || !strings.HasSuffix(raw.Timestamp, "Z") {
		t.Errorf("got timestamp %q, want RFC 3339 in UTC", raw.Timestamp)
	}
	if age := time.Since(at); age < -time.Minute || age > time.Minute {
		t.Errorf("got timestamp %q, want the present time", raw.Timestamp)
	}
	if len(f.Data) == 0 || f.Data[0] != '{' {
		t.Errorf("got %.300s, want an object as its data", f.Raw)
	}
}

// ids returns the ids of the connections.
func ids(conns ...*kit.Conn) []proto.PeerID {
	var list []proto.PeerID
	for _, c := range conns {
		list = append(list, c.ID)
	}
	return list
}

// quoted returns s as JSON.
func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string can always be encoded
	}
	return string(b)
}
