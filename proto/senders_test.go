package proto

import (
	"encoding/json"
	"testing"
)

func TestSenders_EachValue_RoundTrips(t *testing.T) {
	for _, want := range []Senders{AcceptAnyone, AcceptRooms, AcceptNobody} {
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got := AcceptNobody - want
		if err := json.Unmarshal(b, &got); err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", b, got, err, want)
		}
	}
}

func TestSenders_UnknownValue_IsRefused(t *testing.T) {
	for _, text := range []string{"", "Rooms", "room", "everybody", "rooms "} {
		got := AcceptRooms
		if err := got.UnmarshalText([]byte(text)); err == nil || got != AcceptRooms {
			t.Errorf("%q: got %v, %v, want an error and no change", text, got, err)
		}
	}
	if b, err := Senders(3).MarshalText(); err == nil || Senders(3).Valid() {
		t.Errorf("a value beyond the last: got %q, want an error", b)
	}
}
