package browser

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"p2pconnector/gateway/web"
)

// pages serves connector.js as a gateway does, and this package's own pages and
// modules below /test/.
func pages(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/", web.Handler(web.Options{}))
	mux.Handle("/test/", http.StripPrefix("/test/", http.FileServer(http.Dir("testdata/js"))))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// result is the result of one test, as the harness in testdata/js reports it.
type result struct {
	Name  string
	Error string
}

// report runs results as subtests of t.
func report(t *testing.T, results []result) {
	t.Helper()
	if len(results) == 0 {
		t.Fatal("got no test that the page ran, want some")
	}
	for _, r := range results {
		t.Run(r.Name, func(t *testing.T) {
			if r.Error != "" {
				t.Error(r.Error)
			}
		})
	}
}

// TestModules_EachJavaScriptTest_Passes runs the tests of connector.js's parts that need no server: the
// tests provide time, randomness and the WebSocket.
func TestModules_EachJavaScriptTest_Passes(t *testing.T) {
	b := startBrowser(t)
	s := pages(t)
	for _, name := range []string{"timing", "roomstate", "link", "requests", "rooms", "joins", "signaling", "negotiation", "version", "demo"} {
		t.Run(name, func(t *testing.T) {
			p := b.open(t, name, s.URL+"/test/blank.html")
			report(t, p.suite(name, *only))
		})
	}
}
