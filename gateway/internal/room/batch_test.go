package room

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// stateWith is a room with members of another gateway.
func stateWith(members ...proto.PeerID) *State {
	s := new(State)
	room := &bus.Room{ID: "tea", Name: "Tea", Creator: members[0]}
	for _, id := range members {
		room.Members = append(room.Members, bus.Member{ID: id, User: "user of " + string(id[:4])})
	}
	s.Replace(room, 9)
	return s
}

// testFrame is an EncodeFrame that encodes what the tests look at.
func testFrame(typ proto.FrameType, event proto.Event, data json.RawMessage, id []byte) []byte {
	f := proto.ServerFrame{Type: typ, Event: string(event), Data: data, Time: time.Now(), ID: id}
	return f.Append(nil)
}

// update is what an update contains.
type update struct {
	Event string         `json:"event"`
	ID    int            `json:"id"`
	Data  proto.RoomData `json:"data"`
}

// TestBatch_StepsSinceARevision_BecomeTheirNetChange: each update is at most one frame about
// members and one about settings, with the changes that its receiver has not seen.
func TestBatch_StepsSinceARevision_BecomeTheirNetChange(t *testing.T) {
	peers := make([]proto.PeerID, 6)
	for i := range peers {
		peers[i] = proto.NewPeerID("aaaaaaaa")
	}
	slices.Sort(peers) // so that maps are printed in their order
	var pairs []string
	for i := range peers {
		pairs = append(pairs, string(peers[i]), fmt.Sprintf("p%d", i))
	}
	name := strings.NewReplacer(pairs...)
	r := stateWith(peers[0], peers[1], peers[2])
	now := describe(r.Room)
	other, reign := now, now
	other.name, reign.creator = "Coffee", peers[1]
	in := func(rev uint64, is ...int) step {
		s := step{rev: rev, before: now}
		for _, i := range is {
			s.added = append(s.added, peers[i])
		}
		return s
	}
	out := func(rev uint64, i int, why proto.Reason) step {
		m := bus.Member{ID: peers[i], User: "user of " + string(peers[i][:4])}
		return step{rev: rev, before: now, removed: []departure{{m, why}}}
	}
	changed := func(rev uint64, i int, user string) step {
		return step{rev: rev, before: now, updated: []bus.Member{{ID: peers[i], User: user}}}
	}
	named := func(rev uint64, before description, by proto.PeerID) step {
		return step{rev: rev, before: before, set: true, by: by}
	}
	for what, c := range map[string]struct {
		steps []step
		seen  uint64
		want  string
	}{
		"nothing":              {nil, 0, ""},
		"one joined":           {[]step{in(5, 1)}, 4, "Client_Added client p1 added [p1]"},
		"two joined":           {[]step{in(5, 1), in(6, 2)}, 4, "Client_Added client p1 added [p1 p2]"},
		"one of them is known": {[]step{in(5, 1), in(6, 2)}, 5, "Client_Added client p2 added [p2]"},
		"all are known":        {[]step{in(5, 1, 2)}, 6, ""},
		"one left":             {[]step{out(5, 3, "left")}, 4, "Client_Removed client p3 removed [p3] reason left"},
		"two left alike":       {[]step{out(5, 3, "left"), out(6, 4, "left")}, 4, "Client_Removed client p3 removed [p3 p4] reason left"},
		"two left differently": {[]step{out(5, 3, "left"), out(6, 4, "removed")}, 4,
			"Client_Removed client p3 removed [p3 p4] reason left reasons map[p3:left p4:removed]"},
		"both ways":                       {[]step{in(5, 1), out(6, 3, "left")}, 4, "Client_Added client p1 added [p1] removed [p3] reasons map[p3:left]"},
		"came and went":                   {[]step{in(5, 3), out(6, 3, "removed")}, 4, ""},
		"came and went, the coming known": {[]step{in(5, 3), out(6, 3, "removed")}, 5, "Client_Removed client p3 removed [p3] reason removed"},
		"went and came back":              {[]step{out(5, 1, "left"), in(6, 1)}, 4, ""},
		"went, came back and went":        {[]step{out(5, 3, "removed"), in(6, 3), out(7, 3, "left")}, 4, "Client_Removed client p3 removed [p3] reason left"},
		"came back as another user": {[]step{{rev: 5, before: now, removed: []departure{{bus.Member{ID: peers[1], User: "bob"}, "left"}}}, in(6, 1)}, 4,
			"Client_Added client p1 added [p1]"},
		"a member changed":               {[]step{changed(5, 1, "x"), changed(6, 2, "y")}, 4, "Member_Updated client p1 updated [p1 p2]"},
		"a change that is known":         {[]step{changed(5, 1, "x")}, 5, ""},
		"a member changed and back":      {[]step{changed(5, 1, "user of "+string(peers[1][:4])), changed(6, 1, "x")}, 4, ""},
		"a newcomer changed":             {[]step{in(5, 1), changed(6, 1, "x")}, 4, "Client_Added client p1 added [p1]"},
		"a newcomer changed, known":      {[]step{in(5, 1), changed(6, 1, "x")}, 5, "Member_Updated client p1 updated [p1]"},
		"a member changed and left":      {[]step{changed(5, 3, "x"), out(6, 3, "left")}, 4, "Client_Removed client p3 removed [p3] reason left"},
		"a member changed, came back":    {[]step{changed(5, 1, "x"), out(6, 1, "left"), in(7, 1)}, 4, "Client_Added client p1 added [p1]"},
		"joined, changed and settings":   {[]step{named(5, other, peers[0]), in(6, 1), changed(7, 2, "x")}, 4, "Client_Added client p1 added [p1]; Member_Updated client p2 updated [p2]; Room_Updated client p0"},
		"settings":                       {[]step{named(5, other, peers[0])}, 4, "Room_Updated client p0"},
		"settings of an operator":        {[]step{named(5, other, "")}, 4, "Room_Updated"},
		"settings that are known":        {[]step{named(5, other, peers[0])}, 5, ""},
		"settings changed and back":      {[]step{named(5, now, peers[0]), named(6, other, peers[1])}, 4, ""},
		"settings changed back, once":    {[]step{named(5, now, peers[0]), named(6, other, peers[1])}, 5, "Room_Updated client p1"},
		"members and settings":           {[]step{in(5, 1), named(6, other, peers[0])}, 5, "Room_Updated client p0"},
		"the creator changed":            {[]step{{rev: 5, before: reign}}, 4, "Room_Updated"},
		"the creator went and came back": {[]step{{rev: 5, before: reign, removed: out(5, 1, "left").removed}, in(6, 1)}, 4, "Room_Updated"},
		"the creator went":               {[]step{{rev: 5, before: reign, removed: out(5, 3, "left").removed}}, 4, "Client_Removed client p3 removed [p3] reason left"},
	} {
		t.Run(what, func(t *testing.T) {
			b := Batch{steps: c.steps}
			u := b.Since(c.seen, r)
			if got := name.Replace(strings.Join(describeFrames(t, r, &u, nil), "; ")); got != c.want {
				t.Errorf("update:\ngot  %s\nwant %s", got, c.want)
			}
		})
	}
	t.Run("a ban and a new creator are answered too", func(t *testing.T) {
		b := Batch{steps: []step{in(5, 1)}}
		for want, req := range map[string]Request{
			"Client_Added client p1 added [p1] removed [p3] reasons map[p3:banned] id 7": {Event: proto.RemoveClient, Client: peers[3], Ban: true},
			"Client_Added client p1 added [p1]; Room_Updated client p0 id 7":             {Event: proto.SetRole, Client: peers[1], Role: proto.RoleCreator},
		} {
			req.By, req.ID = peers[0], []byte("7")
			u := b.Since(4, r)
			u.Answer(&req)
			if got := name.Replace(strings.Join(describeFrames(t, r, &u, &req), "; ")); got != want {
				t.Errorf("%s:\ngot  %s\nwant %s", req.Event, got, want)
			}
		}
	})
	t.Run("a member's request is answered with its id", func(t *testing.T) {
		b := Batch{steps: []step{in(5, 1), in(6, 3), out(7, 3, "removed"), named(8, now, peers[0])}}
		for event, want := range map[proto.Event]string{
			proto.SetRole:      "Client_Added client p1 added [p1]; Member_Updated client p3 updated [p3] id 7",
			proto.RemoveClient: "Client_Added client p1 added [p1] removed [p3] reasons map[p3:removed] id 7",
			proto.UpdateRoom:   "Client_Added client p1 added [p1]; Room_Updated client p0 id 7",
			proto.UpdateMember: "Client_Added client p1 added [p1]; Member_Updated client p0 updated [p0] id 7",
		} {
			u := b.Since(4, r)
			req := &Request{By: peers[0], Event: event, ID: []byte("7"), Client: peers[3]}
			if !u.Answer(req) {
				t.Errorf("Answer(%s): got false, want true", event)
			}
			if got := name.Replace(strings.Join(describeFrames(t, r, &u, req), "; ")); got != want {
				t.Errorf("%s:\ngot  %s\nwant %s", event, got, want)
			}
		}
	})
}

// describeFrames encodes an update of r, checks what every frame has, and describes its frames.
func describeFrames(t *testing.T, r *State, u *Update, req *Request) (all []string) {
	t.Helper()
	for _, b := range r.Frames(u, false, req, testFrame) {
		var f update
		if err := json.Unmarshal(b, &f); err != nil {
			t.Fatal(err)
		}
		if len(f.Data.Clients) != 3 || f.Data.Revision != 9 || f.Data.Creator != r.Room.Creator || f.Data.Name != "Tea" {
			t.Errorf("got %s, want the room as it is", b)
		}
		if n := len(f.Data.Members); n != len(f.Data.Added)+len(f.Data.Updated) && (n != 0 || r.Member(f.Data.Client) != nil) {
			t.Errorf("got members %v, want those of added %v and updated %v", f.Data.Members, f.Data.Added, f.Data.Updated)
		}
		all = append(all, describeUpdate(f))
	}
	return all
}

func describeUpdate(f update) string {
	s := f.Event
	if f.Data.Client != "" {
		s += " client " + string(f.Data.Client)
	}
	if len(f.Data.Added) > 0 {
		s += fmt.Sprint(" added ", f.Data.Added)
	}
	if len(f.Data.Removed) > 0 {
		s += fmt.Sprint(" removed ", f.Data.Removed)
	}
	if len(f.Data.Updated) > 0 {
		s += fmt.Sprint(" updated ", f.Data.Updated)
	}
	if f.Data.Reason != "" {
		s += " reason " + string(f.Data.Reason)
	}
	if len(f.Data.Reasons) > 0 {
		s += fmt.Sprint(" reasons ", f.Data.Reasons)
	}
	if f.ID != 0 {
		s += fmt.Sprint(" id ", f.ID)
	}
	return s
}

// TestUpdate_DeltasWanted_OnlyInBigRooms: a delta replaces the list only above the limit,
// and only for clients that asked for deltas.
func TestUpdate_DeltasWanted_OnlyInBigRooms(t *testing.T) {
	for _, n := range []int{proto.FullListMembers, proto.FullListMembers + 1} {
		members := make([]proto.PeerID, n)
		for i := range members {
			members[i] = proto.NewPeerID("aaaaaaaa")
		}
		r := stateWith(members...)
		u := Update{added: members[n-1:]}
		var f update
		frame := r.Frames(&u, true, nil, testFrame)[0]
		if err := json.Unmarshal(frame, &f); err != nil {
			t.Fatal(err)
		}
		if delta := n > proto.FullListMembers; delta != (f.Data.Clients == nil) || delta != (f.Data.Count != nil) || delta && *f.Data.Count != n || len(f.Data.Added) != 1 {
			t.Errorf("%d members: got %.300s, want a delta: %v", n, frame, delta)
		}
		if err := json.Unmarshal(r.Frames(&u, false, nil, testFrame)[0], &f); err != nil || len(f.Data.Clients) != n {
			t.Errorf("%d members: got a list of %d, error %v; want all", n, len(f.Data.Clients), err)
		}
	}
}
