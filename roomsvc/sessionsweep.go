package roomsvc

import (
	"context"
	"slices"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
)

// passSessions reads every entry of the directory once, notes its owner, and
// ends the sessions whose owners are in gone and still dead. A session that
// another gateway takes meanwhile goes on, because its entry then has another
// revision. Tombstones expire by themselves.
func (s *sweeper) passSessions(ctx context.Context, gone []proto.GatewayID, note func(proto.GatewayID)) error {
	work := newSweep()
	err := s.scanSessions(ctx, func(key string, rec kv.Record) error {
		peer, ok := bus.ParseSessionKey(key)
		if !ok || rec.Deleted {
			return nil
		}
		e, err := decodeSession(rec)
		if err != nil {
			return nil // reported at the next request for the session
		}
		note(e.Owner)
		if !slices.Contains(gone, e.Owner) || !s.leases.isGone(e.Owner) {
			return nil
		}
		r := &bus.SessionRequest{Peer: peer, Owner: e.Owner, Epoch: e.Epoch, Revision: e.revision}
		return work.begin(ctx, func(done func(bool)) { s.endSession(r, done) })
	})
	return work.end(err)
}
