package browser

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"p2pconnector/e2e/kit/npm"
)

// The packages of npm that the tests run, and the one that makes scripts of them. They include
// the servers that the gateways replace: y-webrtc has its own, and Trystero needs a relay of nostr.
var (
	yjsPackages      = []string{"y-webrtc@10.3.0", "yjs@13.6.27"}
	trysteroPackages = []string{"trystero@0.25.4"}
	relayPackages    = []string{"@nostr-relay/core@0.0.40", "@nostr-relay/common@0.0.40", "@nostr-relay/validator@0.0.40", "ws@8.23.0"}
)

const bundler = "esbuild@0.25.9"

// install returns a folder with packages of npm and the bundler, or skips the test.
func install(t *testing.T, packages []string) (dir string) {
	t.Helper()
	return npm.Install(t, append([]string{bundler}, packages...)...)
}

// bundle returns a script of a format, iife or esm, with what entry exports: as the global
// lib, or as a module.
func bundle(t *testing.T, dir, format, entry string) string {
	t.Helper()
	cmd := exec.Command(filepath.Join(dir, "node_modules", ".bin", "esbuild"), "--bundle", "--format="+format, "--global-name=lib", "--define:global=globalThis", "--loader=js")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(entry)
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("%s cannot run here: %v", bundler, err)
	}
	return string(out)
}

// libPage opens a page with a script and a module of testdata. Each page has an origin and a
// browser context of its own: pages that share both would find each other without a server.
func libPage(t *testing.T, b *browser, name, script, module string) *tab {
	t.Helper()
	p := b.open(t, name, pages(t).URL+"/test/blank.html", chromedp.WithNewBrowserContext())
	p.eval(nil, "%s", script+"\nglobalThis.lib = lib;0")
	p.eval(nil, `import("/test/%s.js").then(() => true)`, module)
	return p
}

// startYjsServer starts y-webrtc's own server and returns its URL, or skips the test.
func startYjsServer(t *testing.T, dir string) (url string) {
	t.Helper()
	return fmt.Sprintf("ws://127.0.0.1:%d", startNode(t, filepath.Join(dir, "node_modules", "y-webrtc", "bin", "server.js")))
}

// yjsSteps makes documents of three pages converge, through the servers at two URLs.
func yjsSteps(t *testing.T, b *browser, script, room, one, two, password string) (ann, ben *tab) {
	t.Helper()
	begin := func(name, url string) *tab {
		p := libPage(t, b, name, script, "yjs")
		p.eval(nil, `own.begin(%q, [%q], %q)`, room, url, password)
		return p
	}
	ann, ben = begin("Ann", one), begin("Ben", two)
	ann.eval(nil, `own.set("ann", 1)`)
	ben.eval(nil, `own.set("ben", 2)`)
	ann.until("Ben's text is there", `own.get("ben") === 2`)
	ben.until("Ann's text is there", `own.get("ann") === 1`)
	late := begin("Late", two)
	late.until("all is there", `own.get("ann") === 1 && own.get("ben") === 2`)
	late.eval(nil, `own.set("late", 3)`)
	ann.until("the late page's text is there", `own.get("late") === 3`)
	for _, p := range []*tab{ann, ben, late} {
		p.until("it is connected to both", `own.others() === 2`)
	}
	return ann, ben
}

// TestYjs_RealClient_DocumentsConvergeOverGateways runs y-webrtc from npm against two
// gateways, in open and in encrypted rooms, and the same steps against its own server.
func TestYjs_RealClient_DocumentsConvergeOverGateways(t *testing.T) {
	b := startBrowser(t)
	dir := install(t, yjsPackages)
	script := bundle(t, dir, "iife", `export {WebrtcProvider} from "y-webrtc"; export {Doc} from "yjs"`)
	t.Run("gateways", func(t *testing.T) {
		s := startOpenGateways(t)
		yjsSteps(t, b, script, "room", s.URL(0)+"yjs", s.URL(1)+"yjs", "")
	})
	t.Run("gateways, encrypted", func(t *testing.T) {
		s := startOpenGateways(t)
		yjsSteps(t, b, script, "room", s.URL(0)+"yjs", s.URL(1)+"yjs", "secret")
	})
	t.Run("own server", func(t *testing.T) {
		url := startYjsServer(t, dir)
		yjsSteps(t, b, script, "room", url, url, "")
	})
}

// TestYjs_GatewayKilled_NewPagesMeetTheOldOnes kills the gateway of one page, which connects
// to the other one through a load balancer, and meets a page that comes then.
func TestYjs_GatewayKilled_NewPagesMeetTheOldOnes(t *testing.T) {
	b := startBrowser(t)
	dir := install(t, yjsPackages)
	script := bundle(t, dir, "iife", `export {WebrtcProvider} from "y-webrtc"; export {Doc} from "yjs"`)
	s := startOpenGateways(t)
	near, far := hostOf(s, 0), hostOf(s, 1)
	balanced := fmt.Sprintf("ws://127.0.0.1:%d/yjs", balance(t, far, near))
	ann, ben := yjsSteps(t, b, script, "room", s.URL(0)+"yjs", balanced, "")
	s.KillGateway(t, 1)
	ben.until("it is connected again", `own.connected()`)
	after := libPage(t, b, "After", script, "yjs")
	after.eval(nil, `own.begin("room", [%q])`, s.URL(0)+"yjs")
	after.until("all is there", `own.get("ann") === 1 && own.get("ben") === 2`)
	after.until("it is connected to all", `own.others() === 3`)
	after.eval(nil, `own.set("after", 4)`)
	for _, p := range []*tab{ann, ben} {
		p.until("the new page's text is there", `own.get("after") === 4`)
	}
}

// startRelay starts a relay of nostr and returns its URL. The relay checks the signature of each
// event.
func startRelay(t *testing.T) (url string) {
	t.Helper()
	return fmt.Sprintf("ws://127.0.0.1:%d", startNode(t, filepath.Join("testdata", "relay.mjs"), install(t, relayPackages)))
}

// trysteroSteps makes two pages exchange texts, through the relays at two URLs.
func trysteroSteps(t *testing.T, b *browser, script, one, two string) {
	t.Helper()
	var all []*tab
	for i, url := range []string{one, two} {
		p := libPage(t, b, fmt.Sprint("page ", i), script, "trystero")
		p.eval(nil, `own.begin("room", [%q])`, url)
		all = append(all, p)
	}
	for _, p := range all {
		p.until("the other one is there", `own.peers.length === 1`)
	}
	for i, p := range all {
		p.eval(nil, `own.send("hello")`)
		all[1-i].until("the text arrives", `own.received[0] === "hello"`)
	}
}

// TestTrystero_RealClient_PagesMeetOverGateways runs trystero from npm, with its default
// strategy nostr, against two gateways, and the same steps against a relay from npm.
func TestTrystero_RealClient_PagesMeetOverGateways(t *testing.T) {
	b := startBrowser(t)
	script := bundle(t, install(t, trysteroPackages), "iife", `export {joinRoom} from "trystero"`)
	t.Run("gateways", func(t *testing.T) {
		s := startOpenGateways(t)
		trysteroSteps(t, b, script, s.URL(0)+"nostr", s.URL(1)+"nostr")
	})
	t.Run("nostr-relay", func(t *testing.T) {
		url := startRelay(t)
		trysteroSteps(t, b, script, url, url)
	})
}
