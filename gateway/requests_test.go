package gateway

import (
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
)

// TestRequestsAtTheEnd: nobody waits for an answer that is not asked for again when
// it is lost: what is under way ends, and what comes later is refused.
func TestRequestsAtTheEnd(t *testing.T) {
	published := 0
	requests := newRequests("0123abcd", func(string, string, []byte) error { published++; return nil })
	var errs []error
	note := func(_ *proto.Reply, err error) { errs = append(errs, err) }
	requests.send(proto.OpSync, &proto.Request{}, note)
	requests.close()
	requests.send(proto.OpSync, &proto.Request{}, note)
	if len(errs) != 2 || !errors.Is(errs[0], errNoAnswer) || !errors.Is(errs[1], errEnding) {
		t.Errorf("answers: %v", errs)
	}
	if published != 1 || requests.len() != 0 {
		t.Errorf("%d requests were sent, %d are under way", published, requests.len())
	}
}

// TestAnswerOfTheRoomIsEnough: once the change that a client asked for has answered
// it, its next room request does not wait for the room service's answer, which may be
// lost: each such request would have held up the next for up to 12 seconds.
func TestAnswerOfTheRoomIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, Config{})
		asked := make(chan proto.Request, 1)
		g.requests = newRequests(g.id, func(_, _ string, data []byte) error {
			var req proto.Request
			if err := json.Unmarshal(data, &req); err != nil {
				t.Error(err)
			}
			asked <- req
			return nil
		})
		server, client := net.Pipe()
		g.sessions.put(serveTest(t, g, server).session)
		out, frames := converse(client)
		out <- sockettest.ClientFrame(0x81, []byte(`{"event":"Join_Room","data":{"room":"tea","create":true},"id":"j"}`))
		req := <-asked
		out <- sockettest.ClientFrame(0x81, []byte(`{"event":"Update_Room","data":{"room":"tea"},"id":"p"}`)) // says what it lacks
		synctest.Wait()
		if len(frames) != 0 {
			t.Fatalf("got %s before anything happened", <-frames)
		}
		g.stateChanged(proto.RoomID("tea").Token(), marshal(proto.Change{
			Room: "tea", After: 1, Set: &proto.Settings{Name: "tea"}, Creator: req.Peer,
			Added: []proto.Member{{ID: req.Peer, Op: req.Op}},
		}))
		for _, want := range []string{`"id":"j"`, `"event":"Session"`, `"id":"p"`} {
			if f := <-frames; !strings.Contains(f, want) {
				t.Errorf("got %s, want %s", f, want)
			}
		}
		if n := g.requests.len(); n != 0 {
			t.Errorf("%d requests are under way", n)
		}
		client.Close()
		<-frames
		synctest.Wait()
	})
}

// TestTakeRoomAtTheEnd: a gateway that ends does not wait for a room that it was about
// to take over for a peer.
func TestTakeRoomAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, Config{})
		g.requests = newRequests(g.id, func(subject, reply string, _ []byte) error {
			if in, ok := proto.ParseInbound(reply); ok && subject == proto.RoomsSubject(proto.OpResume) {
				g.requests.answered(in.First, &nats.Msg{Data: marshal(proto.Reply{Revision: 5})})
			}
			return nil
		})
		s := awaySession(g)
		g.end()
		began := time.Now()
		if g.takeRoom(s, "tea", 0) || time.Since(began) > 0 {
			t.Errorf("it waited for %v", time.Since(began))
		}
		g.requests.close()
		g.closeBackground()
	})
}
