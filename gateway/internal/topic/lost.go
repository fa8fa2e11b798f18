package topic

import (
	"slices"

	"p2pconnector/proto"
)

// Alive records that another gateway is alive that was considered dead or was not known.
// Publications until now were not sent to it. It closes the connections of the subscribers of
// each topic that the gateways share.
func (t *Table) Alive(g proto.GatewayID) {
	t.mu.Lock()
	ids := make([]proto.RoomID, 0, len(t.all))
	for id := range t.all {
		ids = append(ids, id)
	}
	t.mu.Unlock()
	// No lock of a topic is held, because that of the room comes before it.
	ids = slices.DeleteFunc(ids, func(id proto.RoomID) bool { return !t.cfg.Rooms.Shared(id, g) })
	for _, id := range ids {
		if e := t.get(id); e != nil {
			e.mu.Lock()
			t.lost(e.subscribers)
			e.mu.Unlock()
		}
	}
}

// lost closes the connections of subscribers, on a goroutine of its own, because the locks of
// receivers come after those that the caller holds.
func (t *Table) lost(all []*subscription) {
	if len(all) == 0 {
		return
	}
	t.cfg.Go(func() {
		for _, s := range all {
			s.client.receiver.Lost()
		}
	})
}
