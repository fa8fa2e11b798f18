package quota

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

var (
	here  = netip.MustParseAddr("203.0.113.7")
	there = netip.MustParseAddr("2001:db8:1:2::")
)

// begin takes a place for a request and fails unless want is met.
func begin(t *testing.T, h *Holding, want Limit) (done func()) {
	t.Helper()
	done, met := h.Begin()
	if met != want {
		t.Fatalf("place for a request: got limit %q, want %q", met, want)
	}
	return done
}

// join takes a place for a request, which succeeds.
func join(t *testing.T, h *Holding) {
	t.Helper()
	done := begin(t, h, None)
	h.SetRooms(h.rooms + 1)
	done()
}

func TestBegin_AtEachLimit_RefusesOneMore(t *testing.T) {
	for _, x := range []struct {
		cfg        Config
		mine       int   // places that the client can get
		otherLimit Limit // what a client of another address and user meets then
	}{
		{Config{Memberships: 3}, 3, Memberships},
		{Config{MembershipsPerAddress: 3}, 3, None},
		{Config{MembershipsPerUser: 3}, 3, None},
		{Config{Memberships: 4, MembershipsPerAddress: 4, MembershipsPerUser: 4}, 4, Memberships},
		{Config{Memberships: -1, MembershipsPerAddress: 0, MembershipsPerUser: -1}, 1000, None},
	} {
		tab := New(x.cfg)
		one, two, other := tab.Open(here, "ann"), tab.Open(here, "ann"), tab.Open(there, "ben")
		for i := range x.mine {
			join(t, []*Holding{&one, &two}[i%2])
		}
		if x.mine < 1000 {
			if _, met := one.Begin(); met == None {
				t.Errorf("%+v: place %d: got one, want a limit", x.cfg, x.mine+1)
			}
		}
		if _, met := other.Begin(); met != x.otherLimit {
			t.Errorf("%+v: another client: got limit %q, want %q", x.cfg, met, x.otherLimit)
		}
	}
}

// TestSetRooms_RoomOfARequest_TakesItsPlace: the client may know of the room before the
// request has ended.
func TestSetRooms_RoomOfARequest_TakesItsPlace(t *testing.T) {
	tab := New(Config{MembershipsPerAddress: 2})
	one, two := tab.Open(here, ""), tab.Open(here, "")
	done := begin(t, &one, None)
	one.SetRooms(1)
	join(t, &two)
	begin(t, &two, MembershipsPerAddress)
	done()
	begin(t, &two, MembershipsPerAddress)
	one.SetRooms(0)
	begin(t, &two, None)
}

func TestBegin_RefusedRequest_GivesItsPlaceBackOnce(t *testing.T) {
	tab := New(Config{MembershipsPerAddress: 2})
	h := tab.Open(here, "")
	join(t, &h)
	done := begin(t, &h, None)
	begin(t, &h, MembershipsPerAddress)
	done()
	done()
	begin(t, &h, None)
	begin(t, &h, MembershipsPerAddress)
}

func TestAway_AsManyAsMayBe_TheNextMustEnd(t *testing.T) {
	tab := New(Config{AwayPerAddress: 2, AwayPerUser: 1})
	ann, again, ben, anonymous := tab.Open(here, "ann"), tab.Open(there, "ann"), tab.Open(here, "ben"), tab.Open(here, "")
	for _, x := range []struct {
		what string
		h    *Holding
		want Limit
	}{
		{"first", &ann, None},
		{"the same again", &ann, None},
		{"another session of the user", &again, AwayPerUser},
		{"another user of the address", &ben, None},
		{"a third of the address", &anonymous, AwayPerAddress},
	} {
		if met := x.h.Away(); met != x.want {
			t.Errorf("%s: got limit %q, want %q", x.what, met, x.want)
		}
	}
	ann.Back()
	ann.Back()
	if met := anonymous.Away(); met != None {
		t.Errorf("after one is back: got limit %q, want none", met)
	}
}

func TestMove_OtherAddress_TakesEverythingAlong(t *testing.T) {
	tab := New(Config{MembershipsPerAddress: 2, AwayPerAddress: 1})
	h, old, next := tab.Open(here, ""), tab.Open(here, ""), tab.Open(there, "")
	join(t, &h)
	done := begin(t, &h, None)
	h.Away()
	h.Move(there)
	begin(t, &next, MembershipsPerAddress)
	begin(t, &old, None)
	if met := next.Away(); met != AwayPerAddress {
		t.Errorf("away at the new address: got limit %q, want %q", met, AwayPerAddress)
	}
	if met := old.Away(); met != None {
		t.Errorf("away at the old address: got limit %q, want none", met)
	}
	done()
	begin(t, &next, None)
}

// TestTable_RandomSequences_EndAtZero: whatever sessions do, and in whatever order, the
// counts are those of the sessions, and nothing is left when all have ended.
func TestTable_RandomSequences_EndAtZero(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 17))
		tab := New(Config{Memberships: 40, MembershipsPerAddress: 15, MembershipsPerUser: 10, AwayPerAddress: 3, AwayPerUser: 2})
		addrs, users := []netip.Addr{here, there, {}}, []string{"", "ann", "ben"}
		all := make([]Holding, 12)
		for i := range all {
			all[i] = tab.Open(addrs[rnd.IntN(3)], users[rnd.IntN(3)])
		}
		var pending []func()
		for range 400 {
			h := &all[rnd.IntN(len(all))]
			switch rnd.IntN(9) {
			case 0, 1, 2: // a join begins
				if done, met := h.Begin(); met == None {
					pending = append(pending, done)
				}
			case 3: // it is answered, or refused, or answered twice
				if len(pending) > 0 {
					pending[rnd.IntN(len(pending))]()
				}
			case 4, 5: // joined, left, or the room has ended, with or without a request
				h.SetRooms(max(h.rooms+rnd.IntN(3)-1, 0))
			case 6:
				h.Move(addrs[rnd.IntN(3)])
			case 7:
				if rnd.IntN(2) == 0 {
					h.Away()
				} else {
					h.Back()
				}
			case 8:
				if rnd.IntN(4) == 0 {
					h.End()
				}
			}
			var want held
			for i := range all {
				want.rooms += all[i].rooms + all[i].pending
				if all[i].away {
					want.away++
				}
			}
			if rooms, away := tab.Counts(); rooms != want.rooms || away != want.away {
				t.Fatalf("seed %d: got %d memberships and %d away, want %d and %d", seed, rooms, away, want.rooms, want.away)
			}
		}
		for i := range all {
			all[i].End()
		}
		for _, done := range pending {
			done()
		}
		if tab.all != (held{}) || len(tab.addrs) != 0 || len(tab.users) != 0 {
			t.Fatalf("seed %d: left behind: got %+v, %v, %v; want nothing", seed, tab.all, tab.addrs, tab.users)
		}
	}
}
