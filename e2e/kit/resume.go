package kit

import (
	"fmt"

	"p2pconnector/proto"
)

// ResumeFrame returns the frame that resumes a session. received is the number
// of text frames that the previous connection received; -1 leaves it out.
func ResumeFrame(session string, received int) string {
	more := ""
	if received >= 0 {
		more = fmt.Sprintf(`,"received":%d`, received)
	}
	return fmt.Sprintf(`{"event":"Resume","data":{"session":%q%s},"id":"kit-resume"}`, session, more)
}

// Resume resumes the session of from and returns the data of the second
// Client_Details. From then on c is that peer.
func (c *Conn) Resume(from *Conn) proto.Details {
	c.t.Helper()
	return c.ResumeSession(from.ID, from.Session(), from.Received())
}

// ResumeSession is Resume for a session token from another source.
func (c *Conn) ResumeSession(id proto.PeerID, session string, received int) proto.Details {
	c.t.Helper()
	if session == "" {
		c.t.Fatal("no session token to resume with")
	}
	c.Text(ResumeFrame(session, received))
	f := c.Next()
	d, err := f.Details()
	if !f.Is(proto.ClientDetails) || err != nil || !d.Resumed || d.Recovered == nil {
		c.t.Fatalf("resuming: %.500s", f.Raw)
	}
	if d.ID != id {
		c.t.Fatalf("resumed as %s, was %s", d.ID, id)
	}
	c.ID = d.ID
	return d
}

// ResumeFails sends a Resume that must fail with that code.
func (c *Conn) ResumeFails(session string, received int, code proto.ErrorCode) {
	c.t.Helper()
	c.Text(ResumeFrame(session, received))
	f := c.Next()
	e := f.Err()
	if e == nil || e.Code != code || string(f.ID) != `"kit-resume"` || e.Event != string(proto.Resume) {
		c.t.Fatalf("got %.500s, want the error %s", f.Raw, code)
	}
}
