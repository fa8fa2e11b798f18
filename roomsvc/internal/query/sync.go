package query

import (
	"context"
	"slices"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
)

// Sync reports which rooms have a newer revision than the requester holds, or
// are gone. Its reads may be slightly old, so an older revision does not count
// as a change; what Sync misses now it finds the next time.
func (r Rooms) Sync(ctx context.Context, req *bus.Request) (*bus.Reply, error) {
	if len(req.Rooms) > bus.MaxSyncRooms {
		return nil, proto.Invalid("rooms", "Too many rooms in one request. Send them in several.")
	}
	missing := make(map[string]proto.RoomID, len(req.Rooms))
	keys := make([]string, 0, len(req.Rooms))
	for id := range req.Rooms {
		if !id.Valid() && !bus.IsTopic(id) {
			return nil, proto.Invalid("rooms", "A room's id is not valid.")
		}
		missing[bus.RoomToken(id)] = id
		keys = append(keys, bus.RoomToken(id))
	}
	reply := new(bus.Reply)
	if len(keys) == 0 {
		return reply, nil
	}
	// The reply names the first revision of the bucket that is read here.
	if err := r.Bucket.Ensure(ctx); err != nil {
		return nil, err
	}
	err := r.Bucket.Scan(ctx, keys, false, func(key string, rec kv.Record) error {
		id, ok := missing[key]
		if !ok {
			return nil // a second record: the room has just changed, and is in this reply or will be in the next
		}
		delete(missing, key)
		if rec.Revision > req.Rooms[id] {
			reply.Differ = append(reply.Differ, id)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, id := range missing {
		if req.Rooms[id] != 0 { // gone, and its delete marker too
			reply.Differ = append(reply.Differ, id)
		}
	}
	slices.Sort(reply.Differ)
	return reply, nil
}
