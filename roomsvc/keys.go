package roomsvc

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"p2pconnector/proto"
)

const (
	keyAge   = 24 * time.Hour // the first key signs so long
	keyCount = 3              // keys that are kept; the older ones only verify
	keyBytes = 32
)

// signingKeys returns the keys that all gateways sign session tokens with. The
// first request makes the first key; a request that finds it old makes the next.
func (s *Service) signingKeys(ctx context.Context, _ *proto.Request) (*proto.Reply, error) {
	for {
		rec, err := s.keys.read(ctx, proto.KeysKey)
		if err != nil {
			return nil, err
		}
		set := new(proto.KeySet)
		if rec.revision != 0 && !rec.deleted {
			if err := json.Unmarshal(rec.value, set); err != nil {
				return nil, fmt.Errorf("key %s of bucket %s: %w", proto.KeysKey, proto.KeysBucket, err)
			}
		}
		if !rotate(set, time.Now()) {
			return &proto.Reply{Keys: set, Revision: rec.revision}, nil
		}
		value, err := json.Marshal(set)
		if err != nil {
			return nil, err
		}
		revision, err := s.keys.write(ctx, proto.KeysKey, value, rec.revision)
		if err == nil {
			return &proto.Reply{Keys: set, Revision: revision}, nil
		}
		// Another instance was faster, perhaps: what it made counts.
		if !errors.Is(err, errConflict) || ctx.Err() != nil {
			return nil, err
		}
	}
}

// rotate puts a new key in front when there is none or the first is old, and
// reports whether it did.
func rotate(set *proto.KeySet, now time.Time) bool {
	if len(set.Keys) > 0 && now.Sub(set.Keys[0].Made) < keyAge {
		return false
	}
	key := proto.Key{ID: rand.Text()[:8], Secret: make([]byte, keyBytes), Made: now.UTC().Truncate(time.Second)}
	rand.Read(key.Secret)
	set.Keys = append([]proto.Key{key}, set.Keys...)
	if len(set.Keys) > keyCount {
		set.Keys = set.Keys[:keyCount]
	}
	return true
}
