package node

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
)

// patience bounds a script; a passing test never waits that long.
const patience = 2 * time.Minute

func TestMain(m *testing.M) { kit.Main(m) }

// modules makes a folder with connector.js, as an application has it, and our
// scripts.
func modules(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, from := range []string{"../../../gateway/web/connector", "testdata"} {
		to := dir
		if from != "testdata" {
			to = filepath.Join(dir, "connector")
		}
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	entry, err := os.ReadFile("../../../gateway/web/connector.js")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"connector.js": string(entry), "package.json": `{"type":"module"}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// run runs a script of testdata, which must end by itself with code 0; an unhandled
// error makes Node exit with another code.
func run(t *testing.T, script string, args ...string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no Node here: install nodejs to run this test")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, append([]string{"--no-warnings", "--experimental-websocket", script}, args...)...)
	cmd.Dir = modules(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("node %s: %v, want exit code 0\n%s", script, err, out)
	}
}

// TestLinkState_EachInput_LeadsOn walks through the phases of a link.
func TestLinkState_EachInput_LeadsOn(t *testing.T) {
	run(t, "linkstate.js")
}

// TestFrames_WithoutServer_TellWhatHappened holds what is refused before it is sent, what an answer
// to a repeat means, and what a signal and a reload lead to.
func TestFrames_WithoutServer_TellWhatHappened(t *testing.T) {
	run(t, "frames.js")
}

func TestNode_NoWebSocket_ConnectRejectsAndSaysWhatToPass(t *testing.T) {
	run(t, "nosocket.js")
}

func TestNode_BadAddress_ConnectRejectsAndNamesIt(t *testing.T) {
	run(t, "badaddress.js")
}

func TestNode_ServerDown_TriesAgainAndProcessLives(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close() // no process listens there now
	run(t, "down.js", "ws://"+addr)
}

func TestNode_RealServer_RoomsAndMessagesWork(t *testing.T) {
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	run(t, "room.js", stack.URL(0))
}

func TestNode_RolesAndBans_EveryMemberSeesThem(t *testing.T) {
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	run(t, "moderate.js", stack.URL(0))
}

func TestNode_RoomWithPassword_TakesTheRightOne(t *testing.T) {
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	run(t, "password.js", stack.URL(0))
}

// TestNode_LockedRoom_AdmitsWhoWaits: those who wait move to another gateway meanwhile.
func TestNode_LockedRoom_AdmitsWhoWaits(t *testing.T) {
	stack := kit.Start(t, kit.Options{Gateways: 2, RoomServices: 1})
	run(t, "waiting.js", stack.URL(0), stack.URL(1))
}

func TestNode_Rooms_AreNamedInAddresses(t *testing.T) {
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	run(t, "address.js", stack.URL(0))
}
