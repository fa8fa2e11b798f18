package directory

import (
	"math/rand/v2"
	"testing"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
)

func owned(g proto.GatewayID, epoch, revision uint64) sessionEntry {
	return sessionEntry{value: bus.SessionEntry{Owner: g, Epoch: epoch}, revision: revision}
}

func endedAt(epoch, revision uint64) sessionEntry {
	return sessionEntry{value: bus.SessionEntry{Epoch: epoch, Ended: true}, revision: revision}
}

func TestDecide_EveryEntryAndRequest_DecidesAsDocumented(t *testing.T) {
	take := func(g proto.GatewayID, epoch, revision uint64) bus.SessionRequest {
		return bus.SessionRequest{Peer: ann, Owner: g, Epoch: epoch, Revision: revision}
	}
	again := take(gwB, 1, 0)
	again.Attempt = 2
	const (
		done  = ""
		moved = bus.RefusedMoved
		over  = bus.RefusedEnded
		write = "write"
	)
	for name, c := range map[string]struct {
		kind bus.SessionOperation
		e    sessionEntry
		r    bus.SessionRequest
		want bus.SessionRefusal // or write
	}{
		"take, first move":                     {bus.SessionTake, sessionEntry{}, take(gwB, 1, 0), write},
		"take, no entry though one was known":  {bus.SessionTake, sessionEntry{}, take(gwB, 3, 7), over},
		"take, epoch known and no entry seen":  {bus.SessionTake, sessionEntry{}, take(gwB, 2, 0), over},
		"take, next epoch":                     {bus.SessionTake, owned(gwB, 2, 7), take(gwC, 3, 7), write},
		"take, back by the owner":              {bus.SessionTake, owned(gwB, 2, 7), take(gwB, 3, 7), write},
		"take, repeated":                       {bus.SessionTake, owned(gwB, 1, 7), take(gwB, 1, 0), done},
		"take, repeated later":                 {bus.SessionTake, owned(gwC, 3, 9), take(gwC, 3, 7), done},
		"take, by a later attempt":             {bus.SessionTake, owned(gwB, 1, 7), again, moved},
		"take, first of that attempt":          {bus.SessionTake, sessionEntry{}, again, write},
		"take, another was first":              {bus.SessionTake, owned(gwC, 1, 7), take(gwB, 1, 0), moved},
		"take, another was first later":        {bus.SessionTake, owned(gwC, 3, 9), take(gwB, 3, 7), moved},
		"take, long outdated":                  {bus.SessionTake, owned(gwC, 9, 90), take(gwB, 3, 7), moved},
		"take, epoch of another revision":      {bus.SessionTake, owned(gwC, 3, 7), take(gwB, 3, 7), moved},
		"take, an epoch too far":               {bus.SessionTake, owned(gwC, 3, 7), take(gwB, 5, 7), moved},
		"take, right epoch and wrong revision": {bus.SessionTake, owned(gwC, 3, 7), take(gwB, 4, 6), moved},
		"take, ended":                          {bus.SessionTake, endedAt(2, 8), take(gwB, 3, 7), over},
		"take, ended and its revision known":   {bus.SessionTake, endedAt(2, 8), take(gwB, 3, 8), over},
		"take, ended in what it wants":         {bus.SessionTake, endedAt(3, 8), take(gwB, 3, 7), over},
		"end, never moved":                     {bus.SessionEnd, sessionEntry{}, take(gwA, 0, 0), done},
		"end, tombstone gone":                  {bus.SessionEnd, sessionEntry{}, take(gwB, 3, 7), done},
		"end, by the owner":                    {bus.SessionEnd, owned(gwB, 2, 7), take(gwB, 2, 0), write},
		"end, by the owner, outdated revision": {bus.SessionEnd, owned(gwB, 2, 7), take(gwB, 2, 6), write},
		"end, repeated":                        {bus.SessionEnd, endedAt(2, 8), take(gwB, 2, 7), done},
		"end, by the home that was left":       {bus.SessionEnd, owned(gwB, 1, 7), take(gwA, 0, 0), moved},
		"end, by a former owner":               {bus.SessionEnd, owned(gwC, 3, 9), take(gwB, 2, 7), moved},
		"end, the owner's earlier epoch":       {bus.SessionEnd, owned(gwB, 3, 9), take(gwB, 2, 7), moved},
	} {
		t.Run(name, func(t *testing.T) {
			d := decideSession(c.kind, &c.e, &c.r)
			got := bus.SessionRefusal(d.refused)
			if d.write {
				got = write
			}
			if got != c.want {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			next := bus.SessionEntry{Owner: c.r.Owner, Epoch: c.r.Epoch, Attempt: c.r.Attempt}
			if c.kind == bus.SessionEnd {
				next = bus.SessionEntry{Epoch: c.r.Epoch, Ended: true}
			}
			if d.write && d.next != next {
				t.Errorf("writes: got %+v, want %+v", d.next, next)
			}
		})
	}
}

// An assumed entry may only lead to a write, which the bucket decides on. An
// answer from an assumed entry would be a guess.
func TestAssumed_EveryRequest_LeadsToAWriteOrARead(t *testing.T) {
	for _, c := range []struct {
		kind bus.SessionOperation
		r    bus.SessionRequest
		want bool
	}{
		{bus.SessionTake, bus.SessionRequest{Epoch: 1}, true},
		{bus.SessionTake, bus.SessionRequest{Epoch: 4, Revision: 9}, true},
		{bus.SessionTake, bus.SessionRequest{Epoch: 4}, false},
		{bus.SessionEnd, bus.SessionRequest{Epoch: 4, Revision: 9}, true},
		{bus.SessionEnd, bus.SessionRequest{Epoch: 4}, false},
		{bus.SessionEnd, bus.SessionRequest{}, false},
	} {
		c.r.Peer, c.r.Owner = ann, gwB
		e, got := assumeSession(c.kind, &c.r)
		if got != c.want {
			t.Errorf("%s of %+v: assumed %v, want %v", c.kind, c.r, got, c.want)
		}
		if d := decideSession(c.kind, &e, &c.r); got && (!d.write || e.revision != c.r.Revision) {
			t.Errorf("%s of %+v: got %+v from an assumed entry, want a write at revision %d", c.kind, c.r, d, c.r.Revision)
		}
	}
}

func TestOwns_EntryAndNone_AnswersForTheEpoch(t *testing.T) {
	none, moved, over := sessionEntry{}, owned(gwB, 2, 7), endedAt(2, 8)
	for _, c := range []struct {
		name  string
		e     sessionEntry
		g     proto.GatewayID
		epoch uint64
		want  bool
	}{
		{"home, never moved", none, gwA, 0, true},
		{"home in a later epoch, no entry", none, gwA, 2, false},
		{"another, no entry", none, gwB, 0, false},
		{"owner", moved, gwB, 2, true},
		{"owner in an earlier epoch", moved, gwB, 1, false},
		{"home after the move", moved, gwA, 0, false},
		{"ended", over, gwB, 2, false},
	} {
		if got := owns(&c.e, ann, c.g, c.epoch); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestDecodeSession_ForeignRecords_AreEndedOrDamaged(t *testing.T) {
	for name, c := range map[string]struct {
		rec   kv.Record
		ended bool
		bad   bool
	}{
		"none":                     {kv.Record{}, false, false},
		"entry":                    {kv.Record{Revision: 1, Value: []byte(`{"owner":"bbbbbbbb","epoch":2}`)}, false, false},
		"tombstone":                {kv.Record{Revision: 1, Deleted: true, Value: []byte(`{"epoch":2,"ended":true}`)}, true, false},
		"deleted by another tool":  {kv.Record{Revision: 1, Deleted: true}, true, false},
		"not JSON":                 {kv.Record{Revision: 1, Value: []byte(`?`)}, false, true},
		"no owner":                 {kv.Record{Revision: 1, Value: []byte(`{"epoch":2}`)}, false, true},
		"no epoch":                 {kv.Record{Revision: 1, Value: []byte(`{"owner":"bbbbbbbb"}`)}, false, true},
		"a tombstone not deleted":  {kv.Record{Revision: 1, Value: []byte(`{"owner":"bbbbbbbb","epoch":2,"ended":true}`)}, false, true},
		"an epoch without numbers": {kv.Record{Revision: 1, Value: []byte(`{"owner":"bbbbbbbb","epoch":9007199254740992}`)}, false, true},
	} {
		var e sessionEntry
		err := decodeSession(&e, c.rec)
		if (err != nil) != c.bad || e.value.Ended != c.ended && err == nil {
			t.Errorf("%s: got %+v, %v; want ended %v, damaged %v", name, e, err, c.ended, c.bad)
		}
	}
}

func TestCheckSession_MalformedRequests_NameTheirField(t *testing.T) {
	full := make([]bus.Owned, 512)
	for i := range full {
		full[i].Peer = peer(gwA, i)
	}
	for name, c := range map[string]struct {
		kind  bus.SessionOperation
		r     bus.SessionRequest
		field string // "" is no error
	}{
		"take":                       {bus.SessionTake, bus.SessionRequest{Peer: ann, Owner: gwB, Epoch: 1}, ""},
		"take without peer":          {bus.SessionTake, bus.SessionRequest{Owner: gwB, Epoch: 1}, "peer"},
		"take of a wildcard":         {bus.SessionTake, bus.SessionRequest{Peer: ">", Owner: gwB, Epoch: 1}, "peer"},
		"take without owner":         {bus.SessionTake, bus.SessionRequest{Peer: ann, Epoch: 1}, "owner"},
		"take by a wildcard":         {bus.SessionTake, bus.SessionRequest{Peer: ann, Owner: "*", Epoch: 1}, "owner"},
		"take of epoch 0":            {bus.SessionTake, bus.SessionRequest{Peer: ann, Owner: gwB}, "epoch"},
		"take of epoch 1 over entry": {bus.SessionTake, bus.SessionRequest{Peer: ann, Owner: gwB, Epoch: 1, Revision: 5}, "epoch"},
		"take of the last epoch":     {bus.SessionTake, bus.SessionRequest{Peer: ann, Owner: gwB, Epoch: bus.MaxEpoch, Revision: 5}, ""},
		"take beyond it":             {bus.SessionTake, bus.SessionRequest{Peer: ann, Owner: gwB, Epoch: bus.MaxEpoch + 1, Revision: 5}, "epoch"},
		"get":                        {bus.SessionGet, bus.SessionRequest{Peer: ann}, ""},
		"get nobody":                 {bus.SessionGet, bus.SessionRequest{}, "peer"},
		"end":                        {bus.SessionEnd, bus.SessionRequest{Peer: ann, Owner: gwA}, ""},
		"end without owner":          {bus.SessionEnd, bus.SessionRequest{Peer: ann}, "owner"},
		"sync":                       {bus.SessionSync, bus.SessionRequest{Owner: gwA, Sessions: full}, ""},
		"sync of none":               {bus.SessionSync, bus.SessionRequest{Owner: gwA}, ""},
		"sync of too many":           {bus.SessionSync, bus.SessionRequest{Owner: gwA, Sessions: append(full[:len(full):len(full)], bus.Owned{Peer: ann})}, "sessions"},
		"sync of a wildcard":         {bus.SessionSync, bus.SessionRequest{Owner: gwA, Sessions: []bus.Owned{{Peer: "*"}}}, "sessions"},
		"sync by nobody":             {bus.SessionSync, bus.SessionRequest{Sessions: full}, "owner"},
	} {
		err := checkSession(c.kind, &c.r)
		got := ""
		if err != nil {
			got = err.Field
		}
		if got != c.field || (err != nil) != (c.field != "") {
			t.Errorf("%s: got field %q, %v; want %q", name, got, err, c.field)
		}
	}
}

// FuzzDecide applies requests of takers and owners, whatever they know, to one
// entry. It checks that the epoch never falls, that each epoch has one owner, and
// that no late copy of a refused request can be written.
func FuzzDecide(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		data := make([]byte, 4*(1+r.IntN(40)))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		f.Add(data)
	}
	gateways := []proto.GatewayID{gwA, gwB, gwC}
	f.Fuzz(func(t *testing.T, data []byte) {
		var (
			now      sessionEntry
			revision uint64
			highest  uint64
			owners   = make(map[uint64]proto.GatewayID)
			refused  []bus.SessionRequest
		)
		write := func(e bus.SessionEntry, copyOf string) {
			if e.Epoch < highest {
				t.Fatalf("%s: got epoch %[3]d after %[2]d, want no lower one", copyOf, highest, e.Epoch)
			}
			if g, ok := owners[e.Epoch]; ok && !e.Ended && g != e.Owner {
				t.Fatalf("%s: owners of epoch %d: got %s and %s, want one", copyOf, e.Epoch, g, e.Owner)
			}
			if !e.Ended {
				owners[e.Epoch] = e.Owner
			}
			revision++
			highest, now = max(highest, e.Epoch), sessionEntry{value: e, revision: revision}
		}
		for i := 0; i+3 < len(data); i += 4 {
			req := bus.SessionRequest{Peer: ann, Owner: gateways[int(data[i])%3], Epoch: uint64(data[i+1] % 8), Revision: uint64(data[i+2]) % (revision + 1)} // of what was there
			kind := bus.SessionTake
			if data[i+3]%4 == 0 {
				kind = bus.SessionEnd
			} else if data[i+3]%4 > 1 { // a requester that knows the entry
				req.Epoch, req.Revision = now.value.Epoch+1, now.revision
			}
			if checkSession(kind, &req) != nil {
				continue
			}
			if e, ok := assumeSession(kind, &req); ok && e.revision == now.revision {
				// The write without a read, as the bucket would accept it: what a
				// taker knows of a revision is true, and no taker knows a tombstone's.
				if now.value.Ended || e.value.Epoch != now.value.Epoch || kind == bus.SessionEnd && e.value.Owner != now.value.Owner {
					continue
				}
				write(decideSession(kind, &e, &req).next, "assumed")
				continue
			}
			d := decideSession(kind, &now, &req)
			if d.write {
				write(d.next, "read")
			} else if d.refused != "" && kind == bus.SessionTake {
				refused = append(refused, req)
			}
			for _, old := range refused {
				if d := decideSession(bus.SessionTake, &now, &old); d.write {
					t.Fatalf("copy of %+v, which was refused: got it written later over %+v, want it refused", old, now)
				}
			}
		}
	})
}
