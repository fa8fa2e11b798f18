package protocol_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
)

// Without a room service every room event is answered Unavailable, after the
// deadline and never as if the room did not exist, while relays work. When a room
// service is back, the same requests work.
func TestUnavailable_NoRoomService_EachRequestIsAnswered(t *testing.T) {
	t.Parallel() // it mostly waits
	s := kit.Start(t, kit.Options{RoomServices: 1})
	peer := s.Dial(t, 1)
	requests := map[proto.Event]string{
		proto.CreateRoom: `"data":{}`, proto.JoinRoom: roomPart("r", `"create":true`), proto.LeaveRoom: roomPart("r", ""),
		proto.EndRoom: roomPart("r", ""), proto.UnbanClient: roomPart("r", fmt.Sprintf(`"client":%q`, proto.NewPeerID("aaaaaaaa"))), proto.SetRole: roomPart("r", fmt.Sprintf(`"client":%q,"role":"member"`, proto.NewPeerID("aaaaaaaa"))), proto.UpdateRoom: roomPart("r", `"name":"x"`), proto.UpdateMember: roomPart("r", `"metadata":1`), proto.RoomInfo: roomPart("r", ""),
		proto.RemoveClient: roomPart("r", fmt.Sprintf(`"client":%q`, peer.ID)), proto.AdmitClient: roomPart("r", fmt.Sprintf(`"client":%q`, peer.ID)),
	}
	checkUnavailable(t, requests)
	s.StopRooms(t, 0)
	conns := map[proto.Event]*kit.Conn{}
	began := time.Now()
	for event, rest := range requests {
		conns[event] = s.Dial(t, 0)
		conns[event].Send(`{"event":%q,"id":"u",%s}`, event, rest)
	}
	relay := s.Dial(t, 0)
	relay.Send(`{"event":"Message","to":%q}`, peer.ID)
	peer.Expect(proto.Message)
	if took := time.Since(began); took > proto.RequestDeadline/2 {
		t.Errorf("a relay without a room service: got it after %v, want no delay", took)
	}
	for event, c := range conns {
		e := c.ExpectError(proto.Unavailable)
		if took := time.Since(began); e.Event != string(event) || took < proto.RequestDeadline-time.Second || took > proto.RequestDeadline+5*time.Second {
			t.Errorf("%s: got %+v after %v, want its own error after %v", event, e, took, proto.RequestDeadline)
		}
	}
	s.StartRooms(t, 0)
	c := conns[proto.CreateRoom]
	c.Create("r")
	peer.Join("r")
	c.Members("r", c.ID, peer.ID)
}

// checkUnavailable compares the requests with the events that go to the room
// service and whose contract names Unavailable.
func checkUnavailable(t *testing.T, requests map[proto.Event]string) {
	t.Helper()
	for _, doc := range proto.ClientEvents {
		if _, relayed := relays("")[doc.Event]; relayed || requests[doc.Event] != "" || testedByOthers[doc.Event] != "" {
			continue
		}
		for _, code := range doc.Errors {
			if code == proto.Unavailable {
				t.Errorf("%s: got no test that it answers Unavailable, want one", doc.Event)
			}
		}
	}
}

// relays returns a frame of each event that is relayed.
func relays(to proto.PeerID) map[proto.Event]string {
	rest := fmt.Sprintf(`"to":%q`, to)
	return map[proto.Event]string{
		proto.Offer: rest, proto.Answer: rest, proto.Candidate: rest, proto.Message: rest,
		proto.Connect: rest + `,"data":{"sdp":1,"candidate":2}`,
	}
}

// Without the bus, relays fail at once and new connections are refused; peers stay
// connected, and everything works when the bus is back.
func TestUnavailable_NoNATS_EachRelayIsAnswered(t *testing.T) {
	p := newPair(t, kit.Start(t, kit.Options{}))
	p.together()
	p.NATS(0).Stop()
	// The gateway notices it after a while: until then frames are in transit.
	noticed := func() bool {
		p.a.Send(`{"event":"Message","to":%q,"data":"probe"}`, p.b.ID)
		p.a.Send(`{"event":"Ping"}`)
		f := p.a.Next()
		if f.Is(proto.Pong) {
			return false
		}
		p.a.Expect(proto.Pong)
		return f.Err() != nil && f.Err().Code == proto.Unavailable
	}
	for !noticed() {
	}
	for event, rest := range relays(p.b.ID) {
		fails(t, p.a, proto.Unavailable, event, rest)
	}
	fails(t, p.a, proto.Unavailable, proto.Message, `"room":`+quoted(p.room))
	if err := refused(t, p.Stack); err != nil {
		t.Error(err)
	}
	if err := p.NATS(0).Restart(); err != nil {
		t.Fatal(err)
	}
	for !reaches(p) {
	}
	third := p.Dial(t, 1)
	third.Join(p.room) // the room outlived the outage
	p.a.Members(p.room, p.a.ID, p.b.ID, third.ID)
}

// reaches sends a message from a to b and reports the result: true when it
// arrived, false when a received an error.
func reaches(p *pair) bool {
	p.t.Helper()
	before := p.b.Received()
	p.a.Send(`{"event":"Message","to":%q}`, p.b.ID)
	for began := time.Now(); ; {
		if time.Since(began) > kit.Patience {
			p.t.Fatalf("got a message neither delivered nor refused within %v, want one of them", kit.Patience)
		}
		p.a.Send(`{"event":"Ping"}`)
		for f := p.a.Next(); !f.Is(proto.Pong); f = p.a.Next() {
			if f.Err() != nil {
				return false
			}
		}
		if p.b.Received() > before {
			return true
		}
	}
}

// refused returns an error unless a gateway without the bus refuses with 503.
func refused(t *testing.T, s *kit.Stack) error {
	t.Helper()
	conn, resp, err := websocket.Dial(t.Context(), s.URL(0), nil)
	if err == nil {
		conn.CloseNow()
		return errors.New("a gateway without the bus: got a connection, want 503")
	}
	if resp == nil || resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		return fmt.Errorf("a gateway without the bus: got %v, %w, want 503 with a Retry-After", resp, err)
	}
	return nil
}
