package store

import (
	"errors"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"p2pconnector/proto/bus"
)

func TestReconcile_OtherSettings_KeepsWhatItMay(t *testing.T) {
	want := jetstream.StreamConfig{Subjects: []string{"$KV.rooms.>"}, MaxMsgsPerSubject: 1, Discard: jetstream.DiscardNew, AllowMsgTTL: true, AllowRollup: true, Replicas: 1}
	if _, differs := reconcile(want, want); differs {
		t.Error("equal settings: got a difference, want none")
	}
	have := jetstream.StreamConfig{Subjects: []string{"mine"}, MaxMsgsPerSubject: 9, AllowDirect: true, Replicas: 3, Description: "kept"}
	fixed, differs := reconcile(have, want)
	if !differs || fixed.AllowDirect || !fixed.AllowMsgTTL || fixed.MaxMsgsPerSubject != 1 || fixed.Replicas != 3 || fixed.Description != "kept" {
		t.Errorf("got %+v, want the needed settings and the others kept", fixed)
	}
	if !reflect.DeepEqual(fixed.Subjects, []string{"mine", "$KV.rooms.>"}) || len(have.Subjects) != 1 {
		t.Errorf("got subjects %v from %v, want the needed one added and the input unchanged", fixed.Subjects, have.Subjects)
	}
}

func TestBytesWanted_ExistingBucket_KeepsItsGrantAndAReserve(t *testing.T) {
	for _, x := range []struct {
		held, have int64
		opening    bool
		want       int64
	}{
		{100, -1, true, 1000}, // of an earlier version
		{100, 400, true, 1000},
		{100, 400, false, 400},
		{100, 5000, true, 1000},
		{500, -1, true, 1000},
		{501, -1, true, 1002},
	} {
		info := &jetstream.StreamInfo{Config: jetstream.StreamConfig{MaxBytes: x.have}, State: jetstream.StreamState{Bytes: uint64(x.held)}}
		if got := bytesWanted(info, 1000, x.opening); got != x.want {
			t.Errorf("%+v: got %d, want %d", x, got, x.want)
		}
	}
}

// TestBuckets_Outage_CountsAfter10s checks that rooms count as unchangeable when
// JetStream has failed for longer than an election takes, and only until it answers
// again.
func TestBuckets_Outage_CountsAfter10s(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(nil, Config{Name: bus.RoomsBucket, MaxBytes: 1 << 30})
		cause := errors.New("no leader")
		for range 8 {
			b.checks.note(cause)
			time.Sleep(time.Second)
			if err := b.Down(); err != nil {
				t.Fatalf("got %v during an election, want nil", err)
			}
		}
		b.checks.note(nil)
		b.list[0].wrote(cause)
		time.Sleep(downAfter)
		if err := b.Down(); !errors.Is(err, cause) {
			t.Errorf("got %v after %v, want %v", err, downAfter, cause)
		}
		b.list[0].wrote(nil)
		if err := b.Down(); err != nil {
			t.Errorf("got %v after a write, want nil", err)
		}
	})
}
