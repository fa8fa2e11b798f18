package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
)

// Codes of JetStream's errors that nats.go has no names for.
const (
	codeAccountResources jetstream.ErrorCode = 10002 // the account has its limit
	codeNoPeers          jetstream.ErrorCode = 10005 // no server of the cluster has the storage, or none is there
	codeInsufficient     jetstream.ErrorCode = 10023 // the server has its limit
	codeStorageResources jetstream.ErrorCode = 10047 // the server or the account cannot reserve so much
	codeStoreFailed      jetstream.ErrorCode = 10077 // a write failed; the description says why
	maxBytesReached                          = "maximum bytes exceeded"
	purgePrefix                              = "$JS.API.STREAM.PURGE."
)

// noStorage reports whether err says that JetStream has not enough storage.
func noStorage(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	if !ok {
		return false
	}
	switch api.ErrorCode {
	case codeAccountResources, codeNoPeers, codeInsufficient, codeStorageResources:
		return true
	}
	return false
}

// purge does what remove does while JetStream takes no write: it deletes the key if its
// revision is still expected. That mostly frees enough space for the marker, which it writes
// then. Otherwise the tombstone is lost, and a repeated request finds no record of the first
// one. Then purge returns the revision after the newest that this instance has seen:
// receivers of the change need one above expected.
func (s *Bucket) purge(ctx context.Context, marker *nats.Msg, expected uint64) (uint64, error) {
	key := marker.Subject[len(bus.BucketSubject(s.bucketName, "")):]
	purged, err := s.purgeKey(ctx, key, expected+1)
	switch {
	case err != nil:
		return 0, err
	case purged == 0:
		return 0, kv.ErrConflict
	}
	revision, err := s.publish(ctx, marker, 0, true)
	if err == nil {
		return revision, nil
	}
	s.log.Debug("key was freed without a tombstone", "bucket", s.bucketName, "err", err)
	return max(s.newest.Load(), expected) + 1, nil
}

// purgeKey deletes the messages of a key below a revision, 0 for all, and returns how many
// there were. A majority of the stream's replicas has deleted them.
func (s *Bucket) purgeKey(ctx context.Context, key string, below uint64) (purged uint64, err error) {
	request, err := json.Marshal(map[string]any{"filter": bus.BucketSubject(s.bucketName, key), "seq": below})
	if err != nil {
		return 0, err
	}
	msg, err := s.js.Conn().RequestWithContext(ctx, purgePrefix+bus.BucketStream(s.bucketName), request)
	if err != nil {
		return 0, fmt.Errorf("purge: %w", err)
	}
	var reply struct {
		Error  *jetstream.APIError `json:"error"`
		Purged uint64              `json:"purged"`
	}
	if err := json.Unmarshal(msg.Data, &reply); err != nil {
		return 0, fmt.Errorf("purge: %w", err)
	}
	if reply.Error != nil {
		return 0, fmt.Errorf("purge: %w", reply.Error)
	}
	return reply.Purged, nil
}
