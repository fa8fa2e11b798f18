package resume_test

import (
	"strconv"
	"strings"
	"testing"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
)

// TestResume_SameGateway_KeepsEverything breaks a connection in each way and resumes on each gateway: the peer
// keeps its id, the frames sent meanwhile arrive in order, and the others are not
// affected.
func TestResume_SameGateway_KeepsEverything(t *testing.T) {
	for how, breaks := range map[string]func(c *kit.Conn){
		"after a drop":                  (*kit.Conn).Drop,
		"while the old one looks alive": func(*kit.Conn) {},
	} {
		for i, where := range []string{"on the same gateway", "on another gateway"} {
			t.Run(how+" "+where, func(t *testing.T) {
				tr := newTrio(t, kit.Start(t, kit.Options{}))
				tr.send(0, 5)
				tr.receive(tr.peer, 0, 5)
				old := tr.peer
				breaks(old)
				tr.send(5, 50)
				if how == "while the old one looks alive" {
					tr.receive(old, 5, 50)
				}
				c := tr.Dial(t, i)
				d := c.Resume(old)
				if !*d.Recovered || len(d.Rooms) != 1 || d.Rooms[0] != room {
					t.Errorf("got details %+v, want recovered, with the room", d)
				}
				if how == "while the old one looks alive" {
					if code, _ := old.Closed(); code != proto.CloseTakenOver {
						t.Errorf("the old connection: got close %v, want 4002", code)
					}
				} else {
					tr.receive(c, 5, 50)
				}
				tr.works(c)
			})
		}
	}
}

// A session may move again and again, from any gateway to any.
func TestResume_AgainAndAgain_KeepsEverything(t *testing.T) {
	tr := newTrio(t, kit.Start(t, kit.Options{Gateways: 3}))
	n := 0
	for _, i := range []int{1, 2, 2, 0, 0, 1, 0, 2} {
		old := tr.peer
		old.Drop()
		tr.send(n, n+10)
		c := tr.Dial(t, i)
		if d := c.Resume(old); !*d.Recovered {
			t.Errorf("moving to gateway %d: got recovered false, want true", i)
		}
		tr.peer = c
		tr.receive(c, n, n+10)
		n += 10
	}
	tr.works(tr.peer)
}

// The peer's requests and frames from before the break keep their effect, and the peer
// keeps its rights: creators stay creators.
func TestResume_Creator_StaysCreator(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	a, b := s.Dial(t, 0), s.Dial(t, 1)
	a.Create(room)
	b.Join(room)
	a.Members(room, a.ID, b.ID)
	a.Drop()
	c := s.Dial(t, 1)
	c.Resume(a)
	b.Quiet()
	c.Send(`{"event":"Update_Room","data":{"room":%q,"name":"N"}}`, room)
	c.Expect(proto.RoomUpdated)
	b.Expect(proto.RoomUpdated)
	c.Send(`{"event":"Leave_Room","data":{"room":%q}}`, room)
	c.Expect(proto.RoomLeft)
	if d := kit.Room(t, b.Expect(proto.ClientRemoved)); d.Client != a.ID || d.Reason != proto.ReasonLeft || d.Creator != b.ID {
		t.Errorf("got %+v, want that a left and b is the creator", d)
	}
}

// Events of the rooms from the time of the break are delivered too.
func TestResume_RoomUpdates_WaitForTheClient(t *testing.T) {
	for i, where := range []string{"on the same gateway", "on another gateway"} {
		t.Run(where, func(t *testing.T) {
			tr := newTrio(t, kit.Start(t, kit.Options{}))
			tr.peer.Drop()
			late := tr.Dial(t, 1)
			late.Join(room)
			tr.far.Send(`{"event":"Update_Room","data":{"room":%q,"name":"new"}}`, room)
			tr.far.Members(room, append(tr.members, late.ID)...)
			tr.far.Expect(proto.RoomUpdated)
			c := tr.Dial(t, i)
			c.Resume(tr.peer)
			if d := kit.Room(t, c.Expect(proto.ClientAdded)); len(d.Clients) != 4 || d.Client != late.ID {
				t.Errorf("got %+v, want that the late peer joined", d)
			}
			if d := kit.Room(t, c.Expect(proto.RoomUpdated)); d.Name != "new" {
				t.Errorf("got %+v, want the new name", d)
			}
			c.Quiet()
		})
	}
}

// Frames beyond the bound are dropped: recovered is false, the delivered frames are
// still in order, and the senders of the others have received an error.
func TestResume_ReplayBufferFull_ReportsTheRest(t *testing.T) {
	for name, test := range map[string]struct {
		frames int
		pad    int
	}{"of frames": {proto.DefaultReplayFrames + 50, 10}, "of bytes": {20, proto.DefaultReplayBytes / 10}} {
		for i, where := range []string{"on the same gateway", "on another gateway"} {
			t.Run(name+" "+where, func(t *testing.T) {
				s := kit.Start(t, kit.Options{})
				peer, far := s.Dial(t, 0), s.Dial(t, 1)
				peer.Drop()
				overflow(t, s.Dial(t, i), peer, far, test.frames, test.pad)
			})
		}
	}
}

func overflow(t *testing.T, c, peer, far *kit.Conn, frames, pad int) {
	t.Helper()
	reported := map[string]bool{}
	for i := range frames {
		far.Send(`{"event":"Message","to":%q,"id":%d,"data":%q}`, peer.ID, i, strings.Repeat("x", pad))
	}
	// The error about a dropped frame comes over the bus: wait for the last one.
	for !reported[strconv.Itoa(frames-1)] {
		f := far.Next()
		if e := f.Err(); e == nil || e.Code != proto.NotDelivered {
			t.Fatalf("the sender got %.300s", f.Raw)
		}
		reported[string(f.ID)] = true
	}
	if d := c.Resume(peer); *d.Recovered {
		t.Error("got recovered true, want false: frames were dropped")
	}
	for i := range frames {
		if reported[strconv.Itoa(i)] {
			continue
		}
		if f := c.Expect(proto.Message); string(f.ID) != strconv.Itoa(i) {
			t.Fatalf("got frame %s, want %d", f.ID, i)
		}
	}
	c.Quiet()
}

// Frames in transit when the connection was cut: the client's count identifies them,
// and they are sent again.
func TestResume_ReceivedCount_RevealsLoss(t *testing.T) {
	tr := newTrio(t, kit.Start(t, kit.Options{}))
	tr.send(0, 5)
	tr.receive(tr.peer, 0, 5)
	old := tr.peer
	old.Drop()
	c := tr.Dial(t, 1)
	if d := c.ResumeSession(old.ID, old.Session(), old.Received()-1); !*d.Recovered {
		t.Error("got recovered false, want true: the lost frame was sent again")
	}
	if f := c.Expect(proto.Message); string(f.Data) != "4" {
		t.Errorf("got %s, want the last message once more", f.Raw)
	}
	c.Drop()
	again := tr.Dial(t, 0)
	if d := again.Resume(c); !*d.Recovered {
		t.Error("got recovered false, want true: nothing was lost on the second connection")
	}
	tr.works(again)
}

// TestResume_Loss_IsReportedUntilConfirmed: the Client_Details that reported a possible loss never
// arrived. The next one reports it too.
func TestResume_Loss_IsReportedUntilConfirmed(t *testing.T) {
	for name, gateways := range map[string][2]int{"on the same gateway": {0, 0}, "on others": {1, 0}, "on another, twice": {1, 1}} {
		t.Run(name, func(t *testing.T) {
			s := kit.Start(t, kit.Options{})
			peer, far := s.Dial(t, 0), s.Dial(t, 1)
			far.Send(`{"event":"Message","to":%q}`, peer.ID)
			peer.Expect(proto.Message)
			peer.Drop()
			token := peer.Session()
			resume := func(i int) *kit.Conn {
				c := s.Dial(t, i)
				if d := c.ResumeSession(peer.ID, token, unsaid); *d.Recovered {
					t.Error("got recovered true, want false: the client sent no count of frames")
				}
				return c
			}
			resume(gateways[0]).Drop()
			c := resume(gateways[1]) // with the same token: it has received no other
			c.Drop()
			again := s.Dial(t, 0)
			if d := again.Resume(c); !*d.Recovered {
				t.Error("got recovered false, want true: the client knows of the loss, and nothing was lost after it")
			}
		})
	}
}

// unsaid marks the absence of a count.
const unsaid = -1
