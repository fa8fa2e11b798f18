package gateway

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/proto"
)

// TestEras: a frame is overtaken by one that its sender has sent in a later era,
// and by no other.
func TestEras(t *testing.T) {
	var eras eras
	ann, ben := proto.NewPeerID(gwA), proto.NewPeerID(gwA)
	for i, c := range []struct {
		from      proto.PeerID
		era       uint64
		overtaken bool
	}{
		{ann, 0, false}, {ann, 1, false}, {ann, 1, false}, {ann, 0, true},
		{ben, 0, false}, {ann, 3, false}, {ann, 2, true}, {ann, 3, false}, {ben, 0, false},
	} {
		if got := eras.overtaken(c.from, c.era, int64(i)); got != c.overtaken {
			t.Errorf("step %d: overtaken %v", i, got)
		}
	}
	if n := eras.n.Load(); n != 1 {
		t.Errorf("%d senders are remembered; those in their first era need no place", n)
	}
}

// TestErasForget: a sender is remembered as long as it is heard and a while more,
// and no more of them than there is room for.
func TestErasForget(t *testing.T) {
	var eras eras
	ann := proto.NewPeerID(gwA)
	eras.overtaken(ann, 1, 0)
	eras.overtaken(ann, 1, int64(2*time.Second))
	eras.sweep(int64(eraMemory + time.Second))
	if !eras.overtaken(ann, 0, 0) {
		t.Error("one that was heard again is forgotten")
	}
	eras.sweep(int64(eraMemory + 3*time.Second))
	if eras.overtaken(ann, 0, 0) || eras.n.Load() != 0 {
		t.Error("one that was not heard for long is remembered")
	}
	for range maxEras {
		eras.overtaken(proto.NewPeerID(gwA), 1, 0)
	}
	eras.overtaken(ann, 1, 0)
	if eras.n.Load() != maxEras || eras.overtaken(ann, 0, 0) {
		t.Errorf("%d senders are remembered", eras.n.Load())
	}
}

// TestLateRelayIsRefused: a gateway that was out of reach still has a frame of a
// peer that was taken over meanwhile. It arrives nowhere where newer ones did.
func TestLateRelayIsRefused(t *testing.T) {
	g := testGateway(t, Config{})
	from, to := proto.NewPeerID(gwA), proto.NewPeerID(g.id)
	s := &session{g: g, id: to, phase: away}
	g.sessions.put(s)
	seq := uint64(0)
	come := func(frame string, era uint64) {
		t.Helper()
		seq++
		subject, err := proto.PeerSubject(to)
		if err != nil {
			t.Fatal(err)
		}
		g.onMessage(&nats.Msg{Subject: subject, Reply: string(proto.AppendLostSubject(nil, gwA, seq, seq, era)), Data: []byte(frame)})
	}
	message := func(n int) string { return fmt.Sprintf(`{"event":"Message","from":"%s","data":%d}`, from, n) }
	offer := string(g.serverFrame(proto.TypeInfo, string(proto.Offer), proto.ConnectData(from, []byte(`"v=0"`), []byte("{}")), nil))
	come(message(1), 0)
	come(message(2), 1)
	come(message(3), 0)
	come(offer, 0)
	come(message(4), 1)
	come(offer, 2)
	come(message(5), 1)
	var texts []string
	for _, f := range s.kept.frames {
		texts = append(texts, string(f))
	}
	if got, want := strings.Join(texts, "\n"), strings.Join([]string{message(1), message(2), message(4), offer}, "\n"); got != want {
		t.Errorf("came:\n%s\nwant:\n%s", got, want)
	}
	if n := g.stats.late.Load(); n != 3 {
		t.Errorf("%d frames are counted as late", n)
	}
}

// TestRelayBehindItsSuccessorsIsRefused: a gateway that has connected to another NATS
// server is heard through both for a moment, when the first one wakes up.
func TestRelayBehindItsSuccessorsIsRefused(t *testing.T) {
	g := testGateway(t, Config{})
	s := &session{g: g, id: proto.NewPeerID(g.id), phase: away}
	g.sessions.put(s)
	subject, err := proto.PeerSubject(s.id)
	if err != nil {
		t.Fatal(err)
	}
	g.heads[gwA] = 4
	for _, link := range []uint64{5, 4, 3, 6, 0} {
		g.onMessage(&nats.Msg{Subject: subject, Reply: string(proto.AppendLostSubject(nil, gwA, 10+link, link, 0)), Data: fmt.Append(nil, link)})
	}
	if got := joinText(s.kept.frames); got != "5 6 0" {
		t.Errorf("came: %q", got)
	}
	if n := g.stats.late.Load(); n != 2 || len(g.words.since(0, gwA)) != 2 {
		t.Errorf("%d frames are counted as late", n)
	}
}

// TestLateRelayInProcessIsRefused is the same between two peers of the gateway that
// was out of reach.
func TestLateRelayInProcessIsRefused(t *testing.T) {
	g := testGateway(t, Config{})
	c := testConn(g, nil)
	to := &session{g: g, id: proto.NewPeerID(g.id), phase: away}
	g.sessions.put(c.session)
	g.sessions.put(to)
	send := func() *proto.Error {
		t.Helper()
		sc := new(scratch)
		if e := sc.frame.Decode(fmt.Appendf(nil, `{"event":"Message","to":"%s"}`, to.id)); e != nil {
			t.Fatal(e)
		}
		return c.relay(sc)
	}
	if e := send(); e != nil || len(to.kept.frames) != 1 {
		t.Fatalf("before it was taken over: %v, %d frames", e, len(to.kept.frames))
	}
	g.eras.overtaken(c.session.id, 1, 0)
	if e := send(); e == nil || e.Code != proto.NotDelivered || len(to.kept.frames) != 1 {
		t.Errorf("after the new holder was heard: %v, %d frames", e, len(to.kept.frames))
	}
	c.era = 1
	if e := send(); e != nil || len(to.kept.frames) != 2 {
		t.Errorf("as the new holder: %v, %d frames", e, len(to.kept.frames))
	}
}
