// Package resume_test proves that sessions survive drops, drains, deaths of
// gateways and outages, on whichever gateway a peer resumes.
package resume_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

func TestMain(m *testing.M) { kit.Main(m) }

// room is the room of every test's stack.
const room = "r"

// trio is a peer whose connection will break, and two peers that watch it from
// both gateways.
type trio struct {
	*kit.Stack
	t       *testing.T
	peer    *kit.Conn // on gateway 0
	near    *kit.Conn // on gateway 0
	far     *kit.Conn // on gateway 1
	members []proto.PeerID
}

// newTrio makes the room, with far as creator.
func newTrio(t *testing.T, s *kit.Stack) *trio {
	t.Helper()
	tr := &trio{Stack: s, t: t, peer: s.Dial(t, 0), near: s.Dial(t, 0), far: s.Dial(t, 1)}
	tr.far.Create(room)
	tr.near.Join(room)
	tr.peer.Join(room)
	tr.members = []proto.PeerID{tr.far.ID, tr.near.ID, tr.peer.ID}
	for _, c := range []*kit.Conn{tr.far, tr.near} {
		c.Members(room, tr.members...)
	}
	tr.handled(tr.peer) // the new token comes behind the answer
	if tr.peer.Session() == tr.peer.Details.Session {
		t.Error("got the same session token after a join, want a new one")
	}
	return tr
}

// send makes near and far send the peer numbered frames from first up to, not
// including, end, directly and through the room.
func (tr *trio) send(first, end int) {
	for i := first; i < end; i++ {
		for _, c := range []*kit.Conn{tr.near, tr.far} {
			if i%2 == 0 {
				c.Send(`{"event":"Message","to":%q,"data":%d}`, tr.peer.ID, i)
			} else {
				c.Send(`{"event":"Message","room":%q,"data":%d}`, room, i)
			}
		}
	}
	for _, c := range []*kit.Conn{tr.near, tr.far} {
		tr.handled(c)
	}
}

// handled returns when the gateway has handled all frames of c. It drops
// messages of others to the room; any other frame fails the test.
func (tr *trio) handled(c *kit.Conn) {
	tr.t.Helper()
	c.Send(`{"event":"Ping"}`)
	for f := c.Next(); !f.Is(proto.Pong); f = c.Next() {
		if f.Type != "" || f.Room != room {
			tr.t.Errorf("a watcher got %.300s", f.Raw)
		}
	}
}

// receive expects those frames at c: the frames of each sender complete and in
// order.
func (tr *trio) receive(c *kit.Conn, first, end int) {
	tr.t.Helper()
	next := map[proto.PeerID]int{tr.near.ID: first, tr.far.ID: first}
	for range 2 * (end - first) {
		f := c.Expect(proto.Message)
		if string(f.Data) != strconv.Itoa(next[f.From]) || next[f.From] == 0 && f.From != tr.near.ID && f.From != tr.far.ID {
			tr.t.Fatalf("got %.300s, want number %d of it", f.Raw, next[f.From])
		}
		next[f.From]++
	}
}

// works checks that c is the peer in every respect: everyone reaches it, it
// reaches everyone, and its rooms are unchanged.
func (tr *trio) works(c *kit.Conn) {
	tr.t.Helper()
	tr.peer = c
	tr.send(1000, 1010)
	tr.receive(c, 1000, 1010)
	for i, to := range []*kit.Conn{tr.near, tr.far} {
		c.Send(`{"event":"Message","to":%q,"data":"direct %d"}`, to.ID, i)
		f := to.Until("the message of the peer", func(f *client.Frame) bool { return f.From == c.ID })
		if want := fmt.Sprintf(`"direct %d"`, i); string(f.Data) != want {
			tr.t.Errorf("got %s, want %s", f.Raw, want)
		}
	}
	c.Send(`{"event":"Message","room":%q,"data":"all"}`, room)
	for _, to := range []*kit.Conn{tr.near, tr.far} {
		if f := to.Expect(proto.Message); f.From != c.ID || string(f.Data) != `"all"` {
			tr.t.Errorf("got %s, want the message", f.Raw)
		}
	}
	c.Send(`{"event":"Room_Info","data":{"room":%q}}`, room)
	d := kit.Room(tr.t, c.Expect(proto.RoomInfo))
	if fmt.Sprint(d.Clients) != fmt.Sprint(tr.members) || d.Creator != tr.far.ID {
		tr.t.Errorf("got room %+v, want its old members and creator", d)
	}
	for _, w := range []*kit.Conn{tr.near, tr.far, c} {
		w.Quiet()
	}
}

// awaitRemoval checks that the session ends: the others are notified within the bound.
func (tr *trio) awaitRemoval(c *kit.Conn, id proto.PeerID, began time.Time, least, most time.Duration) {
	tr.t.Helper()
	f := c.Expect(proto.ClientRemoved)
	took := time.Since(began)
	d := kit.Room(tr.t, f)
	if d.Client != id || d.Reason != proto.ReasonDisconnected {
		tr.t.Errorf("got %s, want that the peer is disconnected", f.Raw)
	}
	if took < least || took > most {
		tr.t.Errorf("the others were notified after %v, want %v to %v", took, least, most)
	}
}
