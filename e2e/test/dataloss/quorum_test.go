package dataloss_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// TestReadyz_JetStreamWithoutLeader_ReadyFor8s: an election takes up to 8 s, in which
// requests wait. Gateways stay ready that long, however many syncs hang, and become
// unready when it lasts longer.
func TestReadyz_JetStreamWithoutLeader_ReadyFor8s(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{NATSNodes: 3, Ops: true})
	nc := s.Connect(t)
	began := time.Now()
	s.NATS(1).Stop()
	s.NATS(2).Stop()
	for i := range 40 {
		data, err := json.Marshal(bus.Request{Rooms: map[proto.RoomID]uint64{proto.RoomID(fmt.Sprint(i)): 1}})
		if err != nil {
			t.Fatal(err)
		}
		if err := nc.PublishRequest(bus.RoomsSubject(bus.OpSync), nc.NewInbox(), data); err != nil {
			t.Fatal(err)
		}
	}
	unready := make([]int, 2)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for probes := 0; time.Since(began) < 8*time.Second; <-tick.C {
		for i := range unready {
			probes++
			status, body := kit.Get(t, s.Ops(i)+"/readyz")
			// The service may still be reconnecting to the remaining node.
			if status != http.StatusOK && time.Since(began) > 3*time.Second && time.Since(began) < 8*time.Second {
				unready[i]++
				t.Logf("gateway %d after %v: %s", i, time.Since(began), body)
			}
		}
	}
	for i, n := range unready {
		if n > 2 {
			t.Errorf("gateway %d was unready in %d probes, want none", i, n)
		}
	}
	for i := range 2 {
		eventually(t, "not ready, since rooms cannot be changed", func() (string, bool) {
			status, body := kit.Get(t, s.Ops(i)+"/readyz")
			return body, status == http.StatusServiceUnavailable && strings.Contains(body, "rooms cannot be changed")
		})
	}
	for i := 1; i < 3; i++ {
		if err := s.NATS(i).Restart(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2 {
		ready(t, s.Ops(i))
	}
	create(t, s.Dial(t, 0))
}
