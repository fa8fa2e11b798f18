package signing

import (
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv/kvtest"
)

var testTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// keyIDs requests the keys as a gateway does.
func keyIDs(t *testing.T, s *Keys) []string {
	t.Helper()
	reply, err := s.Get(t.Context(), new(bus.Request))
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]string, len(reply.Keys.Keys))
	for i, k := range reply.Keys.Keys {
		ids[i] = k.ID
		if len(k.Secret) != keyBytes {
			t.Errorf("key %d: got a secret of %d bytes, want %d", i, len(k.Secret), keyBytes)
		}
	}
	return ids
}

func TestSigningKeys_FirstKeyOld_SuccessorVerifiesTenMinutesBeforeItSigns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(kvtest.NewFake(), slog.New(slog.DiscardHandler))
		first := keyIDs(t, s)
		time.Sleep(keyAge - time.Second)
		if got := keyIDs(t, s); !slices.Equal(got, first) {
			t.Fatalf("before a day is over: got keys %v, want %v", got, first)
		}
		time.Sleep(time.Second)
		two := keyIDs(t, s)
		if len(two) != 2 || two[0] != first[0] {
			t.Fatalf("after a day: got keys %v, want %s to sign, and a successor", two, first[0])
		}
		time.Sleep(keyNotice - time.Second)
		if got := keyIDs(t, s); !slices.Equal(got, two) {
			t.Fatalf("1 s before the successor may sign: got keys %v, want %v", got, two)
		}
		time.Sleep(time.Second)
		if got, want := keyIDs(t, s), []string{two[1], two[0]}; !slices.Equal(got, want) {
			t.Fatalf("ten minutes later: got keys %v, want %v", got, want)
		}
		time.Sleep(time.Second)
		if got, want := keyIDs(t, s), []string{two[1], two[0]}; !slices.Equal(got, want) {
			t.Errorf("then: got keys %v, want %v", got, want)
		}
	})
}

// An instance that starts while there is a successor does not trust the time that
// another machine's clock has written. It waits for ten minutes by its own clock.
func TestSigningKeys_InstanceStartsLater_WaitsTenMinutesOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket := kvtest.NewFake()
		one, two := New(bucket, slog.New(slog.DiscardHandler)), New(bucket, slog.New(slog.DiscardHandler))
		keyIDs(t, one)
		time.Sleep(keyAge)
		before := keyIDs(t, one)
		time.Sleep(keyNotice)
		if got := keyIDs(t, two); !slices.Equal(got, before) {
			t.Errorf("from an instance that has just started: got keys %v, want %v", got, before)
		}
		if got := keyIDs(t, one); got[0] != before[1] {
			t.Errorf("from the instance that made the successor: got %s to sign, want %s", got[0], before[1])
		}
	})
}

// A key verifies for as long as the last token that it has signed is valid.
func TestSigningKeys_Rotated_KeepVerifyingForADay(t *testing.T) {
	const poll, tokenLife = 5 * time.Minute, 24 * time.Hour
	synctest.Test(t, func(t *testing.T) {
		s := New(kvtest.NewFake(), slog.New(slog.DiscardHandler))
		signed := make(map[string]time.Time) // when a key signed last
		for range 6 * int(keyAge/poll) {
			ids := keyIDs(t, s)
			if len(ids) > keyCount {
				t.Fatalf("got %d keys, want at most %d", len(ids), keyCount)
			}
			signed[ids[0]] = time.Now().Add(poll) // by a gateway that gets the keys at its next poll
			for id, last := range signed {
				if age := time.Since(last); age < tokenLife && !slices.Contains(ids, id) {
					t.Fatalf("key %s that signed %v ago: got it dropped, want it to verify for %v", id, age, tokenLife)
				}
			}
			time.Sleep(poll)
		}
		if len(signed) < 5 {
			t.Errorf("keys that have signed in six days: got %d, want at least 5", len(signed))
		}
	})
}

func TestRotate_ClockSetBack_ChangesNothing(t *testing.T) {
	set := new(bus.KeySet)
	if !rotate(set, testTime, 0) || rotate(set, testTime.Add(-time.Hour), time.Hour) || len(set.Keys) != 1 {
		t.Errorf("got keys %+v, want the first alone", set.Keys)
	}
}

// TestKeysRestore_WhatTokensInUseNeed_IsTaken checks that restore takes the
// keys that tokens in use need, and no others.
func TestKeysRestore_WhatTokensInUseNeed_IsTaken(t *testing.T) {
	key := func(id string, age time.Duration, bytes int) bus.Key {
		return bus.Key{ID: id, Secret: make([]byte, bytes), Made: testTime.Add(-age)}
	}
	good := key("AAAAAAAA", time.Hour, keyBytes)
	for name, tc := range map[string]struct {
		have, theirs []bus.Key
		want         string
	}{
		"nothing is left": {nil, []bus.Key{good}, "AAAAAAAA "},
		// The key that signs must stay first, because the other key's ten minutes are not over.
		"one waits to sign":   {nil, []bus.Key{key("AAAAAAAA", keyAge, keyBytes), key("CCCCCCCC", time.Minute, keyBytes)}, "AAAAAAAA CCCCCCCC "},
		"it is there":         {[]bus.Key{good}, []bus.Key{good}, ""},
		"a newer one is made": {[]bus.Key{key("BBBBBBBB", 0, keyBytes)}, []bus.Key{good}, "BBBBBBBB AAAAAAAA "},
		"too old":             {nil, []bus.Key{key("AAAAAAAA", usefulAge, keyBytes)}, ""},
		"of the future":       {nil, []bus.Key{key("AAAAAAAA", -2*time.Hour, keyBytes)}, ""},
		"short secret":        {nil, []bus.Key{key("AAAAAAAA", time.Hour, keyBytes-1)}, ""},
		"no id":               {nil, []bus.Key{key("", time.Hour, keyBytes)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			set := &bus.KeySet{Keys: tc.have}
			got := ""
			if restore(set, &bus.KeySet{Keys: tc.theirs}, testTime) {
				for _, k := range set.Keys {
					got += k.ID + " "
				}
			}
			if got != tc.want {
				t.Errorf("got %q restored, want %q", got, tc.want)
			}
		})
	}
}
