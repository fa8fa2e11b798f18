package roomsvc

import (
	"context"
	"slices"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
)

// passNames reads every entry of the directory of names once, notes its owner, and takes
// back the names whose owners are in gone and still dead. A name that another peer takes
// meanwhile stays, because its entry then names that peer.
func (s *sweeper) passNames(ctx context.Context, gone []proto.GatewayID, note func(proto.GatewayID)) error {
	work := newSweep()
	err := s.scanNames(ctx, func(key string, rec kv.Record) error {
		namespace, name, ok := bus.ParseNameKey(key)
		if !ok || rec.Deleted {
			return nil
		}
		e, err := decodeName(rec)
		if err != nil {
			return nil // reported at the next request for the name
		}
		note(e.Owner)
		if !slices.Contains(gone, e.Owner) || !s.leases.isGone(e.Owner) {
			return nil
		}
		r := &bus.NameRequest{Namespace: namespace, Name: name, Peer: e.Peer}
		return work.begin(ctx, func(done func(bool)) { s.releaseName(r, done) })
	})
	return work.end(err)
}
