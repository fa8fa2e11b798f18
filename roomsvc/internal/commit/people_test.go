package commit

import (
	"fmt"

	"p2pconnector/proto"
)

const (
	gwA proto.GatewayID = "aaaaaaaa"
	gwB proto.GatewayID = "bbbbbbbb"
)

var ann, ben, cas = peer(gwA, 1), peer(gwB, 2), peer(gwA, 3)

// peer returns the id of the n-th peer of gateway g.
func peer(g proto.GatewayID, n int) proto.PeerID {
	return proto.PeerID(fmt.Sprintf("%s-0000-8000-8000-%012x", g, n))
}

func ptr[T any](v T) *T { return &v }
