package resume_test

import (
	"fmt"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
)

// A token that does not work gets an error, and the connection keeps its fresh id
// and works.
func TestResume_EachToken_IsAcceptedOrRefused(t *testing.T) {
	s := kit.Start(t, kit.Options{Grace: time.Second})
	other := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1}) // another system, with keys of its own
	foreign := other.Dial(t, 0)
	watcher := s.Dial(t, 1)
	for name, test := range map[string]struct {
		session func(t *testing.T) string
		code    proto.ErrorCode
	}{
		"garbage":                      {func(*testing.T) string { return "garbage" }, proto.Unauthorised},
		"long":                         {func(*testing.T) string { return string(make([]byte, 0)) + longText }, proto.Unauthorised},
		"of other gateways":            {func(*testing.T) string { return foreign.Session() }, proto.Unauthorised},
		"changed":                      {func(t *testing.T) string { return flip(s.Dial(t, 0).Session()) }, proto.Unauthorised},
		"replaced":                     {func(t *testing.T) string { return replaced(t, s.Dial(t, 0)) }, proto.Unauthorised},
		"of a session that was closed": {func(t *testing.T) string { return closed(t, s, watcher) }, proto.NotFound},
		"expired":                      {func(t *testing.T) string { return expired(t, s, watcher) }, proto.NotFound},
	} {
		for i, where := range []string{"same", "other"} {
			t.Run(name+", "+where, func(t *testing.T) {
				session := test.session(t)
				c := s.Dial(t, i)
				c.ResumeFails(session, -1, test.code)
				keepsItsID(t, c, watcher)
			})
		}
	}
}

var longText = func() string {
	b := make([]byte, 10_000)
	for i := range b {
		b[i] = 'x'
	}
	return string(b)
}()

func keepsItsID(t *testing.T, c, watcher *kit.Conn) {
	t.Helper()
	watcher.Send(`{"event":"Message","to":%q}`, c.ID)
	if f := c.Expect(proto.Message); f.From != watcher.ID {
		t.Errorf("got %s, want a message of the watcher", f.Raw)
	}
	c.Send(`{"event":"Message","to":%q}`, watcher.ID)
	if f := watcher.Expect(proto.Message); f.From != c.ID {
		t.Errorf("got %s, want a message of c", f.Raw)
	}
}

// flip changes a character in the middle of a token.
func flip(token string) string {
	b := []byte(token)
	i := len(b) / 2
	if b[i] == 'A' {
		b[i] = 'B'
	} else {
		b[i] = 'A'
	}
	return string(b)
}

// replaced returns a token after c has received a newer one.
func replaced(t *testing.T, c *kit.Conn) string {
	t.Helper()
	old := c.Session()
	c.Send(`{"event":"Create_Room","data":{}}`)
	c.Expect(proto.RoomCreated)
	for c.Session() == old { // the new one follows the answer, at the latest before this Pong
		c.Quiet()
	}
	return old
}

// closed returns the token of a peer that closed with 1000.
func closed(t *testing.T, s *kit.Stack, watcher *kit.Conn) string {
	t.Helper()
	c := s.Dial(t, 0)
	leaves(t, c, watcher, c.Bye)
	return c.Session()
}

// expired returns the token of a peer that was disconnected for longer than the
// grace.
func expired(t *testing.T, s *kit.Stack, watcher *kit.Conn) string {
	t.Helper()
	c := s.Dial(t, 0)
	leaves(t, c, watcher, c.Drop)
	return c.Session()
}

// leaves makes c join the watcher's room and end, and returns when the watcher has
// received that.
func leaves(t *testing.T, c, watcher *kit.Conn, end func()) {
	t.Helper()
	name := "with " + string(c.ID)
	c.Create(name)
	watcher.Join(name)
	c.Members(name, c.ID, watcher.ID)
	end()
	watcher.Expect(proto.ClientRemoved)
	watcher.Send(`{"event":"Leave_Room","data":{"room":%q}}`, name)
	watcher.Expect(proto.RoomLeft)
}

// A late Resume, or one without a token, changes nothing.
func TestResume_NotTheFirstFrame_IsRefused(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	watcher := s.Dial(t, 1)
	for _, data := range []string{``, `,"data":5`, `,"data":{}`, `,"data":{"session":""}`, `,"data":{"session":7}`} {
		c := s.Dial(t, 0)
		c.Text(`{"event":"Resume"` + data + `}`)
		if e := c.ExpectError(proto.MissingFields); e.Field != "data.session" {
			t.Errorf("%s: %+v", data, e)
		}
		keepsItsID(t, c, watcher)
	}
	old := s.Dial(t, 0)
	old.Drop()
	for _, received := range []string{`"3"`, `-1`, `1.5`, `[]`} {
		c := s.Dial(t, 0)
		c.Text(fmt.Sprintf(`{"event":"Resume","data":{"session":%q,"received":%s}}`, old.Session(), received))
		if e := c.ExpectError(proto.MissingFields); e.Field != "data.received" {
			t.Errorf("received %s: got %+v, want an error about data.received", received, e)
		}
		keepsItsID(t, c, watcher)
	}
	other := s.Dial(t, 0)
	other.Text(fmt.Sprintf(`{"event":"Resume","data":{"Session":%q}}`, old.Session()))
	if e := other.ExpectError(proto.MissingFields); e.Field != "data.session" {
		t.Errorf("Session: got %+v, want an error about data.session", e)
	}
	keepsItsID(t, other, watcher)
	c := s.Dial(t, 0)
	c.Quiet()
	c.Text(kit.ResumeFrame(old.Session(), -1))
	if f := c.Next(); f.Err() == nil {
		t.Errorf("a Resume that was not the first frame got %s", f.Raw)
	}
	keepsItsID(t, c, watcher)
	first := s.Dial(t, 1)
	first.Resume(old) // the token was not spent
	keepsItsID(t, first, watcher)
}

// While a peer is disconnected the others notice nothing; after the grace they are
// notified.
func TestGrace_Ends_PeerIsRemoved(t *testing.T) {
	const grace = time.Second
	s := kit.Start(t, kit.Options{Grace: grace})
	for name, end := range map[string]func(*kit.Conn){
		"dropped": (*kit.Conn).Drop,
		"cut":     func(c *kit.Conn) { c.Cut(false) },
		"reset":   func(c *kit.Conn) { c.Cut(true) },
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTrio(t, s)
			began := time.Now()
			end(tr.peer)
			for _, c := range []*kit.Conn{tr.near, tr.far} {
				c.Quiet()
			}
			for _, c := range []*kit.Conn{tr.near, tr.far} {
				tr.awaitRemoval(c, tr.peer.ID, began, grace*9/10, grace+5*time.Second)
			}
			tr.far.Send(`{"event":"End_Room","data":{"room":%q}}`, room)
			tr.far.Expect(proto.RoomDeleted)
		})
	}
}

// A close with 1000 ends the session at once; another code does not.
func TestClose_EachCode_EndsOrKeepsTheSession(t *testing.T) {
	s := kit.Start(t, kit.Options{Grace: 20 * time.Second})
	tr := newTrio(t, s)
	began := time.Now()
	tr.peer.Bye()
	for _, c := range []*kit.Conn{tr.near, tr.far} {
		tr.awaitRemoval(c, tr.peer.ID, began, 0, 5*time.Second)
	}
	s.Dial(t, 0).ResumeFails(tr.peer.Session(), -1, proto.NotFound)
	s.Dial(t, 1).ResumeFails(tr.peer.Session(), -1, proto.NotFound)

	peer := s.Dial(t, 0)
	if err := peer.Close(1001); err != nil { // as a browser does when the user leaves the page
		t.Logf("closing: %v", err)
	}
	c := s.Dial(t, 1)
	c.Resume(peer)
}
