package bus

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"p2pconnector/proto"
)

func TestSubjects_EachKind_RoundTrips(t *testing.T) {
	must := func(s string, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	room, err := AppendRoomSubject(nil, goldenB, "tea", goldenAnn, 0)
	at, err2 := AppendPeerSubject(nil, goldenB, goldenAnn)
	sent := func(x Sent) (string, Inbound) {
		s := string(AppendSentSubject(nil, &x))
		if back, ok := ParseSent(s); !ok || back != x {
			t.Errorf("ParseSent(%s): got %+v, %v; want what it was built from", s, back, ok)
		}
		return s, Inbound{Gateway: x.Gateway, Kind: KindSent, First: strings.TrimPrefix(s, "p2p.gw.91be04d7.sent.")}
	}
	first, firstIn := sent(Sent{Gateway: goldenA, To: goldenB, Seq: 1, Base: 1})
	moved, movedIn := sent(Sent{Gateway: goldenA, To: goldenB, Seq: 3, Base: 2, Epoch: 36})
	last, lastIn := sent(Sent{Gateway: goldenA, To: goldenB, Seq: math.MaxUint64, Base: 71, ToEpoch: 1})
	for _, c := range []struct {
		got, want string
		in        Inbound
	}{
		{must(PeerSubject(goldenAnn)), "p2p.gw.91be04d7.peer." + string(goldenAnn), Inbound{goldenA, KindPeer, string(goldenAnn), "", 0}},
		{must(string(at), err2), "p2p.gw.5f0c3a9e.peer." + string(goldenAnn), Inbound{goldenB, KindPeer, string(goldenAnn), "", 0}},
		{must(SessionSubject(goldenA, goldenBen)), "p2p.gw.91be04d7.session." + string(goldenBen), Inbound{goldenA, KindSession, string(goldenBen), "", 0}},
		{must(string(room), err), "p2p.gw.5f0c3a9e.room.dGVh." + string(goldenAnn), Inbound{goldenB, KindRoom, "dGVh", string(goldenAnn), 0}},
		{must(ServerRoomSubject(goldenB, "tea")), "p2p.gw.5f0c3a9e.room.dGVh.server", Inbound{goldenB, KindRoom, "dGVh", ServerFrom, 0}},
		{must(StateSubject(goldenA, "tea")), "p2p.gw.91be04d7.state.dGVh", Inbound{goldenA, KindState, "dGVh", "", 0}},
		{first, "p2p.gw.91be04d7.sent.5f0c3a9e.1.1", firstIn},
		{moved, "p2p.gw.91be04d7.sent.5f0c3a9e.3.2_10_0", movedIn},
		{last, "p2p.gw.91be04d7.sent.5f0c3a9e.3w5e11264sgsf.1z_0_1", lastIn},
		{AckSubject(goldenA, goldenB), "p2p.gw.91be04d7.ack." + string(goldenB), Inbound{goldenA, KindAck, string(goldenB), "", 0}},
		{LinkSubject(goldenA, goldenB), "p2p.gw.91be04d7.link." + string(goldenB), Inbound{goldenA, KindLink, string(goldenB), "", 0}},
		{ReplySubject(goldenA, 71), "p2p.gw.91be04d7.reply.1z", Inbound{goldenA, KindReply, "1z", "", 0}},
	} {
		if c.got != c.want {
			t.Errorf("subject: got %s, want %s", c.got, c.want)
		}
		if in, ok := ParseInbound(c.got); !ok || in != c.in {
			t.Errorf("ParseInbound(%s): got %+v, %v; want what it was built from", c.got, in, ok)
		}
	}
	if s := must(GatewayWildcard(goldenA)); s != "p2p.gw.91be04d7.>" {
		t.Errorf("wildcard: got %s, want p2p.gw.91be04d7.>", s)
	}
	if s := must(LeaseSubject(goldenA)); s != "p2p.lease.91be04d7" {
		t.Errorf("lease: got %s, want p2p.lease.91be04d7", s)
	}
	if g, ok := ParseLease("p2p.lease.91be04d7"); !ok || g != goldenA {
		t.Errorf("gateway of the lease: got %q, %v, want the first gateway", g, ok)
	}
	if s := must(AnyPeerSubject(goldenAnn)); s != "p2p.to."+string(goldenAnn) {
		t.Errorf("any peer: got %s, want p2p.to.%s", s, goldenAnn)
	}
	if p, ok := ParseAnyPeer("p2p.to." + string(goldenAnn)); !ok || p != goldenAnn {
		t.Errorf("ParseAnyPeer: got %q, %v, want the first peer", p, ok)
	}
	for _, op := range Operations {
		if got := RoomsSubject(op); got != "p2p.rooms."+string(op) || strings.Count(got, ".") != 2 {
			t.Errorf("subject of %s: got %s, want p2p.rooms.%s", op, got, op)
		}
	}
}

func TestSessionKey_EveryPeer_HasOneKeyThatIsItsSubject(t *testing.T) {
	for _, op := range SessionOperations {
		if got, want := SessionsSubject(op), "p2p.sessions."+string(op); got != want {
			t.Errorf("subject of %s: got %q, want %q", op, got, want)
		}
	}
	for range 1000 {
		g := proto.NewGatewayID()
		p := proto.NewPeerID(g)
		key, err := SessionKey(p)
		if err != nil || !strings.HasPrefix(key, string(g)+".") || strings.Count(key, ".") != 1 {
			t.Fatalf("key of %s: got %q, error %v, want its home and the rest", p, key, err)
		}
		if back, ok := ParseSessionKey(key); !ok || back != p {
			t.Fatalf("peer of key %q: got %q, %v, want %q", key, back, ok, p)
		}
	}
}

func TestSessionKey_ForeignText_IsRefused(t *testing.T) {
	for _, p := range []proto.PeerID{"", "*", ">", "91be04d7", goldenAnn + ".x", "91be04d7.1c2d-8e42-9a77-30d1c2b4a5f6", "*1be04d7-1c2d-8e42-9a77-30d1c2b4a5f6"} {
		if key, err := SessionKey(p); err == nil || key != "" {
			t.Errorf("key of peer %q: got %q, error %v, want an error", p, key, err)
		}
	}
	for _, key := range []string{"", "barrier.confirm", string(goldenAnn), "91be04d7.1c2d-8e42-9a77-30d1c2b4a5f6.x", "91be04d7.*", "91be04d7.1c2d-4e42-9a77-30d1c2b4a5f6"} {
		if p, ok := ParseSessionKey(key); ok {
			t.Errorf("peer of key %q: got %q, want none", key, p)
		}
	}
}

func TestSubjects_InvalidPart_IsRefused(t *testing.T) {
	const g, p, r = goldenA, goldenAnn, proto.RoomID("tea")
	for name, build := range map[string]func(proto.GatewayID, proto.PeerID, proto.RoomID) (string, error){
		"peer at": func(g proto.GatewayID, p proto.PeerID, _ proto.RoomID) (string, error) {
			b, err := AppendPeerSubject(nil, g, p)
			return string(b), err
		},
		"session": func(g proto.GatewayID, p proto.PeerID, _ proto.RoomID) (string, error) { return SessionSubject(g, p) },
		"room": func(g proto.GatewayID, p proto.PeerID, r proto.RoomID) (string, error) {
			b, err := AppendRoomSubject(nil, g, r, p, 0)
			return string(b), err
		},
		"server room": func(g proto.GatewayID, _ proto.PeerID, r proto.RoomID) (string, error) {
			return ServerRoomSubject(g, r)
		},
		"state":    func(g proto.GatewayID, _ proto.PeerID, r proto.RoomID) (string, error) { return StateSubject(g, r) },
		"wildcard": func(g proto.GatewayID, _ proto.PeerID, _ proto.RoomID) (string, error) { return GatewayWildcard(g) },
		"lease":    func(g proto.GatewayID, _ proto.PeerID, _ proto.RoomID) (string, error) { return LeaseSubject(g) },
		"peer":     func(_ proto.GatewayID, p proto.PeerID, _ proto.RoomID) (string, error) { return PeerSubject(p) },
	} {
		if _, err := build(g, p, r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		checked := 0
		for _, c := range []struct {
			g   proto.GatewayID
			p   proto.PeerID
			r   proto.RoomID
			err error
		}{{"*", p, r, proto.ErrGatewayID}, {g, ">", r, proto.ErrPeerID}, {g, p, "", proto.ErrRoomID}} {
			if s, err := build(c.g, c.p, c.r); err == c.err && s == "" {
				checked++
			} else if err != nil || !strings.HasPrefix(s, "p2p.") {
				t.Errorf("%s(%q, %q, %q): got %q, %v; want an error or a subject", name, c.g, c.p, c.r, s, err)
			}
		}
		want := map[string]int{"room": 3, "wildcard": 1, "lease": 1, "peer": 1}[name]
		if want == 0 {
			want = 2
		}
		if checked != want {
			t.Errorf("%s: got %d of its ids refused, want %d", name, checked, want)
		}
	}
}

func TestParseInbound_ForeignSubject_IsRefused(t *testing.T) {
	const gw = "p2p.gw.91be04d7."
	for _, s := range []string{
		"", "p2p.gw.", "p2p.gw.91be04d7", gw, gw + "peer", gw + "peer.", gw + "peer.x", gw + "peer." + string(goldenAnn) + ".x", gw + "peer.." + string(goldenAnn),
		gw + "Peer." + string(goldenAnn), gw + "nothing.x", gw + "room.dGVh", gw + "room.dGVh.", gw + "room.." + string(goldenAnn), gw + "room.dGVh.nobody", gw + "room.dGVh.server.x",
		gw + "room.*.server", gw + "room.dG Vh.server", gw + "room.dGVh\n.server", gw + "state.", gw + "state.dGVh.x", gw + "state.>", gw + "state.AA",
		gw + "sent.", gw + "sent.5f0c3a9e", gw + "sent.5f0c3a9e.1", gw + "sent.5f0c3a9e.1.", gw + "sent.5f0c3a9e..1", gw + "sent.5f0c3a9g.1.1", gw + "sent.5f0c3a9e.-1.1", gw + "sent.5f0c3a9e.+1.1", gw + "sent.5f0c3a9e.1Z.1", gw + "sent.5f0c3a9e.01.1", gw + "sent.5f0c3a9e.1.2_", gw + "sent.5f0c3a9e.1.2_3", gw + "sent.5f0c3a9e.1.2_3_", gw + "sent.5f0c3a9e.1.2_0_0", gw + "sent.5f0c3a9e.1.2_3_4_5", gw + "sent.5f0c3a9e.1._3_4", gw + "sent.5f0c3a9e.1.1.1", gw + "sent.5f0c3a9e.3w5e11264sgsg.1",
		gw + "ack.", gw + "ack.x", gw + "link.*", gw + "reply.", gw + "reply.x y", gw + "reply.00",
		"p2p.gw.91be04d.peer." + string(goldenAnn), "p2p.gw.91BE04D7.peer." + string(goldenAnn), "p2p.gw.*.peer." + string(goldenAnn), "P2P.gw.91be04d7.sent.5f0c3a9e.1.1", "p2p.rooms.get", "p2p.lease.91be04d7",
	} {
		if in, ok := ParseInbound(s); ok || in != (Inbound{}) {
			t.Errorf("ParseInbound(%q): got %+v, want none", s, in)
		}
		if _, ok := ParseSent(s); ok {
			t.Errorf("ParseSent(%q): got true, want false", s)
		}
	}
	if _, ok := ParseSent(gw + "reply.1"); ok {
		t.Error("ParseSent of a reply: got true, want false")
	}
	for _, s := range []string{"", "p2p.lease.", "p2p.lease.*", "p2p.lease.91be04d7.x", "p2p.lease.91be04dg", "91be04d7"} {
		if _, ok := ParseLease(s); ok {
			t.Errorf("ParseLease(%q): got true, want false", s)
		}
	}
}

// TestNumber_EachValue_HasTheOneSpellingOfStrconv: what is appended is what strconv writes,
// and nothing else is parsed.
func TestNumber_EachValue_HasTheOneSpellingOfStrconv(t *testing.T) {
	numbers := []uint64{0, 1, 9, 10, 35, 36, 37, 1295, 1296, 1 << 32, 1<<53 - 1, math.MaxUint64 / 36, math.MaxUint64 - 1, math.MaxUint64}
	for n := uint64(1); n <= math.MaxUint64/36; n *= 36 {
		numbers = append(numbers, n-1, n, n+1, n*36-1)
	}
	for _, n := range numbers {
		want := strconv.FormatUint(n, 36)
		if got := string(appendNumber(nil, n)); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
		if got, ok := parseNumber(want); got != n || !ok {
			t.Errorf("%q: got %d %v, want %d", want, got, ok, n)
		}
	}
	for _, bad := range []string{
		"", "00", "01", "-1", "+1", "1 ", " 1", "A", "1Z", "1_0", "0x1", "{", "`", ":", "/", "\xff", "1.0",
		"3w5e11264sgsg", "4000000000000", "zzzzzzzzzzzzz", "10000000000000", "01000000000000",
	} {
		if n, ok := parseNumber(bad); ok || n != 0 {
			t.Errorf("%q: got %d %v, want none", bad, n, ok)
		}
	}
}
