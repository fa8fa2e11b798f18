package client

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/gateway/internal/session/sessiontest"
	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// queueTest is a connection whose room requests the test answers.
type queueTest struct {
	t     *testing.T
	g     *gateway
	c     *Conn
	raw   *sockettest.Net
	asked []*bus.Request
}

// newQueueTest must run in a bubble of synctest.
func newQueueTest(t *testing.T) *queueTest {
	q := &queueTest{t: t, g: testGateway(t, config{Options: sessiontest.Options{MaxMessageBytes: 2048}, maxRooms: 2}), raw: sockettest.NewNet(false)}
	q.g.Publish = func(_, _ string, data []byte) error {
		req := new(bus.Request)
		if err := json.Unmarshal(data, req); err != nil {
			t.Error(err)
		}
		q.asked = append(q.asked, req)
		return nil
	}
	q.c, _ = accepted(q.g, q.raw)
	return q
}

// send handles frames as the reader does, and waits until each is handled or queued.
func (q *queueTest) send(frames ...string) {
	for _, f := range frames {
		q.c.Message([]byte(f))
	}
	synctest.Wait()
}

// joined carries out the last join request.
func (q *queueTest) joined() {
	req := q.asked[len(q.asked)-1]
	q.g.Changed(&bus.Change{
		Room: req.Room, After: 1, Set: &bus.Settings{}, Creator: req.Peer, Added: []bus.Member{{ID: req.Peer, Op: req.Op}},
	})
	synctest.Wait()
}

// answers returns the events and correlation ids of the frames with an id, in order.
func (q *queueTest) answers() (got []string) {
	_, payloads := q.raw.Frames()
	for _, p := range payloads {
		var f struct {
			Event string
			ID    json.RawMessage
		}
		if json.Unmarshal([]byte(p), &f) == nil && f.ID != nil {
			got = append(got, fmt.Sprint(f.Event, " ", string(f.ID)))
		}
	}
	return got
}

func (q *queueTest) wantAnswers(want ...string) {
	q.t.Helper()
	if got := q.answers(); !slices.Equal(got, want) {
		q.t.Errorf("got answers %q, want %q", got, want)
	}
}

// end ends the connection and checks that nothing of the queue is left.
func (q *queueTest) end() {
	q.t.Helper()
	q.g.End()
	synctest.Wait()
	if q.c.rooms != nil {
		q.t.Error("got a queue at the end, want none")
	}
	q.c.Socket.Abort()
	q.c.readEnded()
	q.g.conns.wg.Done() // the test was its reader
	q.g.conns.wg.Wait()
	q.g.Sockets.Wait()
}

func roomFrameText(event, room string, id int) string {
	return fmt.Sprintf(`{"event":%q,"data":{"room":%q,"create":true},"id":%d}`, event, room, id)
}

// TestRoomQueue_JoinPending_OthersPass: until the room service answers, frames that are not
// about the room are handled, and a message to the room waits.
func TestRoomQueue_JoinPending_OthersPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueueTest(t)
		q.send(roomFrameText("Join_Room", "tea", 1), `{"event":"Message","room":"tea","id":2}`, `{"event":"Ping","id":3}`,
			`{"event":"Message","room":"other","id":4}`, `{"event":"Ice_Servers","id":5}`, `{"event":"Message","room":"tea","to":"x","id":6}`,
			`{"event":"Offer","to":"nobody","id":7}`, `{"event":"Leave_Room","id":8}`, `{"event":"Resume","data":{"session":"x"},"id":9}`)
		passed := []string{"Pong 3", "Unauthorised 4", "Ice_Servers 5", "Invalid_Message 6", "Not_Found 7", "Unauthorised 9"}
		q.wantAnswers(passed...)
		if len(q.asked) != 1 || q.c.rooms == nil || len(q.c.rooms.waiting) != 2 {
			t.Fatalf("got %d requests, queue %+v; want 1, and two frames that wait", len(q.asked), q.c.rooms)
		}
		q.joined()
		q.wantAnswers(append(passed, "Client_Added 1", "Missing_Fields 8")...) // the message has no other member to reach
		if q.c.rooms != nil {
			t.Errorf("got queue %+v after the last answer, want none", q.c.rooms)
		}
		q.end()
	})
}

// TestRoomQueue_MessageAfterTheAnswer_DoesNotWait: to a client that has the answer, a Pong
// after its message shows that the message was handled.
func TestRoomQueue_MessageAfterTheAnswer_DoesNotWait(t *testing.T) {
	f := &roomFrame{room: "tea", done: make(chan struct{})}
	q := &roomQueue{current: f}
	if !q.holdsLocked([]byte("tea")) || q.holdsLocked([]byte("te")) {
		t.Error("before the answer: got the wrong messages held, want those to that room and no others")
	}
	close(f.done)
	if q.holdsLocked([]byte("tea")) {
		t.Error("after the answer: got a message to the room held, want none")
	}
	q.waiting = append(q.waiting, &roomFrame{room: "tea"})
	if !q.holdsLocked([]byte("tea")) {
		t.Error("with another request that waits: got a message that passes it, want it held")
	}
}

// TestRoomQueue_NoRoomService_AllRefusedInTime: the deadline of a request counts from when
// it is sent. Requests that waited too long are not begun, and a message behind them gets
// one error.
func TestRoomQueue_NoRoomService_AllRefusedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueueTest(t)
		q.send(roomFrameText("Join_Room", "tea", 1), roomFrameText("Room_Info", "tea", 2), `{"event":"Message","room":"tea","id":3}`)
		time.Sleep(proto.RequestDeadline - time.Second)
		q.send(roomFrameText("Leave_Room", "tea", 4))
		time.Sleep(1100 * time.Millisecond)
		q.g.Requests.Tick(time.Now())
		synctest.Wait()
		q.wantAnswers("Unavailable 1", "Unavailable 2", "Unauthorised 3")
		if len(q.asked) != 2 || q.asked[1].Reason != proto.ReasonLeft {
			t.Errorf("got requests %+v, want the join and the leave", q.asked)
		}
		time.Sleep(proto.RequestDeadline)
		q.g.Requests.Tick(time.Now())
		synctest.Wait()
		q.wantAnswers("Unavailable 1", "Unavailable 2", "Unauthorised 3", "Unavailable 4")
		q.end()
	})
}

// TestRoomQueue_Full_RefusesAtOnce: one frame more than it holds, or one byte more than 4 messages
// of the largest size. The last bytes still have room then.
func TestRoomQueue_Full_RefusesAtOnce(t *testing.T) {
	join := roomFrameText("Join_Room", "tea", 1)
	message := func(bytes int) string {
		const head, tail = `{"event":"Message","room":"tea","id":"over","data":"`, `"}`
		return head + strings.Repeat("x", bytes-len(head)-len(tail)) + tail
	}
	const left = 60 // bytes
	for name, test := range map[string]struct{ fits, last []string }{
		"frames": {slices.Repeat([]string{roomFrameText("Room_Info", "tea", 1)}, roomQueueFrames+1), nil},
		"bytes":  {[]string{message(2048), message(2048), message(2048), message(2048 - len(join) - left)}, []string{message(left)}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := newQueueTest(t)
				q.send(join)
				q.send(test.fits...)
				q.wantAnswers()
				q.send(message(left+1), `{"event":"Ping","id":"p"}`)
				q.wantAnswers(`Rate_Limited "over"`, `Pong "p"`)
				q.send(test.last...)
				if n := q.g.Metrics.Rooms.QueueFull.Load(); n != 1 {
					t.Errorf("got %d refusals counted, want 1", n)
				}
				if got, want := q.c.rooms.frames, 1+len(test.fits)+len(test.last); got != want {
					t.Errorf("got %d frames in the queue, want %d", got, want)
				}
				q.end()
			})
		})
	}
}

// TestRoomQueue_SessionLeavesTheConnection_RefusesWhatWaits: the refusals go with the
// session, once, and the running request ends by itself.
func TestRoomQueue_SessionLeavesTheConnection_RefusesWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueueTest(t)
		q.send(roomFrameText("Join_Room", "tea", 1), roomFrameText("Join_Room", "milk", 2), `{"event":"Message","room":"milk","id":3}`)
		raw := sockettest.NewNet(false)
		next, _ := accepted(q.g, raw)
		token := auth.SessionToken{Peer: q.c.Session.ID(), TokenRef: bus.TokenRef{Owner: q.g.ID, Conn: 1, Number: 1}}
		next.Message([]byte(resumeFrame(q.g.Keys.Sign(token, time.Now()))))
		q.send(roomFrameText("Join_Room", "late", 4))
		synctest.Wait()
		_, got := raw.Frames()
		if len(got) != 3 || !strings.Contains(got[0], `"id":"mine"`) || !strings.Contains(got[1], `"id":2`) || !strings.Contains(got[2], `"id":3`) || !strings.Contains(got[2], string(proto.Unavailable)) {
			t.Errorf("got frames on the next connection %q, want its answer and the refusals of 2 and 3", got)
		}
		q.joined()
		synctest.Wait()
		_, got = raw.Frames()
		if joined := slices.IndexFunc(got, func(f string) bool { return strings.Contains(f, `"id":1,`) || strings.Contains(f, `"id":1}`) }); joined < 3 {
			t.Errorf("got frames on the next connection %q, want the join's answer too", got)
		}
		next.Socket.Abort()
		next.readEnded()
		q.g.conns.wg.Done() // the test was its reader
		if len(q.asked) != 1 {
			t.Errorf("got %d requests, want the one that was running", len(q.asked))
		}
		q.end()
	})
}

// TestRoomQueue_ClientCloses_RequestsAreCarriedOut: the session does not end before the
// last requests of its client are carried out.
func TestRoomQueue_ClientCloses_RequestsAreCarriedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueueTest(t)
		s := q.c.Session
		q.send(roomFrameText("Join_Room", "tea", 1), roomFrameText("Leave_Room", "tea", 2))
		q.raw.Receive(sockettest.ClientFrame(sockettest.ClientClose, proto.AppendCloseReason(nil, proto.CloseNormal, "")))
		ended := make(chan struct{})
		go func() { defer close(ended); q.c.serve() }()
		synctest.Wait()
		if !s.Has(&q.c.Conn) {
			t.Error("got a session that has left its connection while a request runs, want it there")
		}
		q.joined()
		if len(q.asked) != 2 || q.asked[1].Reason != proto.ReasonLeft {
			t.Fatalf("got requests %+v, want the join and the leave", q.asked)
		}
		q.g.Changed(&bus.Change{
			Room: "tea", Before: 1, After: 2, Removed: []bus.Removal{{ID: s.ID(), Reason: proto.ReasonLeft, Op: q.asked[1].Op}},
		})
		synctest.Wait()
		q.wantAnswers("Client_Added 1", "Room_Left 2")
		q.c.Socket.Abort()
		<-ended
		if s.Live() {
			t.Error("got a live session after its client has closed with 1000, want it ended")
		}
		q.g.conns.wg.Wait()
		q.g.Sockets.Wait()
	})
}

// TestRoomQueue_GatewayEnds_NobodyWaits: neither the running request nor those behind it
// delay the end of the gateway.
func TestRoomQueue_GatewayEnds_NobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueueTest(t)
		q.send(roomFrameText("Join_Room", "tea", 1), roomFrameText("Join_Room", "milk", 2))
		began := time.Now()
		q.end()
		if took := time.Since(began); took > 0 || len(q.asked) != 1 {
			t.Errorf("got %d requests, after %v; want 1 at once", len(q.asked), took)
		}
		q.wantAnswers("Unavailable 1", "Unavailable 2")
	})
}

// TestRoomQueue_MemoryIsShort_RefusesAtOnce: a request that finds no room in the budget of all
// buffers is refused, and one that is done gives its bytes back.
func TestRoomQueue_MemoryIsShort_RefusesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueueTest(t)
		used := func() int64 { return q.g.Buffers.Used(membudget.Requests) }
		join := roomFrameText("Join_Room", "tea", 1)
		q.send(join)
		if got, want := used(), int64(len(join)); got != want {
			t.Errorf("a request that waits: got %d bytes used, want %d", got, want)
		}
		q.g.Buffers.Take(membudget.Queue, int(q.g.Buffers.Limit()/8*7-used()))
		q.send(roomFrameText("Join_Room", "tea", 2))
		q.wantAnswers("Rate_Limited 2")
		q.joined()
		if got := used(); got != 0 {
			t.Errorf("when it is done: got %d bytes used, want none", got)
		}
		q.end()
	})
}
