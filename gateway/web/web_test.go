package web

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// get asks h for path as a browser on host would.
func get(t *testing.T, h http.Handler, method, path string, head ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, "http://gateway.test:8080"+path, nil)
	for i := 0; i+1 < len(head); i += 2 {
		r.Header.Set(head[i], head[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestHandler_EachPath_HasItsType(t *testing.T) {
	h := Handler(Options{})
	for path, kind := range map[string]string{
		"/":                  "text/html; charset=utf-8",
		"/demo":              "text/html; charset=utf-8",
		"/connector.js":      "text/javascript; charset=utf-8",
		"/connector/link.js": "text/javascript; charset=utf-8",
		"/connector.d.ts":    "text/plain; charset=utf-8",
		"/web/base.css":      "text/css; charset=utf-8",
		"/web/demo/main.js":  "text/javascript; charset=utf-8",
		"/web/icon.svg":      "image/svg+xml",
		"/status.json":       "application/json",
		"/docs":              "text/html; charset=utf-8",
		"/docs/":             "text/html; charset=utf-8",
		"/docs/settings":     "text/html; charset=utf-8",
		"/docs/index.json":   "application/json",
	} {
		r := get(t, h, "GET", path)
		if r.StatusCode != 200 || r.Header.Get("Content-Type") != kind {
			t.Errorf("GET %s: got %d %q, want 200 %q", path, r.StatusCode, r.Header.Get("Content-Type"), kind)
		}
		if b := body(t, r); b == "" {
			t.Errorf("%s: got nothing, want content", path)
		}
		if r := get(t, h, "HEAD", path); r.StatusCode != 200 {
			t.Errorf("HEAD %s: got %d, want 200", path, r.StatusCode)
		}
	}
	for _, path := range []string{"/nothing", "/web/", "/web/../web.go", "/templates/page.html", "/connector/", "/demo/x", "/docs/README", "/docs/settings.md"} {
		r := get(t, h, "GET", path)
		if r.StatusCode != 404 || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") {
			t.Errorf("GET %s: got %d %q, want 404 text/plain", path, r.StatusCode, r.Header.Get("Content-Type"))
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		if r := get(t, h, method, "/"); r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s /: got %d, Allow %q, want 405, GET, HEAD", method, r.StatusCode, r.Header.Get("Allow"))
		}
	}
}

func TestAssets_Each_HasAKnownType(t *testing.T) {
	for path, a := range assets(Options{}) {
		if a.kind == "" {
			t.Errorf("%s: got no Content-Type, want one", path)
		}
	}
}

// typeImports are for the type checker, which reads the repository.
var typeImports = regexp.MustCompile(`(?m)^/\*\* @import .*$`)

func TestAssets_EveryImportAndLink_IsServed(t *testing.T) {
	files := assets(Options{})
	for path, a := range files {
		if path == "/connector.d.ts" {
			continue // types name a file relative to themselves only in comments
		}
		for _, ref := range references(path, typeImports.ReplaceAllString(string(a.body), "")) {
			if _, ok := files[ref]; !ok && ref != "/status.json" {
				t.Errorf("%s: got a reference to %s, want one that is served", path, ref)
			}
		}
	}
}

func TestHandler_ETag_AnswersNotModified(t *testing.T) {
	h := Handler(Options{})
	tag := get(t, h, "GET", "/connector.js").Header.Get("ETag")
	if tag == "" {
		t.Fatal("got no ETag, want one")
	}
	r := get(t, h, "GET", "/connector.js", "If-None-Match", tag)
	if r.StatusCode != 304 || body(t, r) != "" {
		t.Errorf("with the same ETag: got %d, want an empty 304", r.StatusCode)
	}
	if r := get(t, h, "GET", "/connector.js", "If-None-Match", `"other"`); r.StatusCode != 200 {
		t.Errorf("with another ETag: got %d, want 200", r.StatusCode)
	}
}

func TestHandler_EachPath_HasSecurityHeaders(t *testing.T) {
	h := Handler(Options{})
	for _, path := range []string{"/", "/demo", "/docs/settings", "/connector.js", "/status.json", "/nothing"} {
		r := get(t, h, "GET", path)
		csp := r.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "ws://gateway.test:* wss://gateway.test:*", "frame-ancestors 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("policy of %s: got %q, want %q in it", path, csp, want)
			}
		}
		if strings.Contains(csp, "unsafe") {
			t.Errorf("policy of %s: got %q, want nothing unsafe", path, csp)
		}
		if r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Referrer-Policy") != "no-referrer" || r.Header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("headers of %s: got %v, want nosniff, no-referrer and DENY", path, r.Header)
		}
	}
	if r := get(t, h, "GET", "/connector/peer.js"); r.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("connector.js: got Access-Control-Allow-Origin %q, want *", r.Header.Get("Access-Control-Allow-Origin"))
	}
	if r := get(t, h, "GET", "/status.json"); r.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("status: got Access-Control-Allow-Origin %q, want none", r.Header.Get("Access-Control-Allow-Origin"))
	}
}

func TestDocuments_Resources_AreThisServers(t *testing.T) {
	for _, path := range guidePages(t) {
		b := string(assets(Options{})[path].body)
		for _, bad := range []string{"<script>", "<style", " style=", " onclick=", "javascript:", ` src="http`, `<link rel="stylesheet" href="http`} {
			if strings.Contains(b, bad) {
				t.Errorf("%s: got %q in it, want nothing that the policy forbids or that asks another server", path, bad)
			}
		}
	}
}

func TestPages_InlineScriptOrStyle_IsAbsent(t *testing.T) {
	for _, path := range []string{"/", "/demo"} {
		b := string(assets(Options{})[path].body)
		for _, bad := range []string{"<script>", "<style", " style=", " onclick=", "javascript:", "http://", "https://"} {
			text := strings.ReplaceAll(b, "http://www.w3.org/2000/svg", "")
			if strings.Contains(text, bad) {
				t.Errorf("%s: got %q in it, want nothing that the policy forbids or that asks another server", path, bad)
			}
		}
	}
}

func TestPolicy_HostileHost_IsNotInIt(t *testing.T) {
	for host, want := range map[string]string{
		"localhost":        "ws://localhost:* wss://localhost:*",
		"10.0.0.7:8080":    "ws://10.0.0.7:* wss://10.0.0.7:*",
		"[::1]:8080":       "connect-src 'self';",
		"a; script-src *":  "connect-src 'self';",
		"evil'unsafe:8080": "connect-src 'self';",
		"":                 "connect-src 'self';",
	} {
		if p := policy(host); !strings.Contains(p, want) || strings.Contains(p, "script-src *") {
			t.Errorf("policy(%q): got %q, want %q in it", host, p, want)
		}
	}
}

func TestStatus_EachState_IsServed(t *testing.T) {
	n := 0
	h := Handler(Options{Status: func() Status {
		n++
		return Status{Gateway: "0a1b2c3d", Connections: n, Rooms: 2, Ready: true}
	}})
	for want := 1; want <= 2; want++ {
		r := get(t, h, "GET", "/status.json")
		var s Status
		if err := json.Unmarshal([]byte(body(t, r)), &s); err != nil {
			t.Fatal(err)
		}
		if s.Connections != want || s.Gateway != "0a1b2c3d" || s.Rooms != 2 || !s.Ready {
			t.Errorf("status: got %+v, want %d connections, gateway 0a1b2c3d, 2 rooms, ready", s, want)
		}
		if r.Header.Get("Cache-Control") != "no-store" {
			t.Error("got a status that may be cached, want no-store")
		}
	}
}

func TestHandler_PageOff_IsNotServed(t *testing.T) {
	h := Handler(Options{Off: true})
	r := get(t, h, "GET", "/")
	if b := body(t, r); r.StatusCode != 200 || b != offText || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("GET /: got %d %q, want 200 %q", r.StatusCode, b, offText)
	}
	for _, path := range []string{"/demo", "/docs", "/docs/settings", "/docs/index.json", "/status.json", "/web/page.js"} {
		if r := get(t, h, "GET", path); r.StatusCode != 404 {
			t.Errorf("GET %s: got %d, want 404", path, r.StatusCode)
		}
	}
	if r := get(t, h, "GET", "/connector.js"); r.StatusCode != 200 {
		t.Errorf("GET /connector.js: got %d, want 200", r.StatusCode)
	}
}

// TestStatus_AnybodyAsks_LearnsWhatThePageShows: the fields are those that the page's script
// reads, and no others.
func TestStatus_AnybodyAsks_LearnsWhatThePageShows(t *testing.T) {
	var fields map[string]any
	if err := json.Unmarshal([]byte(body(t, get(t, Handler(Options{}), "GET", "/status.json"))), &fields); err != nil {
		t.Fatal(err)
	}
	want := []string{"connections", "draining", "gateway", "ready", "rooms"}
	if got := slices.Sorted(maps.Keys(fields)); !slices.Equal(got, want) {
		t.Errorf("got fields %q, want %q", got, want)
	}
	script := string(assets(Options{})["/web/page.js"].body)
	for _, field := range want {
		if !strings.Contains(script, "s."+field) {
			t.Errorf("page.js: got no use of %s, want one or the field out of /status.json", field)
		}
	}
}

// TestHandler_PersonAsksForNothing_GetsAPage: a browser gets links, a program one line.
func TestHandler_PersonAsksForNothing_GetsAPage(t *testing.T) {
	r := get(t, Handler(Options{}), "GET", "/nothing", "Accept", "text/html,*/*;q=0.8")
	text := body(t, r)
	if r.StatusCode != 404 || r.Header.Get("Content-Type") != kinds[".html"] || !strings.Contains(text, `href="/demo"`) {
		t.Errorf("got %d %q %.60q, want a 404 page with a link to the demo", r.StatusCode, r.Header.Get("Content-Type"), text)
	}
	files := assets(Options{})
	for _, ref := range references("/", text) {
		if _, ok := files[ref]; !ok {
			t.Errorf("page for paths without a page: got a reference to %s, want one that is served", ref)
		}
	}
}

func TestHandler_DemoWithASlash_LeadsToTheDemo(t *testing.T) {
	r := get(t, Handler(Options{}), "GET", "/demo/?ports=8081")
	if got, want := r.Header.Get("Location"), "/demo?ports=8081"; r.StatusCode != 308 || got != want {
		t.Errorf("got %d to %q, want 308 to %q", r.StatusCode, got, want)
	}
	if r := get(t, Handler(Options{Off: true}), "GET", "/demo/"); r.StatusCode != 404 {
		t.Errorf("page off: got %d, want 404", r.StatusCode)
	}
}

// TestLicence_Served_IsTheRepositorys: a module cannot embed the file of the folder above.
func TestLicence_Served_IsTheRepositorys(t *testing.T) {
	want, err := os.ReadFile("../../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	if got := body(t, get(t, Handler(Options{}), "GET", "/licence")); got != string(want) {
		t.Errorf("got the licence %.40q, want %.40q", got, want)
	}
}
