package browser

import (
	"bufio"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/e2e/kit/npm"
	"p2pconnector/gateway"
)

// ours is the folder of our package of npm.
const ours = "../../../gateway/web"

// built builds an example that uses our package, with the packages that its package.json
// names, and returns its pages. Its types are checked first.
func built(t *testing.T, name string) (dist string) {
	t.Helper()
	dir := t.TempDir()
	for _, pattern := range []string{"*.ts", "*.tsx", "*.html", "*.json"} {
		paths, err := filepath.Glob(filepath.Join("../../examples", name, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if base := filepath.Base(path); base != "package-lock.json" {
				if err := os.WriteFile(filepath.Join(dir, base), text, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	npm.InstallOurs(t, dir, ours)
	cmd := exec.Command("npm", "run", "build")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm run build: got %v, want a page\n%s", err, out)
	}
	return filepath.Join(dir, "dist")
}

func TestExampleVite_StrictTypes_TwoPagesSeeEachOther(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 2, RoomServices: 1})
	dist := os.DirFS(built(t, "vite"))
	for i := range 2 {
		p := b.open(t, fmt.Sprint("tab ", i), serveExample(t, "vite", dist, stack.HTTP(i)))
		defer seesOne(p)
	}
}

// seesOne waits until a page shows the video of one other.
func seesOne(p *tab) {
	p.t.Helper()
	p.until("the other is seen", `(() => { const all = [...document.querySelectorAll("video")];
		return all.length === 1 && all[0].videoWidth > 0 && all[0].currentTime > 0.2; })()`)
}

// TestExampleReact_UseRoom_ShowsMembersAndMessages: React runs each effect twice in strict mode, so the first
// connection of each page must leave.
func TestExampleReact_UseRoom_ShowsMembersAndMessages(t *testing.T) {
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 2, RoomServices: 1})
	dist := os.DirFS(built(t, "react"))
	one := b.open(t, "one", serveExample(t, "react", dist, stack.HTTP(0)))
	two := b.open(t, "two", serveExample(t, "react", dist, stack.HTTP(1)))
	for _, p := range []*tab{one, two} {
		p.until("two are here", `document.querySelector("#state")?.textContent === "open, 2 here"`)
	}
	one.fill("input", "hello\n")
	two.until("it is shown", `/^[0-9a-f]{8}: hello$/.test(document.querySelector("ol").textContent)`)
	one.until("also where it was said", `document.querySelector("ol").textContent === "me: hello"`)
}

// callFiles is a video call: the files and commands that lead to it from an empty folder.
const (
	callPage = `<script type="module">
  import { connect } from "peer2peer-connector";
  const media = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
  const p2p = await connect(GATEWAY);
  p2p.on("peer", (peer) => {
    const video = Object.assign(document.createElement("video"), { autoplay: true });
    document.body.append(video);
    for (const track of media.getTracks()) peer.addTrack(track, media);
    peer.on("track", ({ streams }) => (video.srcObject = streams[0]));
  });
  const room = await p2p.joinRoom("tea", { create: true });
  for (const { id } of room.others) p2p.connectPeer(id);
</script>
`
	callInstall = "npm install peer2peer-connector.tgz vite"
	callServe   = "npx vite"
)

// TestPackage_EmptyFolder_BecomesACall goes from an empty folder to a call of two tabs, and
// tells how long that took.
func TestPackage_EmptyFolder_BecomesACall(t *testing.T) {
	if lines := strings.Count(callPage, "\n") + 2; lines >= 20 {
		t.Errorf("got %d lines of page and commands, want fewer than 20", lines)
	}
	b := startBrowser(t)
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1, Gateway: func(c *gateway.Config) { c.AllowedOrigins = "http://127.0.0.1:*" }})
	packed := npm.Pack(t, ours)
	start := time.Now()
	dir := t.TempDir()
	args := strings.Fields(strings.Replace(callInstall, "peer2peer-connector.tgz", packed, 1))
	npm.Run(t, dir, args[1:]...)
	page := strings.Replace(callPage, "GATEWAY", fmt.Sprintf("%q", stack.URL(0)), 1)
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte("<!doctype html>\n"+page), 0o644); err != nil {
		t.Fatal(err)
	}
	address := startVite(t, dir)
	one, two := b.open(t, "one", address), b.open(t, "two", address)
	seesOne(one)
	seesOne(two)
	t.Logf("from an empty folder to a call: %.1f s", time.Since(start).Seconds())
}

// startVite serves the pages in dir as a developer does, and returns their address.
func startVite(t *testing.T, dir string) string {
	t.Helper()
	fields := strings.Fields(callServe)
	cmd := exec.Command(filepath.Join(dir, "node_modules", ".bin", fields[1]), "--host", "127.0.0.1", "--port", "0")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	kit.DieWithParent(cmd)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("vite cannot run here: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()         // killed
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if i := strings.Index(lines.Text(), "http://"); i >= 0 {
			address := strings.TrimSpace(lines.Text()[i:])
			if _, err := url.Parse(address); err == nil {
				return address
			}
		}
	}
	t.Fatal("vite: got no address, want one")
	return ""
}
