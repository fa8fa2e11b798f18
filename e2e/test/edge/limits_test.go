package edge_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/gateway"
	"p2pconnector/proto"
	"p2pconnector/roomsvc"
)

// TestLimits_ClientDetails_AnnouncesThem: Client_Details announces every limit as configured.
func TestLimits_ClientDetails_AnnouncesThem(t *testing.T) {
	e := start(t, func(c *gateway.Config) {
		c.MaxMessageBytes, c.MessagesPerSecond, c.MessageBurst, c.MaxRooms, c.MaxRoomMembers = 4096, 50, 60, 3, 7
		c.BytesPerSecond, c.EgressPerSecond, c.RoomEgressPerSecond = 5000, 6000, 7000
		c.RoomQueueFrames, c.ReplayFrames, c.ReplayBytes, c.RoomPasswords = 8, 9, 10_000, 3
	})
	want := proto.Limits{
		MaxMessageBytes: 4096, MessagesPerSecond: 50, MessageBurst: 60, MaxRooms: 3, MaxRoomMembers: 7, // TestLimits_EachField_HasItsBound tests the limits that follow
		MaxDepth: 32, MaxCorrelationID: 256, MaxRoomIDBytes: 128, MaxRoomNameBytes: 256, MaxMetadataBytes: 8192, MaxMemberMetadata: 1024,
		RoomQueueFrames: 8 + 3, RoomPasswords: 3, ReplayFrames: 9, ReplayBytes: 10_000,
		BytesPerSecond: 5000, EgressPerSecond: 6000, RoomEgressPerSecond: 7000,
	}
	c := e.open(t, "/", nil)
	if c.details.Limits != want {
		t.Errorf("got limits %+v, want %+v", c.details.Limits, want)
	}
	if c.details.Heartbeat <= 0 || c.details.Heartbeat > 40 {
		t.Errorf("got heartbeat_seconds %d, want 1 to 40", c.details.Heartbeat)
	}
	free := start(t, nil).open(t, "/", nil).details.Limits
	if free.MessagesPerSecond+free.MessageBurst+free.BytesPerSecond+free.EgressPerSecond+free.RoomEgressPerSecond != 0 {
		t.Errorf("no limit: got %+v, want it absent", free)
	}
}

// TestLimits_TooManyFrames_AreRateLimited: above the rate the gateway refuses each frame with the time to
// wait, and closes with 1008 when the client continues. Other connections are
// not affected.
func TestLimits_TooManyFrames_AreRateLimited(t *testing.T) {
	e := start(t, func(c *gateway.Config) { c.MessagesPerSecond, c.MessageBurst = 1, 5 })
	beside := e.open(t, "/", nil)
	c := e.open(t, "/", nil)
	began := time.Now()
	for range 40 {
		if _, err := c.Write(text(`{"event":"ping","id":"mine"}`)); err != nil {
			break // it has closed
		}
	}
	for range 5 {
		c.expect(string(proto.Pong))
	}
	refused, answered := 0, 5
	for {
		b, err := c.Next()
		if err != nil {
			break
		}
		var f frame
		must(t, json.Unmarshal(b, &f))
		if f.Event == string(proto.Pong) {
			answered++
			continue
		}
		d := f.data(t)
		if f.Event != string(proto.RateLimited) || d.RetryAfterMS < 1 || d.RetryAfterMS > 1000 || string(f.ID) != `"mine"` || d.Event != "Ping" {
			t.Fatalf("got %s, want Rate_Limited for the Ping, with a time to wait", b)
		}
		refused++
	}
	if most := 5 + int(time.Since(began).Seconds()); answered > most {
		t.Errorf("got %d frames answered in %v, want at most %d", answered, time.Since(began), most)
	}
	if refused < 6 || refused > 7 {
		t.Errorf("got %d frames refused before the end, want 6 or 7", refused)
	}
	d := e.open(t, "/", nil)
	for range 40 {
		if _, err := d.Write(text(ping)); err != nil {
			break
		}
	}
	if reason := d.closed(proto.ClosePolicy); !strings.Contains(reason, "Rate_Limited") {
		t.Errorf("got reason %q, want one with Rate_Limited", reason)
	}
	beside.alive()
}

// TestLimits_TooManyRooms_AreRefused: the number of rooms of a peer and of members of a room.
func TestLimits_TooManyRooms_AreRefused(t *testing.T) {
	e := start(t, func(c *gateway.Config) { c.MaxRooms = 2 })
	a := e.open(t, "/", nil)
	for _, room := range []string{"one", "two"} {
		a.send(fmt.Sprintf(`{"event":"Create_Room","data":{"room":%q,"capacity":1}}`, room))
		a.expect(string(proto.RoomCreated))
	}
	for _, event := range []string{`"Create_Room","data":{"room":"three"}`, `"Join_Room","data":{"room":"three","create":true}`} {
		a.send(`{"event":` + event + `}`)
		a.expect(string(proto.LimitExceeded))
	}
	b := e.open(t, "/", nil)
	b.send(`{"event":"Join_Room","data":{"room":"one"}}`)
	b.expect(string(proto.RoomFull))
	a.send(`{"event":"Leave_Room","data":{"room":"one"}}`)
	a.expect(string(proto.RoomLeft))
	a.send(`{"event":"Create_Room","data":{"room":"three"}}`)
	a.expect(string(proto.RoomCreated))
}

// TestLimits_TooManyMembers_AreRefused: the service's own limit on a room.
func TestLimits_TooManyMembers_AreRefused(t *testing.T) {
	box := newBox(t)
	rooms, err := roomsvc.New(roomsvc.Config{NATSOptions: inProcess(box), MaxRoomMembers: 2})
	must(t, err)
	kit.Run(t, rooms)
	e := startGateway(t, inProcess(box), func(c *gateway.Config) { c.MaxRoomMembers = 2 })
	for i := range 3 {
		c := e.open(t, "/", nil)
		c.send(`{"event":"Join_Room","data":{"room":"r","create":true}}`)
		if i < 2 {
			c.expect(string(proto.ClientAdded))
			continue
		}
		c.expect(string(proto.RoomFull))
	}
	c := e.open(t, "/", nil)
	c.send(`{"event":"Create_Room","data":{"room":"s","capacity":3}}`)
	c.expect(string(proto.LimitExceeded))
}

// TestLimits_EachField_HasItsBound: the longest values are accepted, one byte more is refused.
func TestLimits_EachField_HasItsBound(t *testing.T) {
	c := start(t, nil).open(t, "/", nil)
	x := func(n int) string { return strings.Repeat("x", n) }
	meta := func(n int) string { return `{"m":"` + x(n-len(`{"m":""}`)) + `"}` }
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, l := range []struct {
		name, frame string // with %s for the value
		most, more  string
		code        proto.ErrorCode
	}{
		{"room id", `{"event":"Create_Room","data":{"room":%q}}`, x(128), x(129), proto.InvalidMessage},
		{"name", `{"event":"Create_Room","data":{"name":%q}}`, x(256), x(257), proto.InvalidMessage},
		{"metadata of a room", `{"event":"Create_Room","data":{"metadata":%s}}`, meta(8192), meta(8193), proto.InvalidMessage},
		{"metadata of a member", `{"event":"Join_Room","data":{"room":"%%d","create":true,"metadata":%s}}`, meta(1024), meta(1025), proto.InvalidMessage},
		{"depth", `{"event":"Ping","data":%s}`, deep(31), deep(32), proto.InvalidMessage},
		{"correlation id", `{"event":"Ping","id":%q}`, x(254), x(255), proto.InvalidMessage},
		{"capacity", `{"event":"Create_Room","data":{"capacity":%s}}`, "10000", "10001", proto.LimitExceeded},
	} {
		for i, v := range []string{l.most, l.more} {
			text := fmt.Sprintf(l.frame, v)
			if strings.Contains(text, "%d") {
				text = fmt.Sprintf(text, i)
			}
			c.send(text)
			f := c.next()
			if got := f.Type == "error"; got != (i == 1) || got && f.Event != string(l.code) {
				t.Errorf("%s, value %d: got %.300s, want error %s: %v", l.name, i, f.raw, l.code, i == 1)
			}
		}
	}
}

// TestLimits_SmallMessages_LowerTheBoundsOfFields: the settings lower the limits of a room's texts, and
// clients receive the lower ones.
func TestLimits_SmallMessages_LowerTheBoundsOfFields(t *testing.T) {
	c := start(t, func(c *gateway.Config) {
		c.MaxRoomIDBytes, c.MaxRoomNameBytes, c.MaxMetadataBytes, c.MaxMemberMetadata = 40, 10, 30, 20
	}).open(t, "/", nil)
	l := c.details.Limits
	if l.MaxRoomIDBytes != 40 || l.MaxRoomNameBytes != 10 || l.MaxMetadataBytes != 30 || l.MaxMemberMetadata != 20 {
		t.Errorf("got limits %+v, want 40, 10, 30 and 20 bytes", l)
	}
	x := func(n int) string { return strings.Repeat("x", n) }
	for _, f := range []struct{ frame, want string }{
		{`{"event":"Create_Room","data":{"room":"` + x(40) + `"}}`, string(proto.RoomCreated)},
		{`{"event":"Create_Room","data":{"room":"` + x(41) + `"}}`, string(proto.InvalidMessage)},
		{`{"event":"Room_Info","data":{"room":"` + x(41) + `"}}`, string(proto.NotFound)},
		{`{"event":"Create_Room","data":{"name":"` + x(10) + `","metadata":"` + x(28) + `"}}`, string(proto.RoomCreated)},
		{`{"event":"Create_Room","data":{"name":"` + x(11) + `"}}`, string(proto.InvalidMessage)},
		{`{"event":"Update_Room","data":{"room":"` + x(40) + `","metadata":"` + x(29) + `"}}`, string(proto.InvalidMessage)},
		{`{"event":"Join_Room","data":{"room":"j","create":true,"metadata":"` + x(19) + `"}}`, string(proto.InvalidMessage)},
		{`{"event":"Join_Room","data":{"room":"j","create":true,"metadata":"` + x(18) + `"}}`, string(proto.ClientAdded)},
	} {
		c.send(f.frame)
		if got := c.next(); got.Event != f.want {
			t.Errorf("%s: got %.300s, want %s", f.frame, got.raw, f.want)
		}
	}
}
