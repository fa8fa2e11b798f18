// Package store keeps the buckets of the room service in JetStream: it is the adapter behind
// package kv. It makes each bucket that is missing, at the start and whenever JetStream has
// lost it, and knows whether the buckets can be written.
//
//	bucket.go      one bucket: reads, compare-and-set writes, scans
//	confirm.go     whether a revision is the latest, and whether the bucket can be reached
//	latest.go      many keys in one pass, each confirmed to be the latest
//	revisions.go   tells a new bucket from one that was lost
//	streams.go     the stream behind a bucket, and how many bytes it may hold
//	purge.go       frees space when JetStream has none left
//	buckets.go     all buckets
//
// Buckets have the names, subjects and headers of NATS's key-value stores, so that its tools
// can read them, but are not used through nats.go's KeyValue: its reads may be old (direct
// gets), its Update drops a key's TTL, and its Purge with a TTL brought values back after
// kill -9.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
)

const (
	markerTTL = time.Minute // after which a delete marker and the records in it expire; see Config.TombstoneTTL

	opHeader = "KV-Operation"
	opDelete = "DEL"
	// A header of NATS that nats.go has no name for: the subject whose last
	// sequence is expected, when it is not the message's own.
	expectedSubjectHeader = "Nats-Expected-Last-Subject-Sequence-Subject"
	// barrierKey holds no value; see Confirm. It looks like a deleted key. Its two
	// tokens keep it apart from rooms, and the first token from sessions.
	barrierKey = "barrier.confirm"
	// barrierPrefix begins the keys of barriers that nothing overwrites: see ReadLatest.
	barrierPrefix = "barrier."

	scanMessages = 256      // fetched ahead
	scanBytes    = 16 << 20 // and their bytes
)

// Bucket is a bucket in JetStream; it implements kv.BatchBucket. Its methods may be called by
// any goroutine once Buckets.Open has returned.
type Bucket struct {
	bucketName string
	// tombstoneTTL is how long what Remove writes stays; 0 is markerTTL.
	tombstoneTTL time.Duration
	// maxBytes is the most that the bucket may hold; JetStream may grant less.
	maxBytes int64

	log    *slog.Logger
	wrote  func(error) // called with the outcome of every write, by any goroutine
	absent func()      // called when a call finds no bucket, by any goroutine

	// Set by open.
	js     jetstream.JetStream
	wanted int              // replicas
	stream jetstream.Stream // used by its name only, so that it also works for a stream that is made anew

	replicas atomic.Int64
	first    atomic.Uint64 // lowest revision of the bucket; 0: made by other tools, or by a version that did not choose it
	newest   atomic.Uint64 // highest revision seen
	last     atomic.Uint64 // last revision of the bucket when its state was last read
	lost     atomic.Uint64 // how often a bucket was found gone
	noting   sync.Mutex    // locked while noteState updates what is known of the bucket
	usage    kv.Usage
}

// Name returns the bucket's name.
func (s *Bucket) Name() string { return s.bucketName }

// Usage returns how full the bucket is.
func (s *Bucket) Usage() *kv.Usage { return &s.usage }

// Lost returns how often the bucket was found gone.
func (s *Bucket) Lost() uint64 { return s.lost.Load() }

// First returns the lowest revision of the bucket, which tells it from one that was
// lost; 0 when other tools have made it.
func (s *Bucket) First() uint64 { return s.first.Load() }

// Replicas returns how many copies JetStream keeps of the bucket.
func (s *Bucket) Replicas() int64 { return s.replicas.Load() }

// open makes the bucket, or corrects the settings of an existing one.
func (s *Bucket) open(ctx context.Context, nc *nats.Conn, replicas int) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	s.js, s.wanted = js, replicas
	if s.stream, err = s.obtain(ctx, true); err == nil {
		s.noteState(s.stream.CachedInfo(), false)
	}
	return err
}

// Ensure makes the bucket anew when it is gone. When it returns nil, it has
// recorded the state of the present bucket.
func (s *Bucket) Ensure(ctx context.Context) error {
	stream, err := s.obtain(ctx, false)
	if err == nil {
		s.noteState(stream.CachedInfo(), true)
	}
	return err
}

// noteState records the state of the present stream. With report set, it logs the
// loss of a bucket once, whichever instance made the new one.
func (s *Bucket) noteState(info *jetstream.StreamInfo, report bool) {
	s.noting.Lock()
	defer s.noting.Unlock()
	first, known, lost := info.Config.FirstSeq, s.first.Load(), s.last.Swap(info.State.LastSeq)
	if first < known {
		return // info is older than the present bucket, or the bucket went back
	}
	if first > known && report {
		s.lost.Add(1)
		s.log.Error("bucket was lost with everything in it; using a new one", "bucket", s.bucketName, "lost_revision", lost, "first_revision", first)
	}
	s.first.Store(first)
	s.replicas.Store(int64(info.Config.Replicas))
	s.noteRevision(info.State.LastSeq)
	s.usage.Observed(info.State.Bytes, info.Config.MaxBytes)
}

// Read asks the stream's leader. A leader that has been replaced does not know it
// at once, so only the single copy of an unreplicated stream shows that a record
// is the latest.
func (s *Bucket) Read(ctx context.Context, key string) (kv.Record, error) {
	latest := s.replicas.Load() == 1
	msg, err := s.stream.GetLastMsgForSubject(ctx, bus.BucketSubject(s.bucketName, key))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return kv.Record{Latest: latest}, s.Ensure(ctx) // there is no revision to show which bucket answered
	}
	if err == nil {
		err = s.checkRevision(ctx, msg.Sequence)
	}
	if err != nil {
		s.noteAbsent(err)
		return kv.Record{}, fmt.Errorf("read: %w", err)
	}
	return kv.Record{Revision: msg.Sequence, Value: msg.Data, Deleted: isDelete(msg.Header), Latest: latest}, nil
}

// Write publishes the value under the key.
func (s *Bucket) Write(ctx context.Context, key string, value []byte, expected uint64) (uint64, error) {
	msg := nats.NewMsg(bus.BucketSubject(s.bucketName, key))
	msg.Data = value
	return s.publish(ctx, msg, expected, true)
}

// Remove publishes a marker that NATS's tools read as a deleted key. Its payload
// is ours.
func (s *Bucket) Remove(ctx context.Context, key string, tombstone []byte, expected uint64) (uint64, error) {
	msg := deleteMarker(bus.BucketSubject(s.bucketName, key), tombstone)
	if s.tombstoneTTL > 0 {
		msg.Header.Set(jetstream.MsgTTLHeader, s.tombstoneTTL.String())
	}
	if s.usage.Counts().Exhausted && expected > 0 {
		return s.purge(ctx, msg, expected) // a replicated stream loses its leader with each write that finds no space
	}
	revision, err := s.publish(ctx, msg, expected, true)
	if errors.Is(err, kv.ErrFull) && expected > 0 {
		return s.purge(ctx, msg, expected)
	}
	return revision, err
}

// unchanged reports whether it is certain that revision is the key's latest; its error is
// ErrConflict when there is a newer one. It finds that out without reading the value: the key
// has a value, and before and after that was seen nothing newer was there. That nothing newer
// is there would not do, because delete markers expire.
func (s *Bucket) unchanged(ctx context.Context, key string, revision uint64) (bool, error) {
	subject := bus.BucketSubject(s.bucketName, key)
	if err := s.nothingNewer(ctx, subject, revision); err != nil {
		return false, err
	}
	info, err := s.stream.Info(ctx, jetstream.WithSubjectFilter(subject))
	if err != nil || info.Config.Replicas != 1 || revision < info.Config.FirstSeq || revision > info.State.LastSeq || info.State.Subjects[subject] == 0 {
		return false, nil // a read shows what is wrong
	}
	err = s.nothingNewer(ctx, subject, revision)
	return err == nil, err
}

// nothingNewer returns ErrConflict when subject has a message after revision.
func (s *Bucket) nothingNewer(ctx context.Context, subject string, revision uint64) error {
	_, err := s.stream.GetMsg(ctx, revision+1, jetstream.WithGetMsgSubject(subject))
	switch {
	case err == nil:
		return kv.ErrConflict
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return nil
	}
	s.noteAbsent(err)
	return fmt.Errorf("confirm: %w", err)
}

func deleteMarker(subject string, payload []byte) *nats.Msg {
	msg := nats.NewMsg(subject)
	msg.Data = payload
	msg.Header.Set(opHeader, opDelete)
	msg.Header.Set(jetstream.MsgTTLHeader, markerTTL.String())
	return msg
}

func isDelete(h nats.Header) bool {
	op := h.Get(opHeader)
	return op == opDelete || op == "PURGE" || h.Get("Nats-Marker-Reason") != ""
}

// publish sends msg once. After a lost acknowledgement the caller reads the key
// to learn whether the write took effect, instead of sending msg again.
func (s *Bucket) publish(ctx context.Context, msg *nats.Msg, expected uint64, check bool) (uint64, error) {
	opts := []jetstream.PublishOpt{jetstream.WithRetryAttempts(0)}
	if check {
		opts = append(opts, jetstream.WithExpectLastSequencePerSubject(expected))
	}
	ack, err := s.js.PublishMsg(ctx, msg, opts...)
	if err == nil {
		s.wrote(nil)
		if s.usage.SetExhausted(false) {
			s.log.Info("bucket takes writes again", "bucket", s.bucketName)
		}
		return ack.Sequence, s.checkRevision(ctx, ack.Sequence)
	}
	err = writeError(err)
	switch {
	case errors.Is(err, kv.ErrConflict), errors.Is(err, kv.ErrTooLarge):
		s.wrote(nil) // JetStream decided
	case errors.Is(err, kv.ErrFull):
		s.wrote(nil)
		if s.usage.SetExhausted(true) {
			s.log.Error("JetStream has no storage left for a bucket: rooms can only end; free some, or give JetStream more", "bucket", s.bucketName, "err", err)
		}
	default:
		s.wrote(err)
		s.noteAbsent(err)
	}
	return 0, err
}

// writeError translates err into the errors that a writer handles.
func writeError(err error) error {
	if errors.Is(err, nats.ErrMaxPayload) {
		return fmt.Errorf("%w: %w", kv.ErrTooLarge, err)
	}
	if api, ok := errors.AsType[*jetstream.APIError](err); ok {
		switch api.ErrorCode {
		case jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant:
			return kv.ErrConflict
		case jetstream.JSErrCodeStreamMessageExceedsMaximum:
			return fmt.Errorf("%w: %w", kv.ErrTooLarge, err)
		}
		if noStorage(api) || api.ErrorCode == codeStoreFailed && api.Description == maxBytesReached {
			return fmt.Errorf("%w: %w", kv.ErrFull, err)
		}
	}
	return fmt.Errorf("write: %w", err)
}

// noteAbsent calls absent when err says that the bucket may be gone.
func (s *Bucket) noteAbsent(err error) {
	if errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrNoStreamResponse) {
		s.absent()
	}
}

// Scan calls f with the newest record of each of keys, or of every key of one
// token when keys is nil, in no particular order. It holds a bounded part of them
// at a time. Unless values is set, the records have no value. Records may be
// slightly old, and a key that is written meanwhile may come twice or not at all.
// Scan stops at f's first error and returns it.
func (s *Bucket) Scan(ctx context.Context, keys []string, values bool, f func(key string, rec kv.Record) error) error {
	filter := []string{bus.BucketSubject(s.bucketName, "*")}
	if keys != nil {
		filter = filter[:0]
		for _, k := range keys {
			filter = append(filter, bus.BucketSubject(s.bucketName, k))
		}
	}
	cons, err := s.js.OrderedConsumer(ctx, bus.BucketStream(s.bucketName), jetstream.OrderedConsumerConfig{
		FilterSubjects:    filter,
		DeliverPolicy:     jetstream.DeliverLastPerSubjectPolicy,
		HeadersOnly:       !values,
		InactiveThreshold: 30 * time.Second,
		MaxResetAttempts:  2,
	})
	if err != nil {
		s.noteAbsent(err)
		return fmt.Errorf("scan: %w", err)
	}
	defer s.dropConsumer(cons)
	if cons.CachedInfo().NumPending == 0 {
		return nil
	}
	iter, err := cons.Messages(jetstream.PullHeartbeat(500*time.Millisecond), jetstream.PullMaxMessagesWithBytesLimit(scanMessages, scanBytes))
	if err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	defer iter.Stop()
	defer context.AfterFunc(ctx, iter.Stop)() // also ends a reset
	var seen uint64                           // by the consumer's count
	for {
		msg, err := s.nextOf(ctx, cons, iter, seen)
		if err != nil || msg == nil {
			return err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return fmt.Errorf("scan: %w", err)
		}
		seen = meta.Sequence.Consumer
		key := msg.Subject()[len(bus.BucketSubject(s.bucketName, "")):]
		rec := kv.Record{Revision: meta.Sequence.Stream, Value: msg.Data(), Deleted: isDelete(msg.Headers())}
		if err := f(key, rec); err != nil {
			return err
		}
		if meta.NumPending == 0 {
			return nil
		}
	}
}

// nextOf returns the next message, or nil when there is none. The last message
// of a scan may have been overwritten on its way; then no message says that it
// is the last.
func (s *Bucket) nextOf(ctx context.Context, cons jetstream.Consumer, iter jetstream.MessagesContext, seen uint64) (jetstream.Msg, error) {
	for {
		wait, cancel := context.WithTimeout(ctx, time.Second)
		msg, err := iter.Next(jetstream.NextContext(wait))
		cancel()
		if err == nil {
			return msg, nil
		}
		if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return nil, fmt.Errorf("scan: %w", errors.Join(err, ctx.Err()))
		}
		info, err := cons.Info(ctx)
		if err != nil {
			return nil, fmt.Errorf("scan: %w", err)
		}
		if info.NumPending == 0 && info.Delivered.Consumer <= seen {
			return nil, nil
		}
	}
}

func (s *Bucket) dropConsumer(cons jetstream.Consumer) {
	ctx, cancel := context.WithTimeout(context.Background(), kv.CallTimeout)
	defer cancel()
	info := cons.CachedInfo()
	// If this fails, the server removes the consumer after its
	// InactiveThreshold.
	_ = s.js.DeleteConsumer(ctx, info.Stream, info.Name)
}
