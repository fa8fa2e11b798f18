package roomsvc

import (
	"reflect"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

func TestReconcile(t *testing.T) {
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
