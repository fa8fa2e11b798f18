package gateway

import (
	"testing"

	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/proto"
)

// foreignFrame is a frame of a client of a dialect to s.
func foreignFrame(s *session, name string) *link.Frame {
	from := proto.NewPeerID("0a1b2c3d")
	f := dialect.Frame{Name: []byte(name), From: []byte(from), Text: []byte(`{}`)}
	return &link.Frame{From: from, To: s.id, Data: f.Append(nil)}
}

// TestTake_AnotherProtocol_IsNotFoundOnEveryPath: a client gets frames only from clients of
// its own protocol, whichever way they come, and whatever it accepts.
func TestTake_AnotherProtocol_IsNotFoundOnEveryPath(t *testing.T) {
	g := testGateway(t, Config{AcceptFrom: proto.AcceptNobody})
	native, foreign := awaySession(g), awaySession(g)
	native.acceptFrom, foreign.dialect = proto.AcceptAnyone, "peerjs"
	for name, c := range map[string]struct {
		s    *session
		f    *link.Frame
		want result
	}{
		"native to native":    {native, direct(native, proto.NewPeerID("0a1b2c3d"), 1), delivered},
		"native to PeerJS":    {foreign, direct(foreign, proto.NewPeerID("0a1b2c3d"), 1), notFound},
		"back end to PeerJS":  {foreign, &link.Frame{To: foreign.id, Data: []byte(`{"type":"info","event":"News"}`)}, notFound},
		"PeerJS to PeerJS":    {foreign, foreignFrame(foreign, "peerjs"), delivered},
		"PeerJS to native":    {native, foreignFrame(native, "peerjs"), notFound},
		"another to PeerJS":   {foreign, foreignFrame(foreign, "peer"), notFound},
		"another, no name":    {native, foreignFrame(native, ""), delivered}, // no dialect has no name: it is an unknown event
		"a prefix of a frame": {foreign, &link.Frame{To: foreign.id, Data: []byte(`{"event":"dialect/`)}, notFound},
	} {
		if got, ok := c.s.takeDirect(c.f); got != c.want || !ok {
			t.Errorf("%s, in process: got result %d, %v, want %d, true", name, got, ok, c.want)
		}
		if code := g.links.send(c.f, nil); code != codeOf(c.want) {
			t.Errorf("%s, through the router: got %q, want %q", name, code, codeOf(c.want))
		}
	}
}

// TestUndelivered_FrameOfADialect_ComesBack: the sender gets the frame itself, and whether it
// may have arrived.
func TestUndelivered_FrameOfADialect_ComesBack(t *testing.T) {
	g := testGateway(t, Config{})
	for code, lost := range map[proto.ErrorCode]bool{proto.NotFound: false, proto.NotDelivered: true} {
		x := foreignFrame(awaySession(g), "peerjs")
		f, ok := dialect.Parse(g.undelivered(x, code, nil))
		if !ok || string(f.From) != string(x.From) || f.Lost != lost || f.Tries == 0 {
			t.Errorf("%s: got %+v, ok %v, want it back, lost %v", code, f, ok, lost)
		}
	}
}
