package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"p2pconnector/e2e/kit/npm"
)

// The packages of npm that the tests run: a client, and the server that the gateways replace.
const (
	torrentClient  = "webtorrent@2.8.5"
	torrentTracker = "bittorrent-tracker@11.2.3"
)

// torrentPages serves a blank page, the client, and what the tests do with it.
func torrentPages(t *testing.T) string {
	t.Helper()
	script := packedFile(t, torrentClient, "dist/webtorrent.min.js")
	mux := http.NewServeMux()
	mux.Handle("/test/", http.StripPrefix("/test/", http.FileServer(http.Dir("testdata/js"))))
	mux.HandleFunc("/webtorrent.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = w.Write([]byte(script)) // the page may be gone
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

// startTracker starts bittorrent-tracker's own server and returns its address.
func startTracker(t *testing.T) (address string) {
	t.Helper()
	dir := npm.Folder(t, torrentTracker)
	server := filepath.Join(dir, "node_modules", "bittorrent-tracker", "server.js")
	if _, err := os.Stat(server); err != nil {
		npm.Run(t, dir, "install", "--silent", "--no-save", "--ignore-scripts", "--prefix", dir, torrentTracker)
	}
	return fmt.Sprintf("ws://127.0.0.1:%d/announce", startNode(t, filepath.Join("testdata", "tracker.mjs"), server))
}

// torrentPage opens a page that has a client of WebTorrent.
func torrentPage(t *testing.T, b *browser, url, name string) *tab {
	t.Helper()
	p := b.open(t, name, url+"/test/blank.html")
	p.eval(nil, `import("/webtorrent.js").then((m) => { globalThis.WebTorrent = m.default; return import("/test/webtorrent.js"); }).then(() => own.begin())`)
	return p
}

const fileBytes = 300_000

// torrentSteps shares a file from one page to two others, through trackers at two addresses.
func torrentSteps(t *testing.T, b *browser, url, one, two string) {
	t.Helper()
	ann, ben, cid := torrentPage(t, b, url, "Ann"), torrentPage(t, b, url, "Ben"), torrentPage(t, b, url, "Cid")
	var hash string
	ann.eval(&hash, `own.seed(%d, %q)`, fileBytes, one)
	ben.eval(nil, `own.add(%q, %q)`, hash, two)
	ben.until("the file arrives", fmt.Sprintf(`own.got(%d)`, fileBytes))
	cid.eval(nil, `own.add(%q, %q)`, hash, one)
	cid.until("the file arrives", fmt.Sprintf(`own.got(%d)`, fileBytes))
	for _, p := range []*tab{ann, ben, cid} {
		var warnings []string
		if p.eval(&warnings, `own.warnings`); len(warnings) > 0 {
			t.Errorf("%s: got warnings %q, want none", p.name, warnings)
		}
	}
}

// TestWebTorrent_RealClient_SharesAFileOverTwoGateways runs the client from npm against two
// gateways, and the same steps against the tracker from npm.
func TestWebTorrent_RealClient_SharesAFileOverTwoGateways(t *testing.T) {
	b := startBrowser(t)
	url := torrentPages(t)
	t.Run("gateways", func(t *testing.T) {
		s := startOpenGateways(t)
		torrentSteps(t, b, url, s.URL(0)+"announce", s.URL(1)+"announce")
	})
	t.Run("bittorrent-tracker", func(t *testing.T) {
		address := startTracker(t)
		torrentSteps(t, b, url, address, address)
	})
}

// TestWebTorrent_GatewayKilled_ClientAnnouncesAgain kills the gateway of the page that has the
// file. It announces to another one, and the file arrives.
func TestWebTorrent_GatewayKilled_ClientAnnouncesAgain(t *testing.T) {
	b := startBrowser(t)
	url := torrentPages(t)
	s := startOpenGateways(t)
	near, far := hostOf(s, 0), hostOf(s, 1)
	ann, ben := torrentPage(t, b, url, "Ann"), torrentPage(t, b, url, "Ben")
	var hash string
	ann.eval(&hash, `own.seed(%d, "ws://127.0.0.1:%d/announce")`, fileBytes, balance(t, far, near))
	ann.eval(nil, `void (Math.random = () => 0)`) // it waits for 10 s, and not up to 5 minutes more
	s.KillGateway(t, 1)
	ben.eval(nil, `own.add(%q, %q)`, hash, s.URL(0)+"announce")
	ben.until("the file arrives", fmt.Sprintf(`own.got(%d)`, fileBytes))
}
