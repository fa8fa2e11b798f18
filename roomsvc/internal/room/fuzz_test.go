package room

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// script turns bytes into operations on one room by a handful of peers.
func script(data []byte) []*Operation {
	kinds := []bus.Operation{bus.OpCreate, bus.OpJoin, bus.OpJoin, bus.OpJoin, bus.OpLeave, bus.OpLeave, bus.OpEnd, bus.OpRemove, bus.OpUnban, bus.OpRole, bus.OpUpdate, bus.OpMember, bus.OpResume, bus.OpGet, OpSweep}
	gateways := []proto.GatewayID{gwA, gwB, "cccccccc"}
	var ops []*Operation
	for i := 0; i+3 < len(data); i += 4 {
		k, p, x, y := kinds[int(data[i])%len(kinds)], data[i+1], data[i+2], data[i+3]
		g := gateways[int(x)%3]
		r := &bus.Request{
			Op: bus.NewOpID(gwA, uint64(i)+1), Room: "r", Gateway: g,
			Peer: peer(gateways[int(p)%3], int(p)%6), Client: peer(gateways[int(y)%3], int(y)%6),
			Ban: x&4 != 0, User: []string{"", "u", "v"}[int(p)%3], Role: []proto.Role{proto.RoleCreator, proto.RoleModerator, proto.RoleMember}[int(x)%3],
			Create: x&8 != 0, Retry: x&16 != 0, Epoch: uint64(p >> 6),
		}
		if x&32 != 0 {
			r.Reason = proto.ReasonDisconnected
		}
		if x&64 != 0 {
			r.Capacity = ptr(int(y) % 5)
		}
		if x&128 != 0 {
			r.Locked = ptr(y&1 != 0)
		}
		if y&64 != 0 {
			r.Password = password([]string{"leaf", "stem"}[int(y)%2])
		} else if k == bus.OpUpdate && y&32 != 0 {
			r.Password = new(bus.Password)
		}
		if k == bus.OpMember {
			r.Metadata = json.RawMessage(strconv.Itoa(int(y)))
		}
		op := &Operation{Kind: k, Request: r}
		if k == OpSweep {
			op.Dead, op.Request = []proto.GatewayID{g}, &bus.Request{Room: "r"}
		} else if Check(k, r, testLimits) != nil {
			continue
		}
		ops = append(ops, op)
	}
	return ops
}

// checkInvariants checks the room after a step. epochs has the latest epoch of
// each peer in the steps before.
func checkInvariants(t *testing.T, m *model, epochs map[proto.PeerID]uint64) {
	t.Helper()
	r := m.state.Room
	if r == nil {
		return
	}
	for _, p := range r.Members {
		if p.Epoch < epochs[p.ID] {
			t.Fatalf("epoch of %s: got %[3]d after %[2]d, want no lower one", p.ID, epochs[p.ID], p.Epoch)
		}
		epochs[p.ID] = p.Epoch
	}
	if len(r.Banned) > proto.MaxBans {
		t.Fatalf("bans: got %d, want at most %d", len(r.Banned), proto.MaxBans)
	}
	for _, p := range r.Members {
		if slices.ContainsFunc(r.Banned, func(b proto.Ban) bool { return b.Client == p.ID || b.User != "" && b.User == p.User }) {
			t.Fatalf("member: got %+v, want none that is banned", p)
		}
	}
	seen := make(map[proto.PeerID]bool)
	for _, p := range r.Members {
		if seen[p.ID] || !p.ID.Valid() || !p.Owner().Valid() {
			t.Fatalf("member: got %+v, want a valid one that is there once", p)
		}
		seen[p.ID] = true
	}
	if len(r.Members) == 0 || !seen[r.Creator] {
		t.Fatalf("creator: got %s of %d members, want one of the members", r.Creator, len(r.Members))
	}
	if most := m.lim.Members; len(r.Members) > most || r.Capacity > 0 && len(r.Members) > r.Capacity {
		t.Fatalf("members: got %d, want at most the capacity %d and the limit", len(r.Members), r.Capacity)
	}
}

// follow applies a change the way a gateway does, and compares the result with
// the state.
func follow(t *testing.T, replica *[]bus.Member, m *model) {
	t.Helper()
	c := m.last.change
	if m.last.before.Room == nil {
		*replica = nil
	}
	for _, out := range c.Removed {
		i := slices.IndexFunc(*replica, func(p bus.Member) bool { return p.ID == out.ID })
		if i < 0 {
			t.Fatalf("removed: got %s, want only members", out.ID)
		}
		*replica = slices.Delete(*replica, i, i+1)
	}
	for _, x := range c.Updated {
		i := slices.IndexFunc(*replica, func(p bus.Member) bool { return p.ID == x.ID })
		(*replica)[i].Metadata, (*replica)[i].Moderator = x.Metadata, x.Moderator
	}
	for _, moved := range c.Moved {
		i := slices.IndexFunc(*replica, func(p bus.Member) bool { return p.ID == moved.ID })
		(*replica)[i] = moved
	}
	*replica = append(*replica, c.Added...)
	if c.Ended {
		*replica = nil
	}
	var want []bus.Member
	if m.state.Room != nil {
		want = m.state.Room.Members
		if c.Creator != m.state.Room.Creator {
			t.Fatalf("announced creator: got %[2]s, want %[1]s", m.state.Room.Creator, c.Creator)
		}
	}
	if !slices.EqualFunc(*replica, want, func(a, b bus.Member) bool { return reflect.DeepEqual(a, b) }) {
		t.Fatalf("replica: got %+v, want %+v", *replica, want)
	}
}

// FuzzRoom does the operations one by one, each of them twice, and then all again
// in batches. It checks that invariants hold, that no operation takes effect
// twice, that a gateway that follows the changes has the room, and that batches
// have the same result.
func FuzzRoom(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		data := make([]byte, 4*(1+r.IntN(40)))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ops := script(data)
		if len(ops) == 0 || len(ops) > 200 {
			return
		}
		single, batched := newModel(t), newModel(t)
		var replica []bus.Member
		var want []Outcome
		epochs := make(map[proto.PeerID]uint64)
		for _, op := range ops {
			o := single.apply(op)[0]
			want = append(want, o)
			checkInvariants(t, single, epochs)
			follow(t, &replica, single)
			doTwice(t, single, op, o)
		}
		got, left := make(map[bus.OpID]Outcome), ops
		replica = nil
		for len(left) > 0 {
			var rest []*Operation
			for i, o := range batched.apply(left...) {
				if !o.Done {
					rest = append(rest, left[i])
				} else if left[i].Kind != OpSweep {
					got[left[i].Request.Op] = o
				}
			}
			if len(rest) == len(left) {
				t.Fatal("batch: got no operation done, want progress")
			}
			follow(t, &replica, batched)
			left = rest
		}
		for i, op := range ops {
			if op.Kind != OpSweep && op.Kind != bus.OpGet && !reflect.DeepEqual(got[op.Request.Op], want[i]) {
				t.Fatalf("%s %s in a batch: got %+v, want %+v as alone", op.Kind, op.Request.Op, got[op.Request.Op], want[i])
			}
		}
		if !reflect.DeepEqual(batched.state.Room, single.state.Room) {
			t.Fatalf("room in batches: got %+v, want %+v as alone", batched.state.Room, single.state.Room)
		}
	})
}

// doTwice does op again and fails unless the outcome is the same and nothing
// changes.
func doTwice(t *testing.T, m *model, op *Operation, first Outcome) {
	t.Helper()
	if op.Kind == OpSweep || first.Err != nil && !op.Request.Retry {
		return // only refused retries are recorded
	}
	before := m.state
	again := m.apply(op)[0]
	if m.last.Dirty || m.state != before {
		t.Fatalf("%s done twice: got a change, want none", op.Kind)
	}
	if (again.Err == nil) != (first.Err == nil) || again.Err != nil && *again.Err != *first.Err {
		t.Fatalf("%s done twice: got %[3]v, want %[2]v as before", op.Kind, first.Err, again.Err)
	}
}
