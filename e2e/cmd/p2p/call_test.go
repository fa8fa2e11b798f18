package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// metered counts the bytes that are read from it.
type metered struct {
	r    io.Reader
	read atomic.Int64
}

func (m *metered) Read(b []byte) (int, error) {
	n, err := m.r.Read(b)
	m.read.Add(int64(n))
	return n, err
}

// pair starts a call and returns when its channel has carried a line each way.
func pair(t *testing.T, s *kit.Stack, args ...string) (a, b *process) {
	t.Helper()
	a, b = start(t, s, 0, append([]string{"call"}, args...)...), start(t, s, 1, append([]string{"call"}, args...)...)
	talk(t, a, b)
	talk(t, b, a)
	return a, b
}

// talk sends a line from one side to the other.
func talk(t *testing.T, from, to *process) {
	t.Helper()
	if _, err := io.WriteString(from.stdin, "hello\n"); err != nil {
		<-from.done
		t.Fatalf("%v; its stderr: %s", err, from.stderr.String())
	}
	if got := to.line(); got != "hello" {
		t.Fatalf("got %q", got)
	}
}

// hangUp ends both directions.
func hangUp(a, b *process) {
	a.stdin.Close()
	b.stdin.Close()
	a.ends(0)
	b.ends(0)
}

// Each direction ends by itself.
func TestCall_OneSideEnds_OtherStillSends(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	a, b := pair(t, s, "half")
	a.stdin.Close()
	talk(t, b, a)
	talk(t, b, a)
	b.stdin.Close()
	if rest, err := io.ReadAll(a.stdout); err != nil || len(rest) > 0 {
		t.Errorf("got %q, %v", rest, err)
	}
	a.ends(0)
	b.ends(0)
}

// With both gateways stopped the call continues, and also when they are back.
func TestCall_GatewaysEnd_GoesOn(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	a, b := pair(t, s, "steady")
	for i := range 2 {
		s.StopGateway(t, i)
	}
	talk(t, a, b)
	talk(t, b, a)
	for i := range 2 {
		s.StartGateway(t, i)
	}
	talk(t, a, b)
	hangUp(a, b)
}

func TestCall_ThirdPeer_IsRefused(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	a, b := pair(t, s, "two")
	start(t, s, 1, "call", "two").failsWith(1, `two others have a call in room "two" already`)
	watcher := s.Dial(t, 0) // not a caller: it does not disturb the call, here or in the other room
	watcher.Join("two")
	watcher.Create("watched")
	talk(t, a, b)
	hangUp(a, b)
	hangUp(pair(t, s, "watched"))
}

// Ctrl-C on one side ends both, and each prints the reason.
func TestCall_Interrupted_FailsOnBothSides(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	a, b := pair(t, s, "short")
	a.interrupt()
	a.failsWith(1, "interrupted after 6 B sent and 6 B received: the copy is not complete")
	b.failsWith(1, "the other side gave up: interrupted")
	alone := start(t, s, 0, "call", "short")
	alone.interrupt()
	alone.failsWith(1, "interrupted")
}

// An error on one side is reported on both.
func TestCall_PipeFails_FailsOnBothSides(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	broken := errors.New("disk full")
	t.Run("stdout", func(t *testing.T) {
		a := start(t, s, 0, "call", "out")
		b := startWith(t, s, 1, strings.NewReader(""), faulty{broken}, "call", "out")
		if _, err := io.WriteString(a.stdin, "hello"); err != nil {
			t.Fatal(err)
		}
		b.failsWith(1, "writing stdout: disk full")
		a.failsWith(1, "the other side gave up: writing stdout: disk full")
	})
	t.Run("stdin", func(t *testing.T) {
		a := start(t, s, 0, "call", "in")
		b := startWith(t, s, 1, faulty{broken}, nil, "call", "in")
		b.failsWith(1, "reading stdin: disk full")
		a.failsWith(1, "the other side gave up: reading stdin: disk full")
	})
}

// faulty fails to read and to write.
type faulty struct{ err error }

func (f faulty) Read([]byte) (int, error)  { return 0, f.err }
func (f faulty) Write([]byte) (int, error) { return 0, f.err }
func (f faulty) Close() error              { return nil }

// A side that is killed sends nothing more; the other side notices.
func TestCall_OtherSideKilled_Fails(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	victim := exec.Command(os.Args[0], "call", "--url", s.URL(0), "killed")
	victim.Env = append(os.Environ(), asProgram+"=1")
	kit.DieWithParent(victim)
	victim.Stderr = t.Output()
	stdin, err := victim.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	defer victim.Wait() // it was killed, which is an error
	defer victim.Process.Kill()
	p := start(t, s, 1, "call", "--give-up", "6s", "killed")
	if _, err := io.WriteString(stdin, "hello\n"); err != nil {
		t.Fatal(err)
	}
	if got := p.line(); got != "hello" {
		t.Fatalf("got %q", got)
	}
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.failsWith(1, "the connection to the other side was lost after 0 B sent and 6 B received")
}

// Callers in the room that do not answer, or that leave, and members that are
// not callers, do not keep the two sides apart.
func TestCall_OthersInTheRoom_FindsThePartner(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	fake := s.Dial(t, 0)
	fake.Send(`{"event":"Join_Room","data":{"room":"crowd","create":true,"metadata":{"p2p":"call"}}}`)
	fake.Expect(proto.ClientAdded)
	a := start(t, s, 0, "call", "--give-up", "9s", "crowd")
	stranger := s.Dial(t, 1)
	var attempts []string
	for len(attempts) < 2 { // without an answer it offers again, under another name
		f := fake.Until("an offer", func(f *client.Frame) bool { return f.Event == string(proto.Offer) })
		var d struct{ Type, SDP, Attempt string }
		if err := json.Unmarshal(f.Data, &d); err != nil || d.Type != "offer" || d.SDP == "" || d.Attempt == "" {
			t.Fatalf("got %s", f.Raw)
		}
		attempts = append(attempts, d.Attempt)
		// An answer to no offer of the other side is dropped.
		fake.Send(`{"event":"Answer","to":%q,"data":{"type":"answer","sdp":"nonsense","attempt":"old"}}`, f.From)
		stranger.Send(`{"event":"Offer","to":%q,"data":{"type":"offer","sdp":"nonsense"}}`, f.From)
	}
	if attempts[0] == attempts[1] {
		t.Error("both offers have one name")
	}
	fake.Send(`{"event":"Leave_Room","data":{"room":"crowd"}}`)
	fake.Until("its leave", func(f *client.Frame) bool { return f.Is(proto.RoomLeft) })
	b := start(t, s, 1, "call", "crowd")
	talk(t, a, b)
	hangUp(a, b)
}
