package dataloss_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// lost waits until c receives that the room has ended because its data was lost.
// No other frame may say that c is not in the room any more.
func lost(t *testing.T, c *kit.Conn) {
	t.Helper()
	f := c.Until("Room_Deleted", func(f *client.Frame) bool {
		if f.Is(proto.ClientRemoved) {
			t.Errorf("got %s, want no removal before the end of the room", f.Raw)
		}
		return f.Is(proto.RoomDeleted)
	})
	if d := kit.Room(t, f); d.Room != room || d.Reason != proto.ReasonLost {
		t.Errorf("got %s, want room %q and reason %q", f.Raw, room, proto.ReasonLost)
	}
}

// eventually polls until ok succeeds; ok also returns what it got.
func eventually(t *testing.T, want string, ok func() (string, bool)) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(kit.Patience); ; <-tick.C {
		got, done := ok()
		if done {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("got %s, want %s within %v", got, want, kit.Patience)
		}
	}
}

// ready waits until url/readyz answers 200.
func ready(t *testing.T, url string) {
	t.Helper()
	eventually(t, "ready", func() (string, bool) {
		status, body := kit.Get(t, url+"/readyz")
		return fmt.Sprint(status, " ", body), status == http.StatusOK
	})
}

// create makes the room, and repeats the request as long as the server asks for
// it.
func create(t *testing.T, c *kit.Conn) proto.RoomData {
	t.Helper()
	for {
		c.Send(`{"event":"Create_Room","data":{"room":%q},"id":"again"}`, room)
		f := c.Until("the answer to Create_Room", func(f *client.Frame) bool { return string(f.ID) == `"again"` })
		if err := f.Err(); err == nil {
			return kit.Room(t, f)
		} else if err.Code != proto.Unavailable {
			t.Fatalf("got %v, want the room, or Unavailable", err)
		}
	}
}

// TestLoss_AnyKind_RoomsEndAndCanBeMadeAgain: clients on both gateways learn that
// their room has ended, make it again and join it, and every service is ready.
func TestLoss_AnyKind_RoomsEndAndCanBeMadeAgain(t *testing.T) {
	for name, loss := range losses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kit.Start(t, kit.Options{NATSNodes: loss.nodes, Ops: true, Grace: time.Minute})
			a, b, away := s.Dial(t, 0), s.Dial(t, 1), s.Dial(t, 0)
			before := a.Create(room).Revision
			b.Join(room)
			away.Join(room)
			token, received := away.Session(), away.Received()
			away.Drop()
			loss.lose(t, s)
			lost(t, a)
			lost(t, b)

			d := create(t, a)
			if d.Revision <= before {
				t.Errorf("got revision %d, want more than the %d of the lost room", d.Revision, before)
			}
			b.Join(room)
			a.Members(room, a.ID, b.ID)
			b.Send(`{"event":"Message","room":%q,"data":1}`, room)
			a.Expect(proto.Message)
			for i := range 2 {
				ready(t, s.Ops(i))
				ready(t, s.RoomsOps(i))
			}
			back := s.Dial(t, 1)
			back.ResumeSession(away.ID, token, received)
			lost(t, back)
			for i := range 2 {
				_, body := kit.Get(t, s.RoomsOps(i)+"/metrics")
				if want := `p2p_roomsvc_buckets_lost_total{bucket="rooms"} 1`; !strings.Contains(body, want+"\n") {
					t.Errorf("room service %d: got no line %s", i, want)
				}
			}
		})
	}
}
