package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// The first frame of the next connection resumes with the newest token and the
// number of frames received. Client_Details marks the reconnect among the
// frames.
func TestClient_ConnectionBreaks_Resumes(t *testing.T) {
	s := newScript(t)
	c, a := connect(t, s, client.Options{})
	a.send(`{"event":"Message","from":"x","data":1}`)
	a.send(`{"type":"info","event":"Session","data":{"session":"s2"}}`)
	if f := next(t, c); f.From != "x" || f.Type != "" || string(f.Data) != "1" {
		t.Errorf("got %+v, want the message of x", f)
	}
	a.drop()
	b := s.next("fresh", "s3")
	b.resume("s2", 3)
	b.details("me", "s4", `,"resumed":true,"recovered":true`)
	b.send(`{"event":"Message","from":"x","data":2}`)
	f := next(t, c)
	if r, ok := f.Resumed(); !ok || !r.Same || !r.Recovered || r.ID != "me" {
		t.Errorf("got %s, want resumed and recovered", f.Raw)
	}
	if f := next(t, c); string(f.Data) != "2" {
		t.Errorf("got %s, want message 2", f.Raw)
	}
	if c.ID() != "me" || c.Details().Session != "s4" {
		t.Errorf("got details %+v, want id me and session s4", c.Details())
	}
}

// A client whose session has ended continues as a new peer.
func TestClient_ResumeRefused_IsANewPeer(t *testing.T) {
	s := newScript(t)
	c, a := connect(t, s, client.Options{})
	a.drop()
	b := s.next("fresh", "s3")
	b.resume("s1", 1)
	b.send(`{"type":"error","event":"Not_Found","data":{"message":"over","event":"Resume"},"id":"resume"}`)
	f := next(t, c)
	if r, ok := f.Resumed(); !ok || r.Same || r.Recovered || r.ID != "fresh" || c.ID() != "fresh" {
		t.Errorf("got %s, want a new peer with id fresh", f.Raw)
	}
	b.drop()
	s.next("again", "s5").resume("s3", 2)
}

// After Unavailable the client asks again, elsewhere, with the same count.
func TestClient_ResumeUnavailable_TriesAgain(t *testing.T) {
	s, other := newScript(t), newScript(t)
	c, a := connect(t, s, client.Options{URLs: []string{other.url}})
	a.drop()
	b := other.next("fresh", "s3")
	b.resume("s1", 1)
	b.send(`{"type":"error","event":"Unavailable","data":{"message":"later","event":"Resume"},"id":"resume"}`)
	b.drop()
	d := s.next("fresher", "s4")
	d.resume("s1", 1)
	d.details("me", "s6", `,"resumed":true,"recovered":false`)
	f := next(t, c)
	if r, _ := f.Resumed(); !r.Same || r.Recovered {
		t.Errorf("got %s, want resumed and not recovered", f.Raw)
	}
}

// When the answer to a Resume is lost, the client asks again with the same count.
func TestClient_AnswerToResumeLost_ResumesAgain(t *testing.T) {
	s := newScript(t)
	_, a := connect(t, s, client.Options{})
	a.drop()
	b := s.next("fresh", "s3")
	b.resume("s1", 1)
	b.drop()
	s.next("fresher", "s4").resume("s1", 1)
}

// These codes end the client.
func TestClient_FinalCloseCode_Ends(t *testing.T) {
	for _, code := range []proto.CloseCode{proto.CloseNormal, proto.CloseToken, proto.CloseTakenOver} {
		s := newScript(t)
		c, a := connect(t, s, client.Options{})
		a.closes(websocketCode(code))
		if err := ended(t, c); err == nil || !strings.Contains(err.Error(), "ended") {
			t.Errorf("after %v: %v", code, err)
		}
		if err := c.Send(t.Context(), client.Out{Event: proto.Ping}); !errors.Is(err, client.ErrClosed) {
			t.Errorf("sending after the end: %v", err)
		}
		if _, open := <-c.Frames(); open {
			t.Error("frames come after the end")
		}
	}
}

// These codes do not end the client.
func TestClient_OtherCloseCode_Reconnects(t *testing.T) {
	for _, code := range []proto.CloseCode{proto.CloseGoingAway, proto.CloseInternal, proto.CloseTryAgain, proto.ClosePolicy} {
		s := newScript(t)
		_, a := connect(t, s, client.Options{})
		a.closes(websocketCode(code))
		s.next("fresh", "s3").resume("s1", 1)
	}
}

// The client stays with a draining server until it closes, and does not
// reconnect before the announced time.
func TestClient_ServerDrains_ReconnectsWhenAsked(t *testing.T) {
	const after = 300 * time.Millisecond
	s := newScript(t)
	_, a := connect(t, s, client.Options{})
	began := time.Now()
	a.send(`{"type":"info","event":"Server_Draining","data":{"reconnect_after_ms":%d}}`, after.Milliseconds())
	a.closes(websocketCode(proto.CloseGoingAway))
	s.next("fresh", "s3").resume("s1", 2)
	if took := time.Since(began); took < after {
		t.Errorf("reconnected after %v, want not before the announced time", took)
	}
}

// Request returns the answer, an error frame as an error, and a lost connection
// as ErrInterrupted.
func TestClient_Request_ReturnsItsAnswer(t *testing.T) {
	s := newScript(t)
	c, a := connect(t, s, client.Options{})
	go func() {
		a.send(`{"type":"info","event":"Pong","data":{},"id":%q}`, a.receive().ID)
		a.send(`{"type":"error","event":"Room_Full","data":{"message":"full","room":"r"},"id":%q}`, a.receive().ID)
		id := a.receive().ID
		a.send(`{"event":"Message","from":"x","id":%q}`, id) // a peer's frame with that id is no answer
		a.drop()
	}()
	if err := c.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	_, err := c.Join(t.Context(), "r", client.JoinOptions{})
	if e, ok := errors.AsType[*client.Error](err); !ok || e.Code != proto.RoomFull || client.Code(err) != proto.RoomFull || e.Room != "r" {
		t.Errorf("got %v, want Room_Full with the room", err)
	}
	if err := c.Ping(t.Context()); !errors.Is(err, client.ErrInterrupted) {
		t.Errorf("got %v, want ErrInterrupted", err)
	}
}

// Send waits while the client is disconnected.
func TestClient_SendWhileDisconnected_Waits(t *testing.T) {
	s := newScript(t)
	c, a := connect(t, s, client.Options{})
	a.drop()
	b := s.next("fresh", "s3")
	b.resume("s1", 1) // from here until the answer the client is disconnected
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Send(ctx, client.Out{Event: proto.Ping}); !errors.Is(err, context.Canceled) {
		t.Errorf("sending while away, with a context that has ended: %v", err)
	}
	sent := make(chan error, 1)
	go func() { sent <- c.Message(t.Context(), "x", "hello") }()
	b.details("me", "s4", `,"resumed":true,"recovered":true`)
	if out := b.receive(); out.Event != proto.Message || out.Data != "hello" {
		t.Errorf("got %+v, want the message hello", out)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

// The client gives up a server that does not answer pings, even when its TCP
// connection stays.
func TestClient_NoPong_Reconnects(t *testing.T) {
	s := newScript(t)
	_, a := connect(t, s, client.Options{Heartbeat: 50 * time.Millisecond})
	_ = a // the server's side does not read, so it answers no ping
	s.next("fresh", "s3").resume("s1", 1)
}

// A client that is disconnected for too long ends. A server that refuses it
// with 401 ends it at once.
func TestClient_ServerStaysAway_GivesUp(t *testing.T) {
	refuse := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer refuse.Close()
	s := newScript(t)
	c, a := connect(t, s, client.Options{URLs: []string{refuse.URL}, GiveUp: time.Nanosecond})
	a.drop()
	if err := ended(t, c); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("got %v, want an error about the time disconnected", err)
	}
	unauthorised := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer unauthorised.Close()
	c, a = connect(t, s, client.Options{URLs: []string{unauthorised.URL}})
	a.drop()
	if err := ended(t, c); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("got %v, want an error about status 401", err)
	}
	if _, err := client.Dial(t.Context(), client.Options{}); err == nil {
		t.Error("dialed without a URL")
	}
	if _, err := client.Dial(t.Context(), client.Options{URLs: []string{unauthorised.URL, refuse.URL}}); err == nil {
		t.Error("dialed where everyone refuses")
	}
}

// Dial tries each URL.
func TestDial_FirstURLFails_TriesTheOthers(t *testing.T) {
	refuse := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer refuse.Close()
	s := newScript(t)
	go func() {
		if a := s.await(); a != nil {
			a.details("me", "s1", "")
		}
	}()
	c := dial(t, client.Options{URLs: []string{refuse.URL, s.url}, Delta: true})
	if c.ID() != "me" {
		t.Errorf("got id %s, want me", c.ID())
	}
}

// TestDial_AcceptFromAndRoom_AreInTheAddress: the address keeps what else is in it.
func TestDial_AcceptFromAndRoom_AreInTheAddress(t *testing.T) {
	asked := make(chan string, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case asked <- r.URL.RawQuery:
		default:
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer srv.Close()
	_, err := client.Dial(t.Context(), client.Options{
		URLs: []string{srv.URL + "/?access_token=x"}, AcceptFrom: new(proto.AcceptRooms), Room: "a b",
	})
	if err == nil {
		t.Error("got no error, want the refusal of the server")
	}
	if got, want := <-asked, "accept_from=rooms&access_token=x&room=a+b"; got != want {
		t.Errorf("got query %q, want %q", got, want)
	}
}

// Close sends code 1000 and leaves nothing behind.
func TestClient_Close_ClosesWith1000(t *testing.T) {
	s := newScript(t)
	c, a := connect(t, s, client.Options{})
	closed := make(chan error, 1)
	go func() {
		_, _, err := a.ws.Read(context.Background())
		closed <- err
	}()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-closed; proto.CloseCode(closeStatus(err)) != proto.CloseNormal {
		t.Errorf("the server heard %v", err)
	}
	if !errors.Is(c.Err(), client.ErrClosed) {
		t.Errorf("after Close: %v", c.Err())
	}
	if err := c.Close(); err != nil && !errors.Is(err, client.ErrClosed) {
		t.Logf("closing twice: %v", err)
	}
}

// A peer cannot forge a member of the server's by another spelling.
func TestParse_OtherSpelling_ForgesNoMember(t *testing.T) {
	f, err := client.Parse([]byte(`{"event":"Message","from":"a","From":"b","Type":"info","ROOM":"r","Event":"Pong"}`))
	if err != nil || f.From != "a" || f.Type != "" || f.Room != "" || f.Event != "Message" {
		t.Errorf("got %+v, %v", f, err)
	}
	for _, bad := range []string{``, `[]`, `{"event":5}`, `{"event":"a","event":"b"}`} {
		if _, err := client.Parse([]byte(bad)); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}
