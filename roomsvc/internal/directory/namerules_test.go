package directory

import (
	"testing"

	"p2pconnector/proto/bus"
)

// named returns an entry of a name.
func named(r *bus.NameRequest, revision uint64) nameEntry {
	return nameEntry{value: bus.NameEntry{Peer: r.Peer, Owner: r.Owner, Secret: r.Secret}, revision: revision}
}

func TestDecideName_EveryEntryAndRequest_DecidesAsDocumented(t *testing.T) {
	const (
		done    = ""
		taken   = bus.RefusedTaken
		changed = bus.RefusedChanged
		write   = "write"
	)
	claim := func(secret string, revision uint64, force bool) bus.NameRequest {
		return bus.NameRequest{Namespace: "n", Name: "a", Peer: ann, Owner: gwA, Secret: secret, Revision: revision, Force: force}
	}
	bens := named(&bus.NameRequest{Peer: ben, Owner: gwB, Secret: "s"}, 7)
	anns := named(&bus.NameRequest{Peer: ann, Owner: gwA, Secret: "s"}, 7)
	free := nameEntry{value: bus.NameEntry{Free: true}, revision: 7}
	for name, c := range map[string]struct {
		kind bus.NameOperation
		e    nameEntry
		r    bus.NameRequest
		want bus.NameRefusal // or write
	}{
		"claim, no entry":                           {bus.NameClaim, nameEntry{}, claim("s", 0, false), write},
		"claim, no entry though one was seen":       {bus.NameClaim, nameEntry{}, claim("s", 7, false), changed},
		"claim, free":                               {bus.NameClaim, free, claim("s", 7, false), write},
		"claim, free, late copy of an earlier one":  {bus.NameClaim, free, claim("s", 0, false), changed},
		"claim, repeated":                           {bus.NameClaim, anns, claim("s", 0, false), done},
		"claim, same secret":                        {bus.NameClaim, bens, claim("s", 7, false), write},
		"claim, same secret, not seen":              {bus.NameClaim, bens, claim("s", 0, false), changed},
		"claim, same secret, outdated":              {bus.NameClaim, bens, claim("s", 6, false), changed},
		"claim, another secret":                     {bus.NameClaim, bens, claim("x", 7, false), taken},
		"claim, another secret, not seen":           {bus.NameClaim, bens, claim("x", 0, false), taken},
		"claim, another secret, its peer is gone":   {bus.NameClaim, bens, claim("x", 7, true), write},
		"claim, another secret, an earlier is gone": {bus.NameClaim, bens, claim("x", 6, true), taken},
		"release":             {bus.NameRelease, anns, bus.NameRequest{Peer: ann}, write},
		"release, repeated":   {bus.NameRelease, free, bus.NameRequest{Peer: ann}, done},
		"release, no entry":   {bus.NameRelease, nameEntry{}, bus.NameRequest{Peer: ann}, done},
		"release, taken over": {bus.NameRelease, bens, bus.NameRequest{Peer: ann}, changed},
	} {
		d := decideName(c.kind, &c.e, &c.r)
		got := bus.NameRefusal(d.refused)
		if d.write {
			got = write
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
		next := bus.NameEntry{Peer: c.r.Peer, Owner: c.r.Owner, Secret: c.r.Secret}
		if c.kind == bus.NameRelease {
			next = bus.NameEntry{Free: true}
		}
		if d.write && d.next != next {
			t.Errorf("%s: got %+v written, want %+v", name, d.next, next)
		}
	}
}

// A claim of every secret, revision and force, on every entry, writes only over the entry
// that it has seen, and over another's only with its secret or the proof that it is gone.
func TestDecideName_EveryClaim_TakesOnlyWhatItMay(t *testing.T) {
	var entries []nameEntry
	for _, e := range []bus.NameEntry{{Free: true}, {Peer: ann, Secret: "s"}, {Peer: ben, Secret: "s"}, {Peer: ben, Secret: "x"}} {
		entries = append(entries, nameEntry{value: e, revision: 1}, nameEntry{value: e, revision: 2})
	}
	for _, e := range append(entries, nameEntry{}) {
		for revision := range uint64(3) {
			for _, force := range []bool{false, true} {
				r := bus.NameRequest{Peer: ann, Owner: gwA, Secret: "s", Revision: revision, Force: force}
				d := decideName(bus.NameClaim, &e, &r)
				seen, others := e.revision == revision, !free(&e) && e.value.Peer != ann
				may := seen && (free(&e) || others && (e.value.Secret == "s" || force))
				if d.write != may {
					t.Errorf("%+v on %+v: got write %v, want %v", r, e, d.write, may)
				}
				if own := !free(&e) && e.value.Peer == ann; own != (!d.write && d.refused == "") {
					t.Errorf("%+v on %+v: got %+v, want success without a write only for its own name", r, e, d)
				}
			}
		}
	}
}
