package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestLinksLeadSomewhere follows the relative links of the documents.
func TestLinksLeadSomewhere(t *testing.T) {
	for _, doc := range []string{readme, "../../CONTRIBUTING.md"} {
		b, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(b), -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(doc), target)); err != nil {
				t.Errorf("%s: %v", filepath.Base(doc), err)
			}
		}
	}
}

var command = regexp.MustCompile(`go run (\./\S+)`)

// TestCommandsNamePrograms looks for the program of every `go run ./…`.
func TestCommandsNamePrograms(t *testing.T) {
	for _, doc := range []string{readme, "../../CONTRIBUTING.md"} {
		b, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range command.FindAllStringSubmatch(string(b), -1) {
			dir := filepath.Join("../..", strings.TrimRight(m[1], "`.,"))
			if files, err := filepath.Glob(filepath.Join(dir, "*.go")); err != nil || len(files) == 0 {
				t.Errorf("%s runs %s, which is no program", filepath.Base(doc), m[1])
			}
		}
	}
}
