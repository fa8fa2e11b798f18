package room

import (
	"encoding/json"
	"fmt"
	"slices"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
)

// Decode returns the state of the room in rec. A delete marker that cannot be
// read counts as empty, because other tools write empty ones.
func Decode(rec kv.Record) (*State, error) {
	h := &State{Revision: rec.Revision, Size: len(rec.Value), Latest: rec.Latest}
	switch {
	case rec.Revision == 0:
	case rec.Deleted:
		h.tombstone = new(bus.RoomTombstone)
		if json.Unmarshal(rec.Value, h.tombstone) != nil {
			h.tombstone = new(bus.RoomTombstone)
		}
	default:
		h.Room = new(bus.Room)
		if err := json.Unmarshal(rec.Value, h.Room); err != nil {
			return nil, fmt.Errorf("revision %d is not a room: %w", rec.Revision, err)
		}
	}
	return h, nil
}

// Encode returns the value to be written for the state after c.
func (c *Commit) Encode() ([]byte, error) {
	if c.After.Room != nil {
		return json.Marshal(c.After.Room)
	}
	return json.Marshal(c.After.tombstone)
}

// sizeOf returns the length of v as JSON, with a separator.
func sizeOf(v any) int {
	b, err := json.Marshal(v)
	if err != nil {
		return 0 // check.go has refused what cannot be encoded
	}
	return len(b) + 1
}

func settingsBytes(r *bus.Room) int {
	return sizeOf(&bus.Settings{Name: r.Name, Capacity: r.Capacity, Locked: r.Locked, Metadata: r.Metadata}) + sizeOf(r.Password)
}

// Owners returns the gateways that serve a member of the room in value, or a peer that waits
// there, each once.
func Owners(value []byte) []proto.GatewayID {
	type owned struct {
		ID      proto.PeerID    `json:"id"`
		Gateway proto.GatewayID `json:"gw"`
	}
	var room struct {
		Members []owned `json:"members"`
		Waiting []owned `json:"waiting"`
	}
	if json.Unmarshal(value, &room) != nil {
		return nil // reported when the room is next used
	}
	seen := make(map[proto.GatewayID]struct{}, 4)
	var list []proto.GatewayID
	for _, m := range slices.Concat(room.Members, room.Waiting) {
		member := bus.Member{ID: m.ID, Gateway: m.Gateway}
		g := member.Owner()
		if _, ok := seen[g]; !ok {
			seen[g] = struct{}{}
			list = append(list, g)
		}
	}
	return list
}
