package docs

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// allDocuments returns the paths of README.md, CONTRIBUTING.md and the documents that the
// gateway serves.
func allDocuments(t *testing.T) []string {
	t.Helper()
	served, err := filepath.Glob(filepath.Join(documents, "*.md"))
	if err != nil || len(served) == 0 {
		t.Fatalf("documents in %s: %v, error %v", documents, served, err)
	}
	return append(served, readme, contributing)
}

// TestReadme_Length_IsThatOfAnIntroduction: reference texts have documents of their own.
func TestReadme_Length_IsThatOfAnIntroduction(t *testing.T) {
	const most = 180
	if n := strings.Count(readDocument(t, readme), "\n"); n > most {
		t.Errorf("README.md has %d lines, want at most %d: move reference texts to %s", n, most, documents)
	}
}

func readDocument(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var linkRE = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestLinks_OfDocuments_LeadSomewhere follows the links between files, with their anchors,
// as a repository viewer does. Package web follows those of the pages made from them.
func TestLinks_OfDocuments_LeadSomewhere(t *testing.T) {
	anchors := map[string]map[string]bool{} // by path
	for _, doc := range allDocuments(t) {
		for _, m := range linkRE.FindAllStringSubmatch(prose(readDocument(t, doc)), -1) {
			if strings.Contains(m[1], "://") {
				if u, err := url.Parse(m[1]); err != nil || u.Scheme != "https" || u.Host == "" {
					t.Errorf("%s links to %s, want an https address", filepath.Base(doc), m[1])
				}
				continue
			}
			target, anchor, hasAnchor := strings.Cut(m[1], "#")
			path := doc
			if target != "" {
				path = filepath.Join(filepath.Dir(doc), target)
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s: %v", filepath.Base(doc), err)
				continue
			}
			if hasAnchor && anchors[path] == nil {
				anchors[path] = anchorsOf(readDocument(t, path))
			}
			if hasAnchor && !anchors[path][anchor] {
				t.Errorf("%s links to %s, which has no such heading", filepath.Base(doc), m[1])
			}
		}
	}
}

// prose returns a Markdown text without its code.
func prose(text string) string {
	var b strings.Builder
	fenced := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		} else if !fenced && !strings.HasPrefix(line, "\t") && !strings.HasPrefix(line, "    ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

var headingRE = regexp.MustCompile(`(?m)^#+ (.+)$`)

// anchorsOf returns the anchors that a repository viewer assigns to the headings of a text.
func anchorsOf(text string) map[string]bool {
	anchors := map[string]bool{}
	seen := map[string]int{}
	for _, m := range headingRE.FindAllStringSubmatch(prose(text), -1) {
		slug := strings.Map(func(r rune) rune {
			switch {
			case r == ' ' || r == '-':
				return '-'
			case r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, m[1])
		if n := seen[slug]; n > 0 {
			anchors[fmt.Sprintf("%s-%d", slug, n)] = true
		} else {
			anchors[slug] = true
		}
		seen[slug]++
	}
	return anchors
}

var commandRE = regexp.MustCompile(`go run (\./\S+)`)

// TestCommands_OfDocuments_NamePrograms checks that the program of every `go run ./…`
// exists.
func TestCommands_OfDocuments_NamePrograms(t *testing.T) {
	for _, doc := range allDocuments(t) {
		for _, m := range commandRE.FindAllStringSubmatch(readDocument(t, doc), -1) {
			dir := filepath.Join("../../..", strings.TrimRight(m[1], "`.,"))
			if files, err := filepath.Glob(filepath.Join(dir, "*.go")); err != nil || len(files) == 0 {
				t.Errorf("%s runs %s, which is no program", filepath.Base(doc), m[1])
			}
		}
	}
}
