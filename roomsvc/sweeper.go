package roomsvc

import (
	"context"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/commit"
	"p2pconnector/roomsvc/internal/kv"
	"p2pconnector/roomsvc/internal/room"
	"p2pconnector/roomsvc/internal/store"
	"p2pconnector/roomsvc/internal/sweep"
)

// sweeper returns what removes members, sessions and names of dead gateways.
func (s *Service) sweeper() *sweep.Sweeper {
	return &sweep.Sweeper{
		Leases: s.leases, Log: s.cfg.Logger, Metrics: s.metrics,
		Reach: func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, kv.CallTimeout)
			defer cancel()
			return s.roomStore.Reach(ctx)
		},
		Parts: []sweep.Part{
			{Scan: scanAll(s.roomStore), Left: s.leftInRoom},
			{Scan: scanAll(s.sessionStore, bus.SessionKeys), Left: s.sessions.Load().Left},
			{Scan: scanAll(s.nameStore, bus.NameKeys), Left: s.names.Load().Left},
		},
	}
}

// scanAll returns a function that scans the keys of a bucket; without keys, all keys of one
// token.
func scanAll(st *store.Bucket, keys ...string) func(context.Context, func(string, kv.Record) error) error {
	return func(ctx context.Context, f func(string, kv.Record) error) error { return st.Scan(ctx, keys, true, f) }
}

// leftInRoom is the sweep.Part's Left of rooms.
func (s *Service) leftInRoom(key string, rec kv.Record) ([]proto.GatewayID, func([]proto.GatewayID, func(bool))) {
	id, err := bus.RoomFromToken(key)
	if err != nil || rec.Deleted {
		return nil, nil
	}
	return room.Owners(rec.Value), func(dead []proto.GatewayID, done func(bool)) {
		refused := s.committer.Load().Submit(&commit.Operation{
			Operation: room.Operation{Kind: room.OpSweep, Request: &bus.Request{Room: id}, Dead: dead},
			Arrived:   time.Now(),
			Answer:    func(r *bus.Reply) { done(r != nil && r.Error == nil) },
		})
		if refused != nil {
			done(false)
		}
	}
}
