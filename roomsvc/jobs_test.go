package roomsvc

import (
	"fmt"
	"testing"

	"p2pconnector/roomsvc/internal/store"
)

// TestJobs_CopyOfARequest_TakesNoSecondPlace checks that a gateway that repeats its
// request while JetStream is away does not use up all places.
func TestJobs_CopyOfARequest_TakesNoSecondPlace(t *testing.T) {
	j := newJobs()
	defer j.close()
	for range 2 * maxJobs {
		taken, copied := j.take("a")
		if taken == copied {
			t.Fatalf("got taken %v, copied %v, want one of them", taken, copied)
		}
	}
	for i := 1; i < maxJobs; i++ {
		if taken, _ := j.take(fmt.Sprint(i)); !taken {
			t.Fatalf("request %d of %d: got no place, want one", i+1, maxJobs)
		}
	}
	if taken, _ := j.take("b"); taken {
		t.Errorf("request %d: got a place, want none", maxJobs+1)
	}
	j.free("a")
	if taken, _ := j.take("b"); !taken {
		t.Error("after another has ended: got no place, want one")
	}
}

// TestNew_SmallBucket_ComesLast: a bucket asks for no more than the one before it got, so the
// bucket of keys, which is small, must not come before others.
func TestNew_SmallBucket_ComesLast(t *testing.T) {
	list := bucketConfigs(&Config{MaxBucketBytes: 1 << 30})
	for i, b := range list {
		if last := i == len(list)-1; last != (b.MaxBytes == store.MinBytes) {
			t.Errorf("bucket %d, %s: got %d bytes, want %d for the last one only", i, b.Name, b.MaxBytes, store.MinBytes)
		}
	}
}
