package store

import (
	"context"
	"errors"

	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
)

// Confirm writes to a replicated stream: only a leader that has a majority behind it
// acknowledges a write, and it compares the key's revision first. A single copy
// is asked whether there is something newer, because the value may be large; it is read
// when the answer is not certain.
func (s *Bucket) Confirm(ctx context.Context, key string, revision uint64) error {
	if s.replicas.Load() > 1 {
		msg := deleteMarker(bus.BucketSubject(s.bucketName, barrierKey), nil)
		msg.Header.Set(expectedSubjectHeader, bus.BucketSubject(s.bucketName, key))
		_, err := s.publish(ctx, msg, revision, true)
		return err
	}
	if latest, err := s.unchanged(ctx, key, revision); latest || err != nil {
		return err
	}
	rec, err := s.Read(ctx, key)
	if err == nil && rec.Revision != revision {
		err = kv.ErrConflict
	}
	return err
}

// Reach returns nil when a majority of the stream's replicas took a write.
func (s *Bucket) Reach(ctx context.Context) error {
	_, err := s.barrier(ctx, barrierKey)
	if errors.Is(err, kv.ErrFull) { // a majority can still remove something
		_, err = s.purgeKey(ctx, barrierKey, 0)
	}
	return err
}

// Ping returns nil when the stream's leader answers a read.
func (s *Bucket) Ping(ctx context.Context) error {
	_, err := s.Read(ctx, barrierKey)
	return err
}

// barrier writes a marker under key, which a majority of the stream's replicas
// must take, and returns its revision. Every write that was acknowledged before
// has a lower one.
func (s *Bucket) barrier(ctx context.Context, key string) (uint64, error) {
	return s.publish(ctx, deleteMarker(bus.BucketSubject(s.bucketName, key), nil), 0, false)
}
