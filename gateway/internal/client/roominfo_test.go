package client

import (
	"encoding/json"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// TestRoomInfo_ReplicaIsCurrent_RoomIsNotSentAgain: the gateway names the revision that it
// has, and answers from its replica when the room service has no newer one. When the peer has
// left meanwhile, the gateway asks for the room itself.
func TestRoomInfo_ReplicaIsCurrent_RoomIsNotSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, config{})
		type question struct {
			bus.Request
			reply string
		}
		asked := make(chan question, 1)
		g.Publish = func(_, reply string, data []byte) error {
			q := question{reply: reply}
			if err := json.Unmarshal(data, &q.Request); err != nil {
				t.Error(err)
			}
			asked <- q
			return nil
		}
		answer := func(q question, r bus.Reply) { g.Answer(q.reply, &r) }
		server, client := net.Pipe()
		serveTest(t, g, server)
		out, received := converse(client)
		out <- sockettest.ClientFrame(0x81, []byte(`{"event":"Join_Room","data":{"room":"tea","create":true},"id":"j"}`))
		join := <-asked
		g.Changed(&bus.Change{
			Room: "tea", After: 7, Set: &bus.Settings{Name: "tea"}, Creator: join.Peer,
			Added: []bus.Member{{ID: join.Peer, Op: join.Op}},
		})
		<-received // of the join
		<-received // the session token with the room

		info := sockettest.ClientFrame(0x81, []byte(`{"event":"Room_Info","data":{"room":"tea"},"id":"i"}`))
		for range 2 {
			out <- info
			q := <-asked
			if q.Have != 7 {
				t.Errorf("revision that the gateway has: got %d, want 7", q.Have)
			}
			answer(q, bus.Reply{Revision: 7})
			if f := <-received; !strings.Contains(f, `"event":"Room_Info"`) || !strings.Contains(f, `"clients":["`+string(join.Peer)+`"]`) || !strings.Contains(f, `"id":"i"`) {
				t.Errorf("got %s, want the room with its member", f)
			}
		}

		out <- info
		q := <-asked
		g.Changed(&bus.Change{
			Room: "tea", Before: 7, After: 8, Removed: []bus.Removal{{ID: join.Peer, Reason: proto.ReasonRemoved}},
		})
		answer(q, bus.Reply{Revision: 7})
		if q = <-asked; q.Have != 0 {
			t.Errorf("after the peer has left: got revision %d, want a question for the room itself", q.Have)
		}
		answer(q, bus.Reply{Error: proto.RoomNotFound("tea")})
		for f := range received {
			if strings.Contains(f, `"id":"i"`) {
				if !strings.Contains(f, string(proto.NotFound)) {
					t.Errorf("got %s, want Not_Found", f)
				}
				break
			}
		}
		client.Close()
		for range received {
		}
		synctest.Wait()
	})
}
