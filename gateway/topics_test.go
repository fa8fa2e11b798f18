package gateway

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/fairqueue"
	"p2pconnector/gateway/internal/topic"
	"p2pconnector/gateway/internal/topicroom"
	"p2pconnector/proto"
)

// noReceiver ignores what it gets. It implements topic.Receiver.
type noReceiver struct{}

func (noReceiver) Publication(proto.RoomID, []byte) {}
func (noReceiver) Lost()                            {}

// TestTopics_OneUserWantsMuch_OthersTakeTurns: the joins for the topics of one user's clients
// have a quarter of what the room service works on. A publication in a topic that is not
// joined takes a turn too: another user's is asked for at once, the user's own is given up
// when its turn does not come.
func TestTopics_OneUserWantsMuch_OthersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := testWiring(t, Config{MaxRoomRequests: 8}, new(ackRecorder))
		g := w.g
		var mu sync.Mutex
		sent := make(map[string]int) // requests, by operation
		requestsTo(g, func(subject, _ string, _ []byte) error {
			mu.Lock()
			defer mu.Unlock()
			sent[subject[strings.LastIndexByte(subject, '.')+1:]]++
			return nil
		})
		count := func(op string) int {
			mu.Lock()
			defer mu.Unlock()
			return sent[op]
		}
		space := w.topics.Space("yjs", func([]byte) string { return "" })
		mallory, ann := fairqueue.Key{User: "mallory"}, fairqueue.Key{User: "ann"}
		const clients, topics = 20, 50
		for k := range clients {
			c := space.Client(noReceiver{}, nil, mallory)
			for i := range topics {
				c.Subscribe(fmt.Sprint(k, "-", i))
			}
		}
		synctest.Wait()
		if got := count("join"); got != 2 {
			t.Errorf("of %d topics of one user: got %d joins sent, want 2, a quarter of the limit", clients*topics, got)
		}
		if got := g.snapshot().RoomRequestsWaiting; got != clients*topics-2 {
			t.Errorf("waiting: got %d, want %d", got, clients*topics-2)
		}
		began := time.Now()
		got := space.Client(noReceiver{}, nil, mallory).Publish("elsewhere", "", []byte("1"))
		if took := time.Since(began); got != topic.Unreachable || took != topicroom.TurnWait || count("get") != 0 || w.topics.Counts().Missed != 1 {
			t.Errorf("a publication elsewhere: got outcome %d after %v, %d requests sent, %d counted as missed, want %d after %v, none and 1",
				got, took, count("get"), w.topics.Counts().Missed, topic.Unreachable, topicroom.TurnWait)
		}
		go space.Client(noReceiver{}, nil, ann).Publish("elsewhere", "", []byte("1"))
		synctest.Wait()
		if got := count("get"); got != 1 {
			t.Errorf("a publication of another user: got %d requests sent, want 1", got)
		}
		g.bg.End()
		g.requests.Close()
		g.bg.Close()
		g.rooms.Stop()
		synctest.Wait()
		if got := g.snapshot().RoomRequestsWaiting; got != 0 {
			t.Errorf("at the end: got %d waiting, want none", got)
		}
	})
}
