package client

import (
	"net/netip"
	"testing"

	"p2pconnector/gateway/internal/egress"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// TestPayRoom_InDebt_RefusesWhatIsAnsweredWithTheMembers: also Admit_Client of a member, which
// changes nothing and would be answered as often as it is sent.
func TestPayRoom_InDebt_RefusesWhatIsAnsweredWithTheMembers(t *testing.T) {
	c := new(Conn)
	c.Budget = egress.New(egress.Config{Caused: 1000}).Client(netip.Addr{})
	c.Budget.Spend(9000)
	for _, e := range []proto.Event{proto.JoinRoom, proto.CreateRoom, proto.AdmitClient, proto.RoomInfo} {
		if short := c.payRoom(e, new(bus.Request)); short.Limit != egress.Caused {
			t.Errorf("%s: got %+v, want a refusal of %s", e, short, egress.Caused)
		}
	}
	if short := c.payRoom(proto.LeaveRoom, new(bus.Request)); short.Limit != "" {
		t.Errorf("%s: got %+v, want no refusal", proto.LeaveRoom, short)
	}
}
