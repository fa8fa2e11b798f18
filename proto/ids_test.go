package proto

import (
	"regexp"
	"strings"
	"testing"
)

func TestGatewayID_EachValue_IsValidOrNot(t *testing.T) {
	seen := map[GatewayID]bool{}
	for range 100 {
		g := NewGatewayID()
		if !g.Valid() || seen[g] {
			t.Errorf("NewGatewayID: got %q, want a valid id that is new", g)
		}
		seen[g] = true
	}
	for i := range 8 {
		for c := range 256 {
			g := GatewayID("01a89fed"[:i] + string([]byte{byte(c)}) + "01a89fed"[i+1:])
			if want := strings.ContainsRune("0123456789abcdef", rune(c)); g.Valid() != want {
				t.Errorf("%q as a gateway id: got %v, want %v", g, g.Valid(), want)
			}
		}
	}
	for _, bad := range []GatewayID{"", "0123456", "012345678", "0123456G", "0123456F", "01234 67", "012.4567", "*", ">", "01234567\x00"} {
		if bad.Valid() {
			t.Errorf("%q as a gateway id: got valid, want invalid", bad)
		}
	}
}

func TestPeerID_EachValue_IsValidOrNot(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	g := NewGatewayID()
	seen := map[PeerID]bool{}
	for range 100 {
		p := NewPeerID(g)
		if !p.Valid() || p.Home() != g || seen[p] {
			t.Errorf("NewPeerID(%[2]s): got %[1]q with home %[3]q, want a new id of that home", p, g, p.Home())
		}
		seen[p] = true
	}
	good := string(goldenAnn)
	for i := range good {
		for c := range 256 {
			p := PeerID(good[:i] + string([]byte{byte(c)}) + good[i+1:])
			if want := form.MatchString(string(p)); p.Valid() != want || (p.Home() != "") != want {
				t.Errorf("%q as a peer id: got %v, want %v", p, p.Valid(), want)
			}
		}
	}
	for _, bad := range []PeerID{"", goldenAnn[:35], goldenAnn + "0", "91be04d7-1c2d-4e42-9a77-30d1c2b4a5f6", "91be04d7-1c2d-8e42-ca77-30d1c2b4a5f6", PeerID(strings.ToUpper(good))} {
		if bad.Valid() || bad.Home() != "" {
			t.Errorf("%q as a peer id: got valid, want invalid", bad)
		}
	}
}

func TestRoomID_EachValue_IsValidOrNot(t *testing.T) {
	for _, c := range []struct {
		id RoomID
		ok bool
	}{
		{"a", true}, {"tea room", true}, {"*", true}, {">", true}, {"a.b", true}, {"$SYS", true}, {"é漢😀", true}, {"\u00a0", true}, {"\u200d", true}, {"\ufffd", true}, {"\u061b", true}, {"\ufdcf", true}, {"\ufdf0", true}, {"\u202f", true}, {"\u2065", true}, {"\u206a", true}, {"\U0010fffd", true}, {"../..", true},
		{RoomID(strings.Repeat("x", MaxRoomIDBytes)), true}, {RoomID(strings.Repeat("é", MaxRoomIDBytes/2)), true},
		{"", false}, {RoomID(strings.Repeat("x", MaxRoomIDBytes+1)), false}, {"a\nb", false}, {"\t", false}, {"\x00", false}, {"\x7f", false}, {"\xff", false}, {"a\xc0\xaf", false},
		{"\u0080", false}, {"\u009f", false}, {"a\u061c", false}, {"\u200e", false}, {"\u200f", false},
		{"\u202a", false}, {"gpj.\u202eexe", false}, {"\u2066", false}, {"\u2069", false},
		{"\ufdd0", false}, {"\ufdef", false}, {"\ufffe", false}, {"\uffff", false}, {"\U0001fffe", false}, {"\U0010ffff", false},
	} {
		if c.id.Valid() != c.ok {
			t.Errorf("%q: got valid %v, want %v", c.id, !c.ok, c.ok)
		}
	}
}
