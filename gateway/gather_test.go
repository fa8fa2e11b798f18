package gateway

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"p2pconnector/proto"
)

// roomWith is a replica of a room with members of another gateway.
func roomWith(t *testing.T, members ...proto.PeerID) *replica {
	t.Helper()
	r := newReplica(testGateway(t, Config{}), "tea", proto.RoomID("tea").Token())
	r.rev = 9
	r.room = &proto.Room{ID: "tea", Name: "Tea", Creator: members[0]}
	for _, id := range members {
		r.room.Members = append(r.room.Members, proto.Member{ID: id, User: "user of " + string(id[:4])})
	}
	r.index = make(map[proto.PeerID]*proto.Member)
	for i := range r.room.Members {
		r.index[r.room.Members[i].ID] = &r.room.Members[i]
	}
	return r
}

// told is what an update says.
type told struct {
	Event string         `json:"event"`
	ID    int            `json:"id"`
	Data  proto.RoomData `json:"data"`
}

// TestUpdates: what was gathered becomes one frame about members and one about
// settings, each with what its receiver has not seen, and the id in the last.
func TestUpdates(t *testing.T) {
	peers := make([]proto.PeerID, 6)
	name := strings.NewReplacer()
	var pairs []string
	for i := range peers {
		peers[i] = proto.NewPeerID("aaaaaaaa")
	}
	slices.Sort(peers) // so that maps are printed in their order
	for i := range peers {
		pairs = append(pairs, string(peers[i]), fmt.Sprintf("p%d", i))
	}
	name = strings.NewReplacer(pairs...)
	r := roomWith(t, peers[0], peers[1], peers[2])
	in := func(rev uint64, i int) gathered { return gathered{id: peers[i], rev: rev} }
	out := func(rev uint64, i int, why proto.Reason) gathered { return gathered{peers[i], why, rev} }
	for what, c := range map[string]struct {
		gt   gather
		seen uint64
		want string
	}{
		"nothing":              {gather{}, 0, ""},
		"one joined":           {gather{added: []gathered{in(5, 1)}}, 4, "Client_Added(7) client p1 added [p1]"},
		"two joined":           {gather{added: []gathered{in(5, 1), in(6, 2)}}, 4, "Client_Added(7) client p1 added [p1 p2]"},
		"one of them is known": {gather{added: []gathered{in(5, 1), in(6, 2)}}, 5, "Client_Added(7) client p2 added [p2]"},
		"all are known":        {gather{added: []gathered{in(5, 1), in(6, 2)}}, 6, ""},
		"one left":             {gather{removed: []gathered{out(5, 3, "left")}}, 4, "Client_Removed(7) client p3 removed [p3] reason left"},
		"two left alike":       {gather{removed: []gathered{out(5, 3, "left"), out(6, 4, "left")}}, 4, "Client_Removed(7) client p3 removed [p3 p4] reason left"},
		"two left differently": {gather{removed: []gathered{out(5, 3, "left"), out(6, 4, "removed")}}, 4,
			"Client_Removed(7) client p3 removed [p3 p4] reason left reasons map[p3:left p4:removed]"},
		"both ways": {gather{added: []gathered{in(5, 1)}, removed: []gathered{out(6, 3, "left")}}, 4,
			"Client_Added(7) client p1 added [p1] removed [p3] reasons map[p3:left]"},
		"settings":                {gather{set: 5, setBy: peers[0]}, 4, "Room_Updated(7) client p0"},
		"settings of an operator": {gather{set: 5}, 4, "Room_Updated(7)"},
		"settings that are known": {gather{set: 5, setBy: peers[0]}, 5, ""},
		"members and settings": {gather{added: []gathered{in(5, 1)}, set: 6, setBy: peers[0]}, 4,
			"Client_Added(0) client p1 added [p1]; Room_Updated(7) client p0"},
	} {
		t.Run(what, func(t *testing.T) {
			var got []string
			for _, b := range r.updatesLocked(&c.gt, c.seen, false, []byte("7")) {
				var f told
				if err := json.Unmarshal(b, &f); err != nil {
					t.Fatal(err)
				}
				if len(f.Data.Clients) != 3 || f.Data.Revision != 9 || f.Data.Creator != peers[0] || f.Data.Name != "Tea" {
					t.Errorf("%s", b)
				}
				if len(f.Data.Members) != len(f.Data.Added) {
					t.Errorf("members are %v of added %v", f.Data.Members, f.Data.Added)
				}
				got = append(got, name.Replace(say(f)))
			}
			if g := strings.Join(got, "; "); g != c.want {
				t.Errorf("got  %s\nwant %s", g, c.want)
			}
		})
	}
}

func say(f told) string {
	s := fmt.Sprintf("%s(%d)", f.Event, f.ID)
	if f.Data.Client != "" {
		s += " client " + string(f.Data.Client)
	}
	if len(f.Data.Added) > 0 {
		s += fmt.Sprint(" added ", f.Data.Added)
	}
	if len(f.Data.Removed) > 0 {
		s += fmt.Sprint(" removed ", f.Data.Removed)
	}
	if f.Data.Reason != "" {
		s += " reason " + string(f.Data.Reason)
	}
	if len(f.Data.Reasons) > 0 {
		s += fmt.Sprint(" reasons ", f.Data.Reasons)
	}
	return s
}

// TestDelta: only in rooms above the limit does a delta take the list's place.
func TestDelta(t *testing.T) {
	for _, n := range []int{proto.FullListMembers, proto.FullListMembers + 1} {
		members := make([]proto.PeerID, n)
		for i := range members {
			members[i] = proto.NewPeerID("aaaaaaaa")
		}
		r := roomWith(t, members...)
		gt := gather{added: []gathered{{id: members[n-1], rev: 5}}}
		frames := r.updatesLocked(&gt, 4, true, nil)
		var f told
		if err := json.Unmarshal(frames[0], &f); err != nil {
			t.Fatal(err)
		}
		if delta := n > proto.FullListMembers; delta != (f.Data.Clients == nil) || delta != (f.Data.Count != nil) || delta && *f.Data.Count != n || len(f.Data.Added) != 1 {
			t.Errorf("%d members: %.300s", n, frames[0])
		}
		// One who did not ask for deltas gets the list all the same.
		if err := json.Unmarshal(r.updatesLocked(&gt, 4, false, nil)[0], &f); err != nil || len(f.Data.Clients) != n {
			t.Errorf("%d members: %d in the list, %v", n, len(f.Data.Clients), err)
		}
	}
}
