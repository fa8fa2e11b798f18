package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"

	"p2pconnector/roomsvc/internal/kv"
)

// ReadLatest returns the records of keys, each the key's latest at one moment between
// call and return. A consumer may run on a replica that is behind. The replica was
// not behind when it shows a barrier that a majority took after the call.
//
// A record that is overwritten before it is delivered is missed. complete reports
// that nothing was written meanwhile: the next write after the barrier was a second
// barrier. Only then is it certain that a key that is not in found had no record.
func (s *Bucket) ReadLatest(ctx context.Context, keys []string) (found map[string]kv.Record, complete bool, err error) {
	key := barrierPrefix + rand.Text() // of its own, so that nothing overwrites it
	before, err := s.briefBarrier(ctx, key)
	if err != nil {
		return nil, false, err
	}
	filter := append(slices.Clone(keys), key)
	slices.Sort(filter)
	filter = slices.Compact(filter) // a consumer refuses a filter twice
	found = make(map[string]kv.Record, len(filter))
	err = s.Scan(ctx, filter, true, func(key string, rec kv.Record) error {
		if rec.Revision > found[key].Revision { // written meanwhile, it comes twice
			found[key] = rec
		}
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	if found[key].Revision != before {
		return nil, false, kv.ErrBehind
	}
	delete(found, key)
	after, err := s.briefBarrier(ctx, barrierKey)
	return found, after == before+1, err
}

func (s *Bucket) briefBarrier(ctx context.Context, key string) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, kv.CallTimeout)
	defer cancel()
	revision, err := s.barrier(ctx, key)
	if err != nil {
		return 0, fmt.Errorf("barrier: %w", err)
	}
	return revision, nil
}
