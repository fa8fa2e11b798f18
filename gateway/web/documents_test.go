package web

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// guidePages returns the addresses of all documents.
func guidePages(t *testing.T) (paths []string) {
	t.Helper()
	for at, a := range documents() {
		if strings.HasPrefix(a.kind, "text/html") && at != "/docs/" {
			paths = append(paths, at)
		}
	}
	if len(paths) < 10 {
		t.Fatalf("documents served: got %d, want 10 or more", len(paths))
	}
	return paths
}

func TestDocuments_EveryFile_IsListedAndLinked(t *testing.T) {
	var listed []string
	for _, g := range guides {
		for _, name := range g.files {
			listed = append(listed, "docs/"+name+".md")
		}
	}
	start, err := embedded.ReadFile("docs/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range list("docs") {
		if !slices.Contains(listed, file) {
			t.Errorf("guides: got no %s, want it", file)
		}
		if name := path.Base(file); name != "README.md" && !strings.Contains(string(start), "]("+name+")") {
			t.Errorf("docs/README.md: got no link to %s, want one", name)
		}
	}
}

// TestDocuments_RawHTML_IsOnlyComments: the pages show no HTML that stands in a document.
func TestDocuments_RawHTML_IsOnlyComments(t *testing.T) {
	tag := regexp.MustCompile(`(?:^|[^\\])</?[a-z]+[ />]`)
	code := regexp.MustCompile("(?m)`[^`\n]+`|^(\t|    ).*$")
	for _, file := range list("docs") {
		b, err := embedded.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := code.ReplaceAllString(string(b), "")
		if m := tag.FindString(text); m != "" {
			t.Errorf("%s: got HTML %q, want Markdown only", file, m)
		}
	}
	for _, at := range guidePages(t) {
		if b := string(documents()[at].body); strings.Contains(b, "<!--") || strings.Contains(b, "raw HTML omitted") {
			t.Errorf("%s: got a comment in the page, want none", at)
		}
	}
}

// TestPages_EveryAnchor_Exists follows every link from page to page.
func TestPages_EveryAnchor_Exists(t *testing.T) {
	files := assets(Options{})
	href := regexp.MustCompile(` href="([^"]*)"`)
	followed := 0
	for at, a := range files {
		if !strings.HasPrefix(a.kind, "text/html") {
			continue
		}
		for _, m := range href.FindAllStringSubmatch(string(a.body), -1) {
			to, anchor, hasAnchor := strings.Cut(m[1], "#")
			switch {
			case strings.HasPrefix(to, "https://") || strings.HasPrefix(to, "http://localhost"):
				continue
			case to == "":
				to = at
			}
			page, ok := files[to]
			if !ok {
				t.Errorf("%s: got a link to %s, want one that is served", at, m[1])
			} else if hasAnchor && !strings.Contains(string(page.body), ` id="`+anchor+`"`) {
				t.Errorf("%s: got a link to %s, want the id of an element there", at, m[1])
			}
			followed++
		}
	}
	if followed < 200 {
		t.Errorf("links followed: got %d, want 200 or more", followed)
	}
}

func TestIndex_FindsSectionsAndRows_WhereTheyAre(t *testing.T) {
	var index []entry
	if err := json.Unmarshal(documents()["/docs/index.json"].body, &index); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"Settings":                 "/docs/settings",
		"Room service":             "/docs/settings#room-service",
		"--tls-cert file":          "/docs/settings#gateway-tls-cert-file",
		"p2p_gateway_relays_total": "/docs/metrics#gateway-p2p_gateway_relays_total",
		"Access tokens":            "/docs/protocol#access-tokens",
	}
	for _, e := range index {
		if want[e.Title] == e.Path {
			delete(want, e.Title)
		}
		page, anchor, _ := strings.Cut(e.Path, "#")
		if body := string(documents()[page].body); body == "" || anchor != "" && !strings.Contains(body, ` id="`+anchor+`"`) {
			t.Errorf("index: got an entry for %s, want one that leads to an element", e.Path)
		}
		if e.Page == "" || e.Title == "" {
			t.Errorf("index: got entry %+v, want one with a page and a title", e)
		}
	}
	for title, at := range want {
		t.Errorf("index: got no entry %q, want one that leads to %s", title, at)
	}
}

func TestRender_EachConstruct_HasItsHTML(t *testing.T) {
	const source = "# Tea & cake\n\nHow *we* drink `tea`.\n\n<!-- note -->\n\n## Pot\n\nSee [more](other.md#cup), [code](../code.go), [pot](#pot) and [out](https://tea.example).\n\n" +
		"| flag | what |\n|---|---|\n| `--hot` | a \\| b |\n| plain |  |\n\n```js\nif (a < b) {}\n```\n\n## Pot\n"
	r, err := render("docs/tea.md", []byte(source), map[string]string{"docs/other.md": "/docs/other"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`<h1 id="tea--cake">Tea &amp; cake</h1>`,
		`<a href="/docs/other#cup">more</a>, code, <a href="#pot">pot</a> and <a href="https://tea.example">out</a>`,
		`<h2 id="pot">Pot <a class="anchor" href="#pot" aria-label="Link to the section Pot">#</a></h2>`,
		`<div class="table" role="region" aria-labelledby="pot" tabindex="0">`,
		`<th scope="col">flag</th>`,
		`<tr id="pot-hot"><th scope="row" class="name"><code>--hot</code></th><td data-label="what">a | b</td></tr>`,
		`<tr><th scope="row">plain</th><td data-label="what"></td></tr>`,
		`<pre tabindex="0"><code>if (a &lt; b) {}`,
		`<h2 id="pot-1">`,
	} {
		if !strings.Contains(string(r.html), want) {
			t.Errorf("got page\n%s\nwant %s in it", r.html, want)
		}
	}
	if strings.Contains(string(r.html), "note") {
		t.Errorf("got a comment in the page, want none:\n%s", r.html)
	}
	if r.title() != "Tea & cake" || r.about != "How we drink tea." {
		t.Errorf("got title %q, about %q, want \"Tea & cake\", \"How we drink tea.\"", r.title(), r.about)
	}
	var got []string
	for _, s := range r.sections {
		got = append(got, s.anchor+": "+s.text)
	}
	want := []string{"tea--cake: How we drink tea.", "pot: See more, code, pot and out. plain if (a < b) {}", "pot-hot: a | b", "pot-1: "}
	if !slices.Equal(got, want) {
		t.Errorf("sections\n got %q\nwant %q", got, want)
	}
}
