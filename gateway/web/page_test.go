package web

import (
	"html"
	"net/http"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"p2pconnector/proto"
)

// pageText is the page as a reader sees it: entities resolved.
func pageText() string {
	return html.UnescapeString(string(page(Options{}, proto.Limits{}, proto.SessionGrace)))
}

func TestPage_WholeProtocol_IsNamed(t *testing.T) {
	text := pageText()
	has := func(what, s string) {
		t.Helper()
		if !strings.Contains(text, s) {
			t.Errorf("the page: got no %s %q, want it", what, s)
		}
	}
	for _, d := range proto.ClientEvents {
		has("client event", "<code>"+string(d.Event)+"</code>")
		has("what is needed for "+string(d.Event), d.Needs)
		has("the effect of "+string(d.Event), d.Effect)
		row := between(text, `id="event-`+slug(d.Event)+`"`, "</tr>")
		for _, code := range d.Errors {
			if !strings.Contains(row, ">"+string(code)+"<") {
				t.Errorf("row of %s: got %q, want error %s in it", d.Event, row, code)
			}
		}
	}
	for _, d := range proto.ServerEvents {
		row := between(text, `id="server-`+slug(d.Event)+`"`, "</tr>")
		if !strings.Contains(row, d.Effect) || !strings.Contains(row, string(d.Type)) {
			t.Errorf("row of server event %s: got %q, want type %s and effect %q in it", d.Event, row, d.Type, d.Effect)
		}
	}
	for _, d := range proto.ErrorCodes {
		if row := between(text, `id="error-`+slug(d.Code)+`"`, "</tr>"); !strings.Contains(row, d.When) || !strings.Contains(row, string(d.Code)) {
			t.Errorf("row of error %s: got %q, want the code and %q in it", d.Code, row, d.When)
		}
	}
	for _, d := range proto.CloseCodes {
		if row := between(text, `id="close-`+d.Code.String()+`"`, "</tr>"); !strings.Contains(row, d.Why) || !strings.Contains(row, d.Reason) {
			t.Errorf("row of close code %d: got %q, want %q and %q in it", d.Code, row, d.Reason, d.Why)
		}
	}
	for _, l := range limitRows(proto.Limits{}) {
		has("limit", l.Name)
		has("value of "+l.Name, l.Value)
	}
}

func TestPage_Limits_AreThoseInForce(t *testing.T) {
	rows := limitRows(proto.Limits{MaxMessageBytes: 1234, MessagesPerSecond: 77, BytesPerSecond: 1001, EgressPerSecond: 1002, MaxRooms: 5, MaxRoomMembers: 9})
	for i, want := range []string{"1\u202f234 bytes", "77", "1\u202f001 bytes a second", "1\u202f002 bytes a second", "none", "5", "9"} {
		if rows[i].Value != want {
			t.Errorf("%s: got %q, want %q", rows[i].Name, rows[i].Value, want)
		}
	}
	if rows := limitRows(proto.Limits{}); rows[0].Value != "65\u202f536 bytes" || rows[1].Value != "none" {
		t.Errorf("defaults: got %q, %q, want 65\u202f536 bytes, none", rows[0].Value, rows[1].Value)
	}
}

func TestExamples_EveryEvent_HasOneThatDecodes(t *testing.T) {
	if len(examples) != len(proto.ClientEvents) {
		t.Errorf("examples: got %d, want one for each of %d events", len(examples), len(proto.ClientEvents))
	}
	for _, d := range proto.ClientEvents {
		var f proto.Frame
		if err := f.Decode([]byte(examples[d.Event])); err != nil || f.Event != d.Event {
			t.Errorf("Decode of the example of %s: got event %q, error %v, want %s, none", d.Event, f.Event, err, d.Event)
		}
	}
}

func TestTypes_EveryErrorCode_IsNamed(t *testing.T) {
	types := string(assets(Options{})["/connector.d.ts"].body)
	for _, d := range proto.ErrorCodes {
		if !strings.Contains(types, `"`+string(d.Code)+`"`) {
			t.Errorf("connector.d.ts: got no error code %s, want it", d.Code)
		}
	}
}

func TestExamples_Chat_HasTenLines(t *testing.T) {
	if n := strings.Count(chatExample, "\n"); n > 10 {
		t.Errorf("the chat: got %d lines, want at most 10", n)
	}
	if n := strings.Count(callExample, "\n"); n > 15 {
		t.Errorf("the call: got %d lines, want at most 15", n)
	}
}

func TestPage_IDs_AreUniqueAndLabelsFit(t *testing.T) {
	for _, at := range append(guidePages(t), "/", "/demo") {
		b := string(assets(Options{})[at].body)
		ids := map[string]bool{}
		for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(b, -1) {
			if ids[m[1]] {
				t.Errorf("%s: got the id %q twice, want it once", at, m[1])
			}
			ids[m[1]] = true
		}
		for _, m := range regexp.MustCompile(` (?:for|aria-labelledby|aria-describedby)="([^"]+)"| href="#([^"]+)"`).FindAllStringSubmatch(b, -1) {
			if id := m[1] + m[2]; !ids[id] {
				t.Errorf("%s: got a reference to id %q, want an element that has it", at, id)
			}
		}
		for _, m := range regexp.MustCompile(`<(?:input|select|textarea)\b[^>]*>`).FindAllString(b, -1) {
			id := regexp.MustCompile(`id="([^"]+)"`).FindStringSubmatch(m)
			if id == nil || !strings.Contains(b, `for="`+id[1]+`"`) {
				t.Errorf("%s: got %s without a label, want one", at, m)
			}
		}
	}
}

func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	s, _, _ = strings.Cut(s, to)
	return s
}

var referenceRE = regexp.MustCompile(`(?:from|import) "([./][^"]*)"|(?:href|src)="(/[^"#]*)[^"]*"`)

// references returns the paths that the file served at p loads or links to.
func references(p, body string) []string {
	var refs []string
	for _, m := range referenceRE.FindAllStringSubmatch(body, -1) {
		ref := m[1] + m[2]
		if strings.HasPrefix(ref, ".") {
			ref = path.Join(path.Dir(p), ref)
		}
		refs = append(refs, ref)
	}
	return refs
}

func TestPage_AnybodyMayConnect_SaysSo(t *testing.T) {
	for _, open := range []bool{false, true} {
		if got := strings.Contains(string(page(Options{Open: open}, proto.Limits{}, proto.SessionGrace)), `id="open"`); got != open {
			t.Errorf("open %v: got the note on the page: %v, want %v", open, got, open)
		}
	}
}

// TestPage_LimitsChange_ShowsThoseThatApply: a visitor reads the present limits, and a
// browser that has the page asks whether it is still the same.
func TestPage_LimitsChange_ShowsThoseThatApply(t *testing.T) {
	l, grace := proto.Limits{MaxRoomMembers: 7777}, 9*time.Second
	h := Handler(Options{Limits: func() proto.Limits { return l }, Grace: func() time.Duration { return grace }})
	first := get(t, h, "GET", "/")
	again := get(t, h, "GET", "/")
	l.MaxRoomMembers, grace = 6666, 8*time.Second
	second := get(t, h, "GET", "/")
	if got, want := again.Header.Get("ETag"), first.Header.Get("ETag"); got != want {
		t.Errorf("unchanged: got ETag %s, want %s", got, want)
	}
	if got := second.Header.Get("ETag"); got == first.Header.Get("ETag") {
		t.Errorf("changed: got ETag %s, want another", got)
	}
	for _, p := range []struct {
		r     *http.Response
		texts []string
	}{{first, []string{group(7777), "within 9 seconds"}}, {second, []string{group(6666), "within 8 seconds"}}} {
		page := body(t, p.r)
		for _, text := range p.texts {
			if !strings.Contains(page, text) {
				t.Errorf("got a page without %q, want it there", text)
			}
		}
	}
}

// TestPage_VersionIsKnown_NamesIt: who reports a fault needs the version and the commit.
func TestPage_VersionIsKnown_NamesIt(t *testing.T) {
	got := body(t, get(t, Handler(Options{Version: "1.2.3", Commit: "abc1234"}), "GET", "/"))
	for _, want := range []string{"version 1.2.3", "<code>abc1234</code>", `href="/licence"`, `href="/docs"`} {
		if !strings.Contains(got, want) {
			t.Errorf("got a page without %q, want it there", want)
		}
	}
	if got := body(t, get(t, Handler(Options{}), "GET", "/")); strings.Contains(got, "version <") || strings.Contains(got, "(commit") {
		t.Error("unknown: got a version or a commit on the page, want none")
	}
}

// TestPage_Contents_NameEverySection: each section with a heading is in the contents list.
func TestPage_Contents_NameEverySection(t *testing.T) {
	text := string(page(Options{}, proto.Limits{}, proto.SessionGrace))
	contents := between(text, `<nav class="contents"`, "</nav>")
	ids := regexp.MustCompile(`<section id="([^"]+)"|<h3 id="([^"]+)"`).FindAllStringSubmatch(text, -1)
	if len(ids) < 8 {
		t.Fatalf("got %d sections, want 8 or more", len(ids))
	}
	for _, m := range ids {
		if id := m[1] + m[2]; !strings.Contains(contents, `href="#`+id+`"`) {
			t.Errorf("got no %s in the contents, want it there", id)
		}
	}
}
