package proto

import (
	"math"
	"strings"
	"testing"
)

func TestSubjects(t *testing.T) {
	must := func(s string, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	room, err := AppendRoomSubject(nil, goldenB, "tea", goldenAnn, 0)
	for _, c := range []struct {
		got, want string
		in        Inbound
	}{
		{must(PeerSubject(goldenAnn)), "p2p.gw.91be04d7.peer." + string(goldenAnn), Inbound{goldenA, KindPeer, string(goldenAnn), "", 0, 0}},
		{must(PeerSubjectAt(goldenB, goldenAnn)), "p2p.gw.5f0c3a9e.peer." + string(goldenAnn), Inbound{goldenB, KindPeer, string(goldenAnn), "", 0, 0}},
		{must(SessionSubject(goldenA, goldenBen)), "p2p.gw.91be04d7.session." + string(goldenBen), Inbound{goldenA, KindSession, string(goldenBen), "", 0, 0}},
		{must(string(room), err), "p2p.gw.5f0c3a9e.room.dGVh." + string(goldenAnn), Inbound{goldenB, KindRoom, "dGVh", string(goldenAnn), 0, 0}},
		{must(ServerRoomSubject(goldenB, "tea")), "p2p.gw.5f0c3a9e.room.dGVh.server", Inbound{goldenB, KindRoom, "dGVh", ServerFrom, 0, 0}},
		{must(StateSubject(goldenA, "tea")), "p2p.gw.91be04d7.state.dGVh", Inbound{goldenA, KindState, "dGVh", "", 0, 0}},
		{string(AppendLostSubject(nil, goldenA, 0, 1, 0)), "p2p.gw.91be04d7.lost.0.1", Inbound{goldenA, KindLost, "0", "1", 0, 0}},
		{string(AppendLostSubject(nil, goldenA, 3, 4, 36)), "p2p.gw.91be04d7.lost.3.4_10", Inbound{goldenA, KindLost, "3", "4", 0, 36}},
		{LinkSubject(goldenA, goldenB), "p2p.gw.91be04d7.link." + string(goldenB), Inbound{goldenA, KindLink, string(goldenB), "", 0, 0}},
		{GapSubject(goldenA, goldenB), "p2p.gw.91be04d7.gap." + string(goldenB), Inbound{goldenA, KindGap, string(goldenB), "", 0, 0}},
		{string(AppendLostSubject(nil, goldenA, math.MaxUint64, 71, 0)), "p2p.gw.91be04d7.lost.3w5e11264sgsf.1z", Inbound{goldenA, KindLost, "3w5e11264sgsf", "1z", 0, 0}},
		{ReplySubject(goldenA, 71), "p2p.gw.91be04d7.reply.1z", Inbound{goldenA, KindReply, "1z", "", 0, 0}},
	} {
		if c.got != c.want {
			t.Errorf("built %s, want %s", c.got, c.want)
		}
		if in, ok := ParseInbound(c.got); !ok || in != c.in {
			t.Errorf("%s is read as %+v, %v", c.got, in, ok)
		}
	}
	if s := must(GatewayWildcard(goldenA)); s != "p2p.gw.91be04d7.>" {
		t.Error(s)
	}
	if s := must(LeaseSubject(goldenA)); s != "p2p.lease.91be04d7" {
		t.Error(s)
	}
	if g, ok := ParseLease("p2p.lease.91be04d7"); !ok || g != goldenA {
		t.Errorf("lease of %q, %v", g, ok)
	}
	for subject, want := range map[string]Relay{
		"p2p.gw.91be04d7.lost.1z.2":   {goldenA, 71, 2, 0},
		"p2p.gw.91be04d7.lost.1z.2_3": {goldenA, 71, 2, 3},
	} {
		if r, ok := ParseLost(subject); !ok || r != want {
			t.Errorf("%s is read as %+v, %v", subject, r, ok)
		}
	}
	for _, op := range Operations {
		if got := RoomsSubject(op); got != "p2p.rooms."+string(op) || strings.Count(got, ".") != 2 {
			t.Error(got)
		}
	}
}

func TestSubjectBuildersRefuse(t *testing.T) {
	const g, p, r = goldenA, goldenAnn, RoomID("tea")
	for name, build := range map[string]func(GatewayID, PeerID, RoomID) (string, error){
		"peer at": func(g GatewayID, p PeerID, _ RoomID) (string, error) { return PeerSubjectAt(g, p) },
		"session": func(g GatewayID, p PeerID, _ RoomID) (string, error) { return SessionSubject(g, p) },
		"room": func(g GatewayID, p PeerID, r RoomID) (string, error) {
			b, err := AppendRoomSubject(nil, g, r, p, 0)
			return string(b), err
		},
		"server room": func(g GatewayID, _ PeerID, r RoomID) (string, error) { return ServerRoomSubject(g, r) },
		"state":       func(g GatewayID, _ PeerID, r RoomID) (string, error) { return StateSubject(g, r) },
		"wildcard":    func(g GatewayID, _ PeerID, _ RoomID) (string, error) { return GatewayWildcard(g) },
		"lease":       func(g GatewayID, _ PeerID, _ RoomID) (string, error) { return LeaseSubject(g) },
		"peer":        func(_ GatewayID, p PeerID, _ RoomID) (string, error) { return PeerSubject(p) },
	} {
		if _, err := build(g, p, r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		checked := 0
		for _, c := range []struct {
			g   GatewayID
			p   PeerID
			r   RoomID
			err error
		}{{"*", p, r, ErrGatewayID}, {g, ">", r, ErrPeerID}, {g, p, "", ErrRoomID}} {
			if s, err := build(c.g, c.p, c.r); err == c.err && s == "" {
				checked++
			} else if err != nil || !strings.HasPrefix(s, "p2p.") {
				t.Errorf("%s(%q, %q, %q): %q, %v", name, c.g, c.p, c.r, s, err)
			}
		}
		want := map[string]int{"room": 3, "wildcard": 1, "lease": 1, "peer": 1}[name]
		if want == 0 {
			want = 2
		}
		if checked != want {
			t.Errorf("%s refuses %d of its ids, want %d", name, checked, want)
		}
	}
}

func TestParseInboundRefusesForeignSubjects(t *testing.T) {
	const gw = "p2p.gw.91be04d7."
	for _, s := range []string{
		"", "p2p.gw.", "p2p.gw.91be04d7", gw, gw + "peer", gw + "peer.", gw + "peer.x", gw + "peer." + string(goldenAnn) + ".x", gw + "peer.." + string(goldenAnn),
		gw + "Peer." + string(goldenAnn), gw + "nothing.x", gw + "room.dGVh", gw + "room.dGVh.", gw + "room.." + string(goldenAnn), gw + "room.dGVh.nobody", gw + "room.dGVh.server.x",
		gw + "room.*.server", gw + "room.dG Vh.server", gw + "room.dGVh\n.server", gw + "state.", gw + "state.dGVh.x", gw + "state.>", gw + "state.AA",
		gw + "lost.", gw + "lost.-1", gw + "lost.+1", gw + "lost.1Z", gw + "lost.01", gw + "lost.1", gw + "lost.1.2_", gw + "lost.1.2_0", gw + "lost.1.2_3_4", gw + "lost.1._3", gw + "lost.3w5e11264sgsg", gw + "reply.", gw + "reply.x y", gw + "reply.00",
		"p2p.gw.91be04d.peer." + string(goldenAnn), "p2p.gw.91BE04D7.peer." + string(goldenAnn), "p2p.gw.*.peer." + string(goldenAnn), "P2P.gw.91be04d7.lost.1", "p2p.rooms.get", "p2p.lease.91be04d7",
	} {
		if in, ok := ParseInbound(s); ok || in != (Inbound{}) {
			t.Errorf("%q is read as %+v", s, in)
		}
		if _, ok := ParseLost(s); ok {
			t.Errorf("%q is taken for a lost reply", s)
		}
	}
	if _, ok := ParseLost(gw + "reply.1"); ok {
		t.Error("a reply is taken for a lost reply")
	}
	for _, s := range []string{"", "p2p.lease.", "p2p.lease.*", "p2p.lease.91be04d7.x", "p2p.lease.91be04dg", "91be04d7"} {
		if _, ok := ParseLease(s); ok {
			t.Errorf("%q is taken for a lease", s)
		}
	}
}
