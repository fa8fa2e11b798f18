package room

import (
	"strings"
	"testing"

	"p2pconnector/proto/bus"
)

// TestCheck_TextsOfARequest_HaveTheirBounds: an operation's id of 64 bytes, and a user name of
// 256.
func TestCheck_TextsOfARequest_HaveTheirBounds(t *testing.T) {
	for more, refused := range []bool{false, true} {
		for field, r := range map[string]bus.Request{
			"op":   {Op: bus.OpID(strings.Repeat("x", 64+more))},
			"user": {User: strings.Repeat("x", 256+more)},
		} {
			r.Room, r.Peer = "r", ann
			if e := Check(bus.OpJoin, &r, Limits{}); (e != nil) != refused || refused && e.Field != field {
				t.Errorf("%s, %d bytes above the limit: got %v, want it refused: %v", field, more, e, refused)
			}
		}
	}
}

// TestCheck_TopicsRoom_OnlyItsGatewayJoins: not a peer, not another gateway's member, and
// nobody creates it.
func TestCheck_TopicsRoom_OnlyItsGatewayJoins(t *testing.T) {
	topic := bus.TopicRoom("yjs", "a")
	for name, c := range map[string]struct {
		kind bus.Operation
		r    bus.Request
		ok   bool
	}{
		"its gateway joins":        {bus.OpJoin, bus.Request{Room: topic, Peer: bus.TopicMember(gwA), Gateway: gwA}, true},
		"its gateway leaves":       {bus.OpLeave, bus.Request{Room: topic, Peer: bus.TopicMember(gwA), Gateway: gwA}, true},
		"its gateway creates":      {bus.OpCreate, bus.Request{Room: topic, Peer: bus.TopicMember(gwA), Gateway: gwA}, false},
		"no gateway":               {bus.OpJoin, bus.Request{Room: topic, Peer: bus.TopicMember(gwA)}, false},
		"another gateway's member": {bus.OpJoin, bus.Request{Room: topic, Peer: bus.TopicMember(gwA), Gateway: gwB}, false},
		"a peer joins":             {bus.OpJoin, bus.Request{Room: topic, Peer: ann, Gateway: gwA}, false},
		"a peer joins with create": {bus.OpJoin, bus.Request{Room: topic, Peer: ann, Gateway: gwA, Create: true}, false},
		"a back end reads":         {bus.OpGet, bus.Request{Room: topic}, true},
	} {
		if e := Check(c.kind, &c.r, Limits{}); (e == nil) != c.ok {
			t.Errorf("%s: got %v, want allowed %v", name, e, c.ok)
		}
	}
}
