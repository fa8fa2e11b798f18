package store

import (
	"context"
	"fmt"
	"time"
)

// noteRevision records a revision of the bucket, and returns the highest one seen
// before.
func (s *Bucket) noteRevision(revision uint64) (before uint64) {
	for {
		was := s.newest.Load()
		if revision <= was || s.newest.CompareAndSwap(was, revision) {
			return was
		}
	}
}

// leap is the distance between two revisions seen one after the other from which on
// the second may be of a new bucket. A busy bucket sometimes takes as many writes
// through other instances, which costs one check. A new bucket begins farther away,
// because its first revision is a time in microseconds.
const leap = 1000

// checkRevision records a revision that a call returned. When the revision may be of a
// new bucket, checkRevision reads the bucket's state before it returns nil, so that a
// reply with a revision has the first revision of the same bucket too.
func (s *Bucket) checkRevision(ctx context.Context, revision uint64) error {
	if s.noteRevision(revision)+leap > revision {
		return nil
	}
	return s.Ensure(ctx)
}

// wentBack returns an error when the bucket's last revision is lower than newest,
// which was seen before: its next revisions have been used already.
func (s *Bucket) wentBack(newest uint64) error {
	if last := s.last.Load(); last < newest {
		return fmt.Errorf("bucket %s went back from revision %d to %d: it was restored, or made by other tools; delete it, and the room service makes a new one",
			s.bucketName, newest, last)
	}
	return nil
}

// firstRevision is where the revisions of a new bucket begin: at the microseconds
// since 1970. No bucket takes a write each microsecond, so all of them are above
// those of any earlier bucket, whose rooms may still be in use: no state that was
// read from the earlier bucket can be written to the new one, and everyone with
// a copy sees that it is old. newest guards against a clock that was set back.
// JavaScript counts such numbers exactly until the year 2255.
func firstRevision(now time.Time, newest uint64) uint64 {
	return max(uint64(now.UnixMicro()), newest+1)
}
