package room

import (
	"testing"

	"p2pconnector/proto/bus"
)

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
