package ratelimit

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/clock"
)

// testAddr is the i-th of many addresses.
func testAddr(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}

func TestAddresses_OneTakesAllTheTime_GetsItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const perSecond, seconds = 10, 5
		a := NewAddresses(Limit{PerSecond: perSecond, Burst: 2 * perSecond})
		burst, got := 0, 0
		for a.Take(testAddr(1)) {
			burst++
		}
		if burst != 2*perSecond {
			t.Errorf("tokens at once: got %d, want %d", burst, 2*perSecond)
		}
		for range seconds * 1000 {
			time.Sleep(time.Millisecond)
			if a.Take(testAddr(1)) {
				got++
			}
		}
		if got != perSecond*seconds {
			t.Errorf("tokens in %d s: got %d, want %d", seconds, got, perSecond*seconds)
		}
		if !a.Take(testAddr(2)) {
			t.Error("another address: got refused, want a token")
		}
	})
}

// TestAddresses_MoreThanItsBound_StaysBoundedAndLimits: the table forgets quiet addresses,
// never grows beyond its bound, and limits a busy address however many others are busy.
func TestAddresses_MoreThanItsBound_StaysBoundedAndLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := NewAddresses(Limit{PerSecond: 1, Burst: 2})
		a.most = 100
		for i := range 10_000 {
			a.Take(testAddr(0)) // always busy, and so never the one to be forgotten
			if !a.Take(testAddr(i + 1)) {
				t.Fatalf("address %d: got refused, want its first token", i+1)
			}
			if n, _ := a.Counts(); n > a.most || n != len(a.entries) {
				t.Fatalf("after %d addresses: got %d entries, %d in order, want at most %d", i+2, len(a.entries), n, a.most)
			}
		}
		if a.Take(testAddr(0)) {
			t.Error("the address that is always busy: got a token, want refused")
		}
		if _, evicted := a.Counts(); evicted != 10_000+1-100 {
			t.Errorf("evicted: got %d, want %d", evicted, 10_000+1-100)
		}
		time.Sleep(3 * time.Second) // all buckets are full again
		for i := range 60 {
			a.Take(testAddr(20_000 + i))
		}
		if n, _ := a.Counts(); n > 60 {
			t.Errorf("entries after a pause and 60 addresses: got %d, want at most 60", n)
		}
		if _, evicted := a.Counts(); evicted != 10_000+1-100 {
			t.Errorf("evicted after a pause: got %d, want as many as before", evicted)
		}
	})
}

func TestAddresses_NoLimit_RefusesNothing(t *testing.T) {
	a := NewAddresses(Limit{})
	for range 1000 {
		if !a.Take(testAddr(1)) {
			t.Fatal("got refused, want a token")
		}
	}
	if n, evicted := a.Counts(); n != 0 || evicted != 0 {
		t.Errorf("got %d remembered, %d evicted; want 0, 0", n, evicted)
	}
}

// TestOwe_BucketOfTheUser_IsRememberedUntilFull, in a table with the same bound.
func TestOwe_BucketOfTheUser_IsRememberedUntilFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := NewAddresses(Limit{PerSecond: 1, Burst: 1})
		a.most = 100
		full := clock.Now().Add(time.Minute)
		a.Owe(testAddr(0), full)
		a.Owe(testAddr(0), full.Add(-time.Second))
		a.Owe(testAddr(1), clock.Now())
		if got := a.Owed(testAddr(0)); got != full {
			t.Errorf("owed: got %d, want %d, the latest", got, full)
		}
		if n, _ := a.Counts(); n != 1 || a.Owed(testAddr(1)) != 0 {
			t.Errorf("got %d addresses, want only the one that owes something", n)
		}
		for i := range 100 {
			a.Owe(testAddr(i+2), full)
		}
		if n, evicted := a.Counts(); n != 100 || evicted != 1 || a.Owed(testAddr(0)) != 0 {
			t.Errorf("after 100 others: got %d addresses, %d evicted, want 100, 1", n, evicted)
		}
	})
}
