package bus

import (
	"strings"
	"testing"

	"p2pconnector/proto"
)

func TestRoomToken_EachRoom_RoundTrips(t *testing.T) {
	for _, c := range []struct {
		id proto.RoomID
		ok bool
	}{
		{"a", true}, {"tea room", true}, {"*", true}, {">", true}, {"a.b", true}, {"$SYS", true}, {"é漢😀", true}, {"\u00a0", true},
		{proto.RoomID(strings.Repeat("x", proto.MaxRoomIDBytes)), true}, {proto.RoomID(strings.Repeat("é", proto.MaxRoomIDBytes/2)), true},
		{"", false}, {proto.RoomID(strings.Repeat("x", proto.MaxRoomIDBytes+1)), false}, {"a\nb", false}, {"\t", false}, {"\x00", false}, {"\x7f", false}, {"\xff", false}, {"a\xc0\xaf", false},
	} {
		back, err := RoomFromToken(RoomToken(c.id))
		if c.ok && (err != nil || back != c.id) || !c.ok && err == nil {
			t.Errorf("%q after the round trip: got %q, error %v; want the same id, or an error for an invalid one", c.id, back, err)
		}
	}
	for _, bad := range []string{"", "dGV", "dGVh=", "dGVh\n", "dG\r\nVh", "dGV h", "dGVi.", "*", ">", "dGVh+/", "YR", strings.Repeat("A", 172)} {
		if id, err := RoomFromToken(bad); err != proto.ErrRoomID || id != "" {
			t.Errorf("token %q: got room %q, error %v; want ErrRoomID", bad, id, err)
		}
	}
}

func TestOpID_EachValue_IsValidOrNot(t *testing.T) {
	if got := NewOpID(goldenA, 71); got != "91be04d7-1z" {
		t.Errorf("id of operation 71: got %q, want 91be04d7-1z", got)
	}
}

// Rooms that were made under ids which are refused now can still be read, left and ended.
func TestValidRoom_IdRefusedForNewRooms_MayExist(t *testing.T) {
	for _, c := range []struct {
		id          proto.RoomID
		made, exist bool
	}{
		{"tea", true, true}, {"left\u200eright", false, true}, {"c1\u0085", false, true}, {"\uffff", false, true},
		{"", false, false}, {"line\n", false, false}, {"\x7f", false, false}, {"\xff", false, false},
	} {
		if got := c.id.Valid(); got != c.made {
			t.Errorf("%q for a new room: got valid %v, want %v", c.id, got, c.made)
		}
		if got := ValidRoom(c.id); got != c.exist {
			t.Errorf("%q for a room that exists: got valid %v, want %v", c.id, got, c.exist)
		}
		if _, err := RoomFromToken(RoomToken(c.id)); (err == nil) != c.exist {
			t.Errorf("token of %q: got %v, want it read: %v", c.id, err, c.exist)
		}
	}
}
