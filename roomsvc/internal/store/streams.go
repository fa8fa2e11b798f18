package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"p2pconnector/proto/bus"
)

// MinBytes is the least that a bucket is limited to.
const MinBytes = 1 << 20

// obtain returns the stream with its present state. It makes a missing stream, and
// corrects the settings of an existing one. Only with opening set does it change the
// bytes that an existing stream may hold: otherwise instances with different settings
// would undo each other's changes.
func (s *Bucket) obtain(ctx context.Context, opening bool) (jetstream.Stream, error) {
	want := jetstream.StreamConfig{
		Name:              bus.BucketStream(s.bucketName),
		Subjects:          []string{bus.BucketSubject(s.bucketName, ">")},
		MaxMsgsPerSubject: 1,
		MaxBytes:          s.maxBytes,
		Discard:           jetstream.DiscardNew,
		Storage:           jetstream.FileStorage,
		Replicas:          s.wanted,
		AllowRollup:       true,
		DenyDelete:        true,
		AllowDirect:       false, // reads of a follower are old
		AllowMsgTTL:       true,
	}
	stream, err := s.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		want.Replicas = max(s.wanted, int(s.replicas.Load())) // an operator may have added some
		want.FirstSeq = firstRevision(time.Now(), s.newest.Load())
		opening = false // the new stream has what JetStream grants
		stream, err = s.fit(ctx, want, 0, s.js.CreateStream)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another instance was first
			stream, err = s.js.Stream(ctx, want.Name)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", s.bucketName, err)
	}
	info := stream.CachedInfo()
	want.MaxBytes = bytesWanted(info, want.MaxBytes, opening)
	if fixed, differs := reconcile(info.Config, want); differs {
		s.log.Warn("bucket settings are not as needed; changing them", "bucket", s.bucketName)
		changed, err := s.fit(ctx, fixed, info.Config.MaxBytes, s.js.UpdateStream)
		switch {
		case err == nil:
			stream = changed
		case noStorage(err) && onlyBytes(info.Config, fixed): // more is reserved already than JetStream has
			s.log.Warn("JetStream has no storage for another limit of a bucket; using the bucket as it is", "bucket", s.bucketName, "bytes", info.Config.MaxBytes)
		default:
			return nil, fmt.Errorf("bucket %s: %w", s.bucketName, err)
		}
	}
	return stream, nil
}

// onlyBytes reports whether nothing but MaxBytes needs to change.
func onlyBytes(have, fixed jetstream.StreamConfig) bool {
	fixed.MaxBytes = have.MaxBytes
	_, differs := reconcile(have, fixed)
	return !differs
}

// bytesWanted returns the bytes that an existing bucket is to be limited to. It leaves
// alone what JetStream has granted, unless the service is opening the bucket. A bucket
// that holds more than the setting allows keeps a reserve to be emptied with.
func bytesWanted(info *jetstream.StreamInfo, setting int64, opening bool) int64 {
	if !opening {
		return info.Config.MaxBytes
	}
	return max(setting, 2*int64(min(info.State.Bytes, 1<<60)))
}

// fit makes or updates the stream with do. When JetStream has less storage than
// cfg.MaxBytes, fit halves that until the stream fits, and once more, so that the next
// bucket finds some too; but a stream keeps the limit had that it had before. A stream for
// which JetStream has not even minBucketBytes gets no other limit.
func (s *Bucket) fit(ctx context.Context, cfg jetstream.StreamConfig, had int64, do func(context.Context, jetstream.StreamConfig) (jetstream.Stream, error)) (jetstream.Stream, error) {
	asked := cfg.MaxBytes
	stream, err := do(ctx, cfg)
	for noStorage(err) && cfg.MaxBytes/2 >= MinBytes {
		cfg.MaxBytes /= 2
		stream, err = do(ctx, cfg)
	}
	switch {
	case noStorage(err) && asked > 0:
		cfg.MaxBytes = had
		if stream, err = do(ctx, cfg); err == nil {
			s.log.Error("JetStream has no storage left to limit a bucket to; give it more", "bucket", s.bucketName, "want", asked)
		}
	case err == nil && cfg.MaxBytes < asked:
		cfg = stream.CachedInfo().Config
		cfg.MaxBytes = max(cfg.MaxBytes/2, had, MinBytes)
		if less, failed := s.js.UpdateStream(ctx, cfg); failed == nil {
			stream = less
		}
		s.log.Warn("JetStream has less storage than the bucket may use; using a part of it",
			"bucket", s.bucketName, "want", asked, "bytes", stream.CachedInfo().Config.MaxBytes)
	}
	return stream, err
}

// reconcile returns have with those settings of want that the service cannot do
// without, and reports whether that changes anything. It only ever adds
// replicas, because an operator may have wanted more.
func reconcile(have, want jetstream.StreamConfig) (jetstream.StreamConfig, bool) {
	fixed := have
	for _, subject := range want.Subjects {
		if !slices.Contains(fixed.Subjects, subject) {
			fixed.Subjects = append(slices.Clone(fixed.Subjects), subject)
		}
	}
	fixed.MaxMsgsPerSubject = want.MaxMsgsPerSubject
	fixed.MaxBytes = want.MaxBytes
	fixed.Discard = want.Discard
	fixed.AllowDirect = want.AllowDirect
	fixed.AllowMsgTTL = want.AllowMsgTTL
	fixed.AllowRollup = want.AllowRollup
	fixed.Replicas = max(have.Replicas, want.Replicas)
	return fixed, len(fixed.Subjects) != len(have.Subjects) ||
		fixed.MaxMsgsPerSubject != have.MaxMsgsPerSubject || fixed.Discard != have.Discard ||
		fixed.AllowDirect != have.AllowDirect || fixed.AllowMsgTTL != have.AllowMsgTTL ||
		fixed.AllowRollup != have.AllowRollup || fixed.Replicas != have.Replicas || fixed.MaxBytes != have.MaxBytes
}
