package peerjs_test

import (
	"path/filepath"
	"strings"
	"testing"

	"p2pconnector/e2e/kit"
)

// TestHTTP_EveryDocument_IsAPage: PeerJS is served on many paths, but on none of the
// gateway's own pages.
func TestHTTP_EveryDocument_IsAPage(t *testing.T) {
	files, err := filepath.Glob("../../../gateway/web/docs/*.md")
	if err != nil || len(files) < 10 {
		t.Fatalf("got %d documents, error %v, want them all", len(files), err)
	}
	paths := []string{"/", "/docs", "/docs/", "/demo"}
	for _, f := range files {
		if name := strings.TrimSuffix(filepath.Base(f), ".md"); name != "README" {
			paths = append(paths, "/docs/"+name)
		}
	}
	s := kit.Start(t, kit.Options{Gateways: 1})
	for _, path := range paths {
		resp, err := kit.HTTP.Get(httpURL(s, 0, path))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if kind := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || !strings.HasPrefix(kind, "text/html") {
			t.Errorf("%s: got %d %q, want 200 and text/html", path, resp.StatusCode, kind)
		}
	}
}
