package bus

import (
	"strings"
	"testing"

	"p2pconnector/proto"
)

// maxSubjectBytes is the longest subject a NATS server takes before it ends the
// publisher's connection (max_control_line).
const maxSubjectBytes = 4096

// FuzzSubject checks that every identifier becomes one plain token of a subject,
// that the parsers read what was built, and that they read nothing else.
func FuzzSubject(f *testing.F) {
	for _, id := range []string{"", "*", ">", "a.b", "..", "$SYS.>", "a b", "a\r\nPUB x 1\r\n", "\x00", "\xff\xfe", "é漢", strings.Repeat("x", 5000), "91be04d7.>", "p2p.gw.91be04d7.state.dGVh"} {
		f.Add(id, id, id, uint64(len(id)))
		f.Add(string(goldenA), string(goldenAnn), id, uint64(71))
		f.Add(string(goldenA), id, "tea", uint64(71))
		f.Add(id, string(goldenAnn), "tea", uint64(71))
	}
	f.Add("p2p.gw.91be04d7.sent.5f0c3a9e.1.2_3_4", "p2p.gw.91be04d7.room.dGVh\n.server", "p2p.gw.91be04d7.state.AA", uint64(0))
	f.Fuzz(func(t *testing.T, gateway, peer, room string, n uint64) {
		g, p, r := proto.GatewayID(gateway), proto.PeerID(peer), proto.RoomID(room)
		if s, err := PeerSubject(p); err == nil {
			checkInbound(t, s, Inbound{p.Home(), KindPeer, peer, "", 0})
		}
		if s, err := AppendPeerSubject(nil, g, p); err == nil {
			checkInbound(t, string(s), Inbound{g, KindPeer, peer, "", 0})
		}
		if s, err := SessionSubject(g, p); err == nil {
			checkInbound(t, s, Inbound{g, KindSession, peer, "", 0})
		}
		// Only one of the ids is hostile, so that the builder reaches it.
		if b, err := AppendRoomSubject(nil, goldenA, r, goldenAnn, 0); err == nil {
			checkInbound(t, string(b), Inbound{goldenA, KindRoom, RoomToken(r), string(goldenAnn), 0})
			checkRoomToken(t, r)
		}
		if b, err := AppendRoomSubject(nil, g, r, p, 0); err == nil {
			checkInbound(t, string(b), Inbound{g, KindRoom, RoomToken(r), peer, 0})
		}
		if s, err := ServerRoomSubject(goldenA, r); err == nil {
			checkInbound(t, s, Inbound{goldenA, KindRoom, RoomToken(r), ServerFrom, 0})
		}
		if s, err := StateSubject(goldenA, r); err == nil {
			checkInbound(t, s, Inbound{goldenA, KindState, RoomToken(r), "", 0})
		}
		if s, err := GatewayWildcard(g); err == nil {
			checkTokens(t, strings.TrimSuffix(s, ".>"), 3)
		}
		if s, err := LeaseSubject(g); err == nil {
			checkTokens(t, s, 3)
			if back, ok := ParseLease(s); !ok || back != g {
				t.Fatalf("gateway of lease %q: got %q, %v; want the one it was built from", s, back, ok)
			}
		}
		x := Sent{goldenA, goldenB, n, n / 2, n / 3, n / 5}
		sent := string(AppendSentSubject(nil, &x))
		if back, ok := ParseSent(sent); !ok || back != x {
			t.Fatalf("ParseSent(%q): got %+v, %v; want what it was built from", sent, back, ok)
		}
		if s, err := AnyPeerSubject(p); err == nil {
			checkTokens(t, s, 3)
			if back, ok := ParseAnyPeer(s); !ok || back != p {
				t.Fatalf("ParseAnyPeer(%q): got %q, %v; want the peer it was built from", s, back, ok)
			}
		}
		for _, s := range []string{gateway, peer, room, "p2p.gw." + room, "p2p.gw.91be04d7." + room, "p2p.gw.91be04d7.room." + room, "p2p.gw.91be04d7.state." + room, "p2p.gw.91be04d7.sent." + room} {
			checkForeign(t, s)
		}
	})
}

// checkTokens fails unless s is a plain subject of n tokens.
func checkTokens(t *testing.T, s string, n int) {
	t.Helper()
	tokens := strings.Split(s, ".")
	if len(tokens) != n || len(s) > maxSubjectBytes {
		t.Fatalf("%q: got %d tokens and %d bytes, want %d and at most %d", s, len(tokens), len(s), n, maxSubjectBytes)
	}
	for _, tok := range tokens {
		if tok == "" || strings.ContainsFunc(tok, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '*' || c == '>' || c == '$' }) {
			t.Fatalf("got token %q in %q, want plain text", tok, s)
		}
	}
}

func checkInbound(t *testing.T, s string, want Inbound) {
	t.Helper()
	n := 5
	if want.Kind == KindRoom {
		n++
	}
	checkTokens(t, s, n)
	if in, ok := ParseInbound(s); !ok || in != want {
		t.Fatalf("ParseInbound(%q): got %+v, %v, want %+v", s, in, ok, want)
	}
}

func checkRoomToken(t *testing.T, r proto.RoomID) {
	t.Helper()
	if back, err := RoomFromToken(RoomToken(r)); err != nil || back != r {
		t.Fatalf("room %q after the round trip: got %q, error %v; want the same id", r, back, err)
	}
}

// checkForeign fails when ParseInbound accepts a subject that no builder makes.
func checkForeign(t *testing.T, s string) {
	t.Helper()
	in, ok := ParseInbound(s)
	if !ok {
		return
	}
	var built string
	var err error
	switch in.Kind {
	case KindPeer:
		var b []byte
		b, err = AppendPeerSubject(nil, in.Gateway, proto.PeerID(in.First))
		built = string(b)
	case KindSession:
		built, err = SessionSubject(in.Gateway, proto.PeerID(in.First))
	case KindSent:
		x, _ := ParseSent(s)
		built = string(AppendSentSubject(nil, &x))
	case KindAck:
		built = AckSubject(in.Gateway, proto.GatewayID(in.First))
	case KindLink:
		built = LinkSubject(in.Gateway, proto.GatewayID(in.First))
	case KindReply:
		n, _ := parseNumber(in.First)
		built = ReplySubject(in.Gateway, n)
	case KindState, KindRoom:
		var room proto.RoomID
		if room, err = RoomFromToken(in.First); err != nil {
			break
		}
		if in.Kind == KindState {
			built, err = StateSubject(in.Gateway, room)
		} else if in.Second == ServerFrom {
			built, err = ServerRoomSubject(in.Gateway, room)
		} else {
			var b []byte
			b, err = AppendRoomSubject(nil, in.Gateway, room, proto.PeerID(in.Second), in.View)
			built = string(b)
		}
	}
	if err != nil || built != s {
		t.Fatalf("%q is parsed as %+v: got %q built from that, error %v; want the same subject", s, in, built, err)
	}
}
