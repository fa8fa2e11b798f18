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
