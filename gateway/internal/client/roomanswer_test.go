package client

import (
	"encoding/json"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto/bus"
)

// TestAnswerOfTheRoomIsEnough: once the change that a client asked for has answered
// the client, its next room request does not wait for the room service's answer. That
// answer may be lost, and would then delay the next request for up to 12 seconds.
func TestAnswerOfTheRoomIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, config{})
		asked := make(chan bus.Request, 1)
		g.Publish = func(_, _ string, data []byte) error {
			var req bus.Request
			if err := json.Unmarshal(data, &req); err != nil {
				t.Error(err)
			}
			asked <- req
			return nil
		}
		server, client := net.Pipe()
		serveTest(t, g, server)
		out, received := converse(client)
		out <- sockettest.ClientFrame(0x81, []byte(`{"event":"Join_Room","data":{"room":"tea","create":true},"id":"j"}`))
		req := <-asked
		out <- sockettest.ClientFrame(0x81, []byte(`{"event":"Update_Room","data":{"room":"tea"},"id":"p"}`)) // refused: it has nothing to update
		synctest.Wait()
		if len(received) != 0 {
			t.Fatalf("before the change: got %s, want no frame", <-received)
		}
		g.Changed(&bus.Change{
			Room: "tea", After: 1, Set: &bus.Settings{Name: "tea"}, Creator: req.Peer,
			Added: []bus.Member{{ID: req.Peer, Op: req.Op}},
		})
		for _, want := range []string{`"id":"j"`, `"event":"Session"`, `"id":"p"`} {
			if f := <-received; !strings.Contains(f, want) {
				t.Errorf("got %s, want %s", f, want)
			}
		}
		if n := g.Requests.Len(); n != 0 {
			t.Errorf("got %d pending requests, want 0", n)
		}
		client.Close()
		<-received
		synctest.Wait()
	})
}

// TestTakeRoomAtTheEnd: a gateway that ends does not wait for a room that it was about
// to take over for a peer.
func TestTakeRoomAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, config{})
		g.Publish = func(subject, reply string, _ []byte) error {
			if subject == bus.RoomsSubject(bus.OpResume) {
				g.Answer(reply, &bus.Reply{Revision: 5})
			}
			return nil
		}
		s := testConn(g, sockettest.NewNet(false)).Session
		g.End()
		began := time.Now()
		if g.Rooms.Resume(s, "", "tea", 0) || time.Since(began) > 0 {
			t.Errorf("got a room taken over, or a wait of %v; want neither", time.Since(began))
		}
		g.Requests.Close()
		g.Wait()
	})
}
