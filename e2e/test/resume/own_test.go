package resume_test

import (
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"p2pconnector/e2e/kit"
)

// A client resumes the session that its own connection already has: it gets an answer,
// and continues as if it had not asked, here and on the next gateway.
func TestResume_OwnSession_ChangesNothing(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	for i, where := range []string{"no count", "with a count"} {
		t.Run(where, func(t *testing.T) {
			near, far, c := s.Dial(t, 0), s.Dial(t, 1), s.Dial(t, 0)
			received := []int{-1, c.Received()}[i]
			d := c.ResumeSession(c.ID, c.Session(), received)
			if !*d.Recovered || len(d.Rooms) != 0 {
				t.Errorf("got %+v, want recovered, and no rooms", d)
			}
			for _, other := range []*kit.Conn{near, far} {
				keepsItsID(t, c, other)
			}
			name := "of " + string(c.ID)
			far.Create(name)
			c.Join(name)
			far.Members(name, far.ID, c.ID)
			c.Drop()
			back := s.Dial(t, 1)
			if d := back.Resume(c); !*d.Recovered || len(d.Rooms) != 1 {
				t.Errorf("got %+v after it moved, want recovered, with its room", d)
			}
			keepsItsID(t, back, near)
			keepsItsID(t, back, far)
		})
	}
}

// Two connections resume each other's sessions at the same moment, many pairs of them
// at once, with both on one gateway and with each on its own. Each gets an answer or is
// closed, and the gateways keep serving everybody else.
func TestResume_EachOther_GatewaysLive(t *testing.T) {
	const pairs = 100
	s := kit.Start(t, kit.Options{Grace: time.Second})
	near, far := s.Dial(t, 0), s.Dial(t, 1)
	for i, where := range []string{"on one gateway", "on two gateways"} {
		t.Run(where, func(t *testing.T) {
			var all []*kit.Conn
			for range pairs {
				all = append(all, s.Dial(t, 0), s.Dial(t, i))
			}
			var both sync.WaitGroup
			for k, c := range all {
				session := all[k^1].Session()
				both.Go(func() { // the other one may have caused the close of this connection
					_ = c.Write(websocket.MessageText, []byte(kit.ResumeFrame(session, -1)))
				})
			}
			both.Wait()
			answered, ended := 0, 0
			for _, c := range all {
				if c.Answers() {
					answered++
				} else {
					ended++
				}
			}
			t.Logf("%d connections were answered, %d closed", answered, ended)
			keepsItsID(t, near, far)
			keepsItsID(t, far, near)
			for gw := range 2 {
				keepsItsID(t, s.Dial(t, gw), near)
			}
		})
	}
	near.Quiet()
	far.Quiet()
}
