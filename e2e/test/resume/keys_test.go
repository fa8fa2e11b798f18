package resume_test

import (
	"crypto/rand"
	"encoding/json"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto/bus"
)

// replaceKey puts a new key before the keys that the gateways share, as an operator may
// have to when a key has leaked.
func replaceKey(t *testing.T, s *kit.Stack) {
	t.Helper()
	js, err := jetstream.New(s.Connect(t))
	must(t, err)
	bucket, err := js.KeyValue(t.Context(), bus.KeysBucket)
	must(t, err)
	entry, err := bucket.Get(t.Context(), bus.KeysKey)
	must(t, err)
	var set bus.KeySet
	must(t, json.Unmarshal(entry.Value(), &set))
	key := bus.Key{ID: rand.Text()[:8], Secret: []byte(rand.Text() + rand.Text())[:32], Made: time.Now()}
	set.Keys = append([]bus.Key{key}, set.Keys...)
	b, err := json.Marshal(set)
	must(t, err)
	_, err = bucket.Update(t.Context(), bus.KeysKey, b, entry.Revision())
	must(t, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestResume_TokenOfNewKey_MovesToGatewayThatHasNotPolled: after a key is replaced,
// sessions can move to gateways whose last poll was before that.
func TestResume_TokenOfNewKey_MovesToGatewayThatHasNotPolled(t *testing.T) {
	for _, processes := range []bool{false, true} {
		name := "in-process"
		if processes {
			name = "processes"
		}
		t.Run(name, func(t *testing.T) {
			if processes && testing.Short() {
				t.Skip("builds and starts processes")
			}
			s := kit.Start(t, kit.Options{RoomServices: 1, Processes: processes})
			replaceKey(t, s)
			s.StopGateway(t, 1)
			s.StartGateway(t, 1) // it has the new key from its start; gateway 0 polls in five minutes
			peer := s.Dial(t, 1)
			peer.Drop()
			s.Dial(t, 0).Resume(peer)
		})
	}
}
