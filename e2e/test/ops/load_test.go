package ops_test

import (
	"testing"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
)

// exercise makes two peers on each of two gateways do everything once, and relay
// n messages each way: to a peer of another gateway, and to one of the same.
func exercise(t testing.TB, s *kit.Stack, n int) {
	t.Helper()
	a, b, near := s.Dial(t, 0), s.Dial(t, 1), s.Dial(t, 0)
	a.Create("tea")
	b.Join("tea")
	a.Members("tea", a.ID, b.ID)
	for _, to := range []*kit.Conn{b, near} {
		for range n {
			a.Send(`{"event":"Message","to":%q,"data":1}`, to.ID)
		}
		for range n {
			to.Expect(proto.Message)
		}
	}
	a.Send(`{"event":"Message","room":"tea","data":1}`)
	b.Expect(proto.Message)
	a.Send(`{"event":"Offer","to":%q,"data":1}`, proto.NewPeerID(b.ID.Home()))
	a.ExpectError(proto.NotFound)
	a.Send(`{"event":"Nonsense"}`)
	a.ExpectError(proto.UnsupportedEvent)
	b.Send(`{"event":"Leave_Room","data":{"room":"tea"}}`)
	b.Expect(proto.RoomLeft)
	a.Members("tea", a.ID)
}
