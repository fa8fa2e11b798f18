package roomsvc

import (
	"context"
	"fmt"
	"time"
)

// saw notes a revision of the bucket, and returns the highest one before.
func (s *store) saw(revision uint64) (before uint64) {
	for {
		was := s.newest.Load()
		if revision <= was || s.newest.CompareAndSwap(was, revision) {
			return was
		}
	}
}

// leap is between two revisions that this instance sees one after the other when the
// second may be of a new bucket. A busy bucket takes as many writes through others
// now and then, which costs a look; a new one begins as many microseconds higher.
const leap = 1000

// reached notes a revision that a call has brought. When it may be of a new bucket,
// that is known when reached returns nil: whoever is given a revision is given the
// first of its bucket too.
func (s *store) reached(ctx context.Context, revision uint64) error {
	if s.saw(revision)+leap > revision {
		return nil
	}
	return s.ensure(ctx)
}

// wentBack reports that the bucket holds less than it did when newest was seen: the
// revisions that it gives out next have been used before.
func (s *store) wentBack(newest uint64) error {
	if last := s.last.Load(); last < newest {
		return fmt.Errorf("bucket %s went back from revision %d to %d: it was restored, or made by other tools; delete it, and the room service makes a new one",
			s.bucket, newest, last)
	}
	return nil
}

// firstRevision is where the revisions of a new bucket begin: at the microseconds
// since 1970. No bucket takes a write each microsecond, so all of them are above
// those of any earlier bucket, whose rooms may still be in use somewhere: what was
// read from that one can never be written to this one, and whoever holds a copy
// sees that it is old. newest guards against a clock that was set back. JavaScript
// counts such numbers exactly until the year 2255.
func firstRevision(now time.Time, newest uint64) uint64 {
	return max(uint64(now.UnixMicro()), newest+1)
}
