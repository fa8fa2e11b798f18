package gateway

import (
	"testing"

	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/session"
	"p2pconnector/proto"
)

// foreignFrame is a frame of a client of a dialect to s.
func foreignFrame(s *session.Session, name string) *link.Frame {
	from := proto.NewPeerID("0a1b2c3d")
	f := dialect.Frame{Name: []byte(name), From: []byte(from), Text: []byte(`{}`)}
	return &link.Frame{From: from, To: s.ID(), Data: f.Append(nil)}
}

// TestTake_AnotherProtocol_IsNotFoundOnEveryPath: a client gets frames only from clients of
// its own protocol, whichever way they come, and whatever it accepts.
func TestTake_AnotherProtocol_IsNotFoundOnEveryPath(t *testing.T) {
	g := testGateway(t, Config{AcceptFrom: proto.AcceptNobody})
	c := &session.Conn{Client: mute{}}
	start(g, c, "peerjs")
	native, foreign := accepting(g, proto.AcceptAnyone), c.Session
	for name, c := range map[string]struct {
		s    *session.Session
		f    *link.Frame
		want session.Result
	}{
		"native to native":    {native, direct(native, proto.NewPeerID("0a1b2c3d"), 1), session.Delivered},
		"native to PeerJS":    {foreign, direct(foreign, proto.NewPeerID("0a1b2c3d"), 1), session.NotFound},
		"back end to PeerJS":  {foreign, &link.Frame{To: foreign.ID(), Data: []byte(`{"type":"info","event":"News"}`)}, session.NotFound},
		"PeerJS to PeerJS":    {foreign, foreignFrame(foreign, "peerjs"), session.Delivered},
		"PeerJS to native":    {native, foreignFrame(native, "peerjs"), session.NotFound},
		"another to PeerJS":   {foreign, foreignFrame(foreign, "peer"), session.NotFound},
		"another, no name":    {native, foreignFrame(native, ""), session.Delivered}, // no dialect has no name: it is an unknown event
		"a prefix of a frame": {foreign, &link.Frame{To: foreign.ID(), Data: []byte(`{"event":"dialect/`)}, session.NotFound},
	} {
		if got, ok := c.s.TakeDirect(c.f); got != c.want || !ok {
			t.Errorf("%s, in process: got result %d, %v, want %d, true", name, got, ok, c.want)
		}
		if code := g.links.Send(*c.f); code != c.want.Code() {
			t.Errorf("%s, through the router: got %q, want %q", name, code, c.want.Code())
		}
	}
}

// TestUndelivered_FrameOfADialect_ComesBack: the sender gets the frame itself, and whether it
// may have arrived.
func TestUndelivered_FrameOfADialect_ComesBack(t *testing.T) {
	g := testGateway(t, Config{})
	for code, lost := range map[proto.ErrorCode]bool{proto.NotFound: false, proto.NotDelivered: true} {
		x := foreignFrame(awaySession(g), "peerjs")
		f, ok := dialect.Parse(g.links.Undelivered(x, code, nil))
		if !ok || string(f.From) != string(x.From) || f.Lost != lost || f.Tries == 0 {
			t.Errorf("%s: got %+v, ok %v, want it back, lost %v", code, f, ok, lost)
		}
	}
}
