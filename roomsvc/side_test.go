package roomsvc

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/proto/bus"
)

// TestJobs_CopyOfARequest_TakesNoSecondPlace checks that a gateway that repeats its
// request while JetStream is away does not use up all places.
func TestJobs_CopyOfARequest_TakesNoSecondPlace(t *testing.T) {
	j := newJobs()
	defer j.close()
	for range 2 * maxSide {
		taken, copied := j.take("a")
		if taken == copied {
			t.Fatalf("got taken %v, copied %v, want one of them", taken, copied)
		}
	}
	for i := 1; i < maxSide; i++ {
		if taken, _ := j.take(fmt.Sprint(i)); !taken {
			t.Fatalf("got no place for request %d of %d", i+1, maxSide)
		}
	}
	if taken, _ := j.take("b"); taken {
		t.Errorf("got a place for request %d, want none", maxSide+1)
	}
	j.free("a")
	if taken, _ := j.take("b"); !taken {
		t.Error("got no place where one was free")
	}
}

// TestNew_SmallBucket_ComesLast: a bucket asks for no more than the one before it got, so the
// bucket of keys, which is small, must not come before others.
func TestNew_SmallBucket_ComesLast(t *testing.T) {
	s, err := New(Config{MaxBucketBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range s.buckets.list {
		if last := i == len(s.buckets.list)-1; last != (b.maxBytes == minBucketBytes) {
			t.Errorf("bucket %d, %s: got %d bytes, want %d for the last one only", i, b.bucket, b.maxBytes, minBucketBytes)
		}
	}
	for store, want := range map[*store]string{s.roomStore: bus.RoomsBucket, s.sessionStore: bus.SessionsBucket, s.nameStore: bus.NamesBucket, s.keys.(*store): bus.KeysBucket} {
		if store.bucket != want {
			t.Errorf("got bucket %s, want %s", store.bucket, want)
		}
	}
}

// TestBuckets_Outage_CountsAfter10s checks that rooms count as unchangeable when
// JetStream has failed for longer than an election takes, and only until it answers
// again.
func TestBuckets_Outage_CountsAfter10s(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBuckets(nil, 1<<30, bus.RoomsBucket)
		cause := errors.New("no leader")
		for range 8 {
			b.looks.note(cause)
			time.Sleep(time.Second)
			if err := b.down(); err != nil {
				t.Fatalf("got %v during an election, want nil", err)
			}
		}
		b.looks.note(nil)
		b.list[0].wrote(cause)
		time.Sleep(downAfter)
		if err := b.down(); !errors.Is(err, cause) {
			t.Errorf("got %v after %v, want %v", err, downAfter, cause)
		}
		b.list[0].wrote(nil)
		if err := b.down(); err != nil {
			t.Errorf("got %v after a write, want nil", err)
		}
	})
}
