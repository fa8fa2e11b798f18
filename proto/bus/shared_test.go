package bus

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestStricter_OfTwo_IsTheSmaller: each setting for itself, and what an instance does not
// have does not count.
func TestStricter_OfTwo_IsTheSmaller(t *testing.T) {
	a := SharedSettings{SessionGraceMS: 10, MaxRoomMembers: 20, MaxRoomIDBytes: 0, MaxRoomNameBytes: 5, MaxMetadataBytes: 9}
	b := SharedSettings{SessionGraceMS: 20, MaxRoomMembers: 10, MaxRoomIDBytes: 7, MaxRoomNameBytes: 0, MaxMetadataBytes: -1}
	want := SharedSettings{SessionGraceMS: 10, MaxRoomMembers: 10, MaxRoomIDBytes: 7, MaxRoomNameBytes: 5, MaxMetadataBytes: 9}
	for _, got := range []SharedSettings{a.Stricter(b), b.Stricter(a), want.Stricter(want)} {
		if got.MaxMetadataBytes != 9 || got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

// TestSharedSettings_Values_AreAllMembers: names and values stand for the same members, in
// the same order, and Stricter forgets none of them.
func TestSharedSettings_Values_AreAllMembers(t *testing.T) {
	values := goldenSettings.Values()
	if len(values) != len(SharedSettingNames) {
		t.Fatalf("got %d values, want one for each of %q", len(values), SharedSettingNames)
	}
	b, err := json.Marshal(goldenSettings)
	if err != nil {
		t.Fatal(err)
	}
	members := make(map[string]int64)
	if err := json.Unmarshal(b, &members); err != nil {
		t.Fatal(err)
	}
	if len(members) != len(values) {
		t.Errorf("got %d values, want one for each member of %s", len(values), b)
	}
	for i, name := range SharedSettingNames {
		member := strings.ReplaceAll(name, "-", "_")
		if i == 0 {
			member += "_ms"
		}
		if values[i] != members[member] {
			t.Errorf("%s: got %d, want %d, the value of %s", name, values[i], members[member], member)
		}
	}
	if got := (SharedSettings{}).Stricter(goldenSettings); got != goldenSettings {
		t.Errorf("got %+v, want %+v", got, goldenSettings)
	}
}

func TestValidInstance_LongOrForeign_IsRefused(t *testing.T) {
	for s, want := range map[string]bool{"k3jd9f2a": true, strings.Repeat("a", 32): true, strings.Repeat("a", 33): false, "": false, "A": false, "a b": false, "a\n": false, "é": false} {
		if got := ValidInstance(s); got != want {
			t.Errorf("%q: got %v, want %v", s, got, want)
		}
	}
}
