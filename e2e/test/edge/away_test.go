package edge_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"p2pconnector/gateway"
	"p2pconnector/proto"
	"p2pconnector/roomsvc"
)

// TestAwayCrowd_SmallBudget_OthersGetTheirFrames: peers that stay away, and get as many frames
// as somebody can send, cost no more than the budget of all buffers. Their sender gets at most
// one error for each frame. A peer that goes away last and comes back gets its frames.
func TestAwayCrowd_SmallBudget_OthersGetTheirFrames(t *testing.T) {
	const peers, frames, size, budget = 300, 12, 20 << 10, 16 << 20
	rooms := newRoomsWith(t, roomsvc.Config{SessionGrace: time.Minute}) // the shorter grace of both applies
	e := startGateway(t, inProcess(rooms), func(c *gateway.Config) { c.MaxBufferBytes, c.SessionGrace = budget, time.Minute })
	sender, honest, late := e.open(t, "/", nil), e.open(t, "/", nil), e.open(t, "/", nil)
	crowd := make([]proto.PeerID, peers)
	for i := range crowd {
		c := e.open(t, "/", nil)
		crowd[i] = c.details.ID
		must(t, c.Close()) // without a good-bye
	}
	before := heap()
	refused := make(map[string]bool)
	pad := strings.Repeat("x", size)
	for i, to := range crowd {
		for j := range frames {
			sender.send(fmt.Sprintf(`{"event":"Message","to":%q,"id":%d,"data":%q}`, to, i*frames+j, pad))
		}
		sender.send(`{"event":"Ping"}`)
		for f := sender.next(); f.Event != string(proto.Pong); f = sender.next() {
			if f.Event != string(proto.NotDelivered) || refused[string(f.ID)] {
				t.Fatalf("got %.200s, want Not_Delivered, once for each frame", f.raw)
			}
			refused[string(f.ID)] = true
		}
	}
	if held := int64(heap()) - int64(before); held > budget+budget/2 { // the NATS server and the sessions are in this process too
		t.Errorf("got %d bytes more in use, want about %d at most", held, budget)
	}
	if len(refused) < peers*frames/2 {
		t.Errorf("got %d frames refused of %d, want most of them", len(refused), peers*frames)
	}
	must(t, late.Close())
	for i := range 3 {
		honest.send(fmt.Sprintf(`{"event":"Message","to":%q,"id":%d,"data":"hello"}`, late.details.ID, i))
	}
	honest.alive() // no error came before the pong
	back := e.open(t, "/", nil)
	back.send(fmt.Sprintf(`{"event":"Resume","data":{"session":%q,"received":1}}`, late.details.Session))
	var d proto.Details
	must(t, json.Unmarshal(back.expect(string(proto.ClientDetails)).Data, &d))
	if !d.Resumed || d.Recovered == nil || !*d.Recovered {
		t.Errorf("got %+v, want the session resumed and recovered", d)
	}
	for i := range 3 {
		if f := back.expect(string(proto.Message)); string(f.ID) != fmt.Sprint(i) {
			t.Errorf("got %.200s, want message %d", f.raw, i)
		}
	}
}
