package roomsvc

import (
	"encoding/json"
	"fmt"

	"p2pconnector/proto/bus"
)

// record is what a bucket holds under a key.
type record struct {
	revision uint64 // 0: nothing
	value    []byte
	deleted  bool // a delete marker; value is its tombstone
	proven   bool // the way it was read proves that it was the latest
}

// decode returns the state of the room in rec. A delete marker that cannot be
// read counts as empty, because other tools write empty ones.
func decode(rec record) (*held, error) {
	h := &held{revision: rec.revision, size: len(rec.value), proven: rec.proven}
	switch {
	case rec.revision == 0:
	case rec.deleted:
		h.tombstone = new(bus.RoomTombstone)
		if json.Unmarshal(rec.value, h.tombstone) != nil {
			h.tombstone = new(bus.RoomTombstone)
		}
	default:
		h.room = new(bus.Room)
		if err := json.Unmarshal(rec.value, h.room); err != nil {
			return nil, fmt.Errorf("revision %d is not a room: %w", rec.revision, err)
		}
	}
	return h, nil
}

// encode returns the value to be written for the state after c.
func (c *commit) encode() ([]byte, error) {
	if c.after.room != nil {
		return json.Marshal(c.after.room)
	}
	return json.Marshal(c.after.tombstone)
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
	return sizeOf(&bus.Settings{Name: r.Name, Capacity: r.Capacity, Locked: r.Locked, Metadata: r.Metadata})
}
