package client_test

import (
	"errors"
	"testing"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// waits makes c wait to be admitted to room r, and returns the channel of Join's error.
func waits(t *testing.T, c *client.Client, a *side) <-chan error {
	t.Helper()
	joined := make(chan error, 1)
	go func() {
		_, err := c.Join(t.Context(), "r", client.JoinOptions{Ask: true})
		joined <- err
	}()
	out := a.receive()
	if data, ok := out.Data.(map[string]any); !ok || out.Event != proto.JoinRoom || data["ask"] != true {
		t.Fatalf("got %+v, want Join_Room with ask", out)
	}
	a.send(`{"type":"info","event":"Join_Waiting","data":{"room":"r"},"id":%q}`, out.ID)
	if f := next(t, c); !f.Is(proto.JoinWaiting) {
		t.Fatalf("got %s, want Join_Waiting", f.Raw)
	}
	return joined
}

// Only the server's frames about that room end a wait.
func TestJoin_WaitsAndOtherFramesCome_GoesOn(t *testing.T) {
	s := newScript(t)
	c, a := connect(t, s, client.Options{})
	joined := waits(t, c, a)
	for _, other := range []string{
		`{"event":"Client_Added","from":"x","data":{"room":"r"}}`,
		`{"type":"update","event":"Client_Added","data":{"room":"other"}}`,
		`{"type":"error","event":"Refused","data":{"message":"no","event":"Join_Room","room":"other"}}`,
		`{"type":"error","event":"Not_Found","data":{"message":"no","event":"Message","room":"r"}}`,
	} {
		a.send("%s", other)
		if f := next(t, c); string(f.Raw) != other {
			t.Errorf("got %s among the frames, want %s", f.Raw, other)
		}
	}
	select {
	case err := <-joined:
		t.Fatalf("got %v from Join, want that it waits", err)
	default:
	}
	a.send(`{"type":"update","event":"Client_Added","data":{"room":"r","clients":["x","me"]}}`)
	if err := <-joined; err != nil {
		t.Errorf("got %v from Join, want no error", err)
	}
	a.drop() // so that Close does not wait for the answer to its close frame
}

// When the frame that ends the wait may be lost, Join says so.
func TestJoin_WaitsAndSessionLosesFrames_IsInterrupted(t *testing.T) {
	for name, answer := range map[string]string{
		"not recovered": `{"type":"info","event":"Client_Details","data":{"id":"me","session":"s4","resumed":true,"recovered":false}}`,
		"not resumed":   `{"type":"error","event":"Not_Found","data":{"message":"over","event":"Resume"},"id":"resume"}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t)
			c, a := connect(t, s, client.Options{})
			joined := waits(t, c, a)
			a.drop()
			b := s.next("fresh", "s3")
			b.resume("s1", 2)
			b.send("%s", answer)
			if err := <-joined; !errors.Is(err, client.ErrInterrupted) {
				t.Errorf("got %v, want %v", err, client.ErrInterrupted)
			}
		})
	}
}

func TestJoin_WaitsAndClientCloses_IsInterrupted(t *testing.T) {
	s := newScript(t)
	c, a := connect(t, s, client.Options{})
	joined := waits(t, c, a)
	a.drop()
	if err := c.Close(); err != nil {
		t.Logf("closing: %v", err)
	}
	if err := <-joined; !errors.Is(err, client.ErrInterrupted) {
		t.Errorf("got %v, want %v", err, client.ErrInterrupted)
	}
}
