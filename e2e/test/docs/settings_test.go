// Package docs compares the README and the documents with the programs that they
// describe.
package docs

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated parts of the documents afresh")

const (
	readme       = "../../../README.md"
	contributing = "../../../CONTRIBUTING.md"
	documents    = "../../../gateway/web/docs" // the Markdown that the gateway serves too
)

// programs are the programs whose settings settings.md lists, by the name in the
// marker <!-- flags: NAME --> before the table.
var programs = map[string]string{
	"gateway":    "p2pconnector/gateway/cmd/gateway",
	"roomsvc":    "p2pconnector/roomsvc/cmd/roomsvc",
	"standalone": "p2pconnector/e2e/standalone",
}

// TestSettings_Table_IsThatOfThePrograms compares the tables in settings.md with each program's --help.
// After a change: go test ./e2e/test/docs -run Settings -update
func TestSettings_Table_IsThatOfThePrograms(t *testing.T) {
	for name, path := range programs {
		t.Run(name, func(t *testing.T) {
			settings := parseHelp(help(t, path))
			if len(settings) < 5 {
				t.Fatalf("--help lists %d settings", len(settings))
			}
			holdPart(t, "settings.md", "flags: "+name, settingsTable(settings))
		})
	}
}

// help builds the program and returns its --help.
func help(t *testing.T, path string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "program")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, path).CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", path, err, out)
	}
	cmd := exec.CommandContext(t.Context(), bin, "--help")
	cmd.Env = []string{} // no setting of this environment becomes a default
	out, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok || ok && exit.ExitCode() > 2 {
		t.Fatalf("%s --help: %v\n%s", path, err, out)
	}
	return string(out)
}

// setting is one flag as package flag prints it.
type setting struct{ name, value, usage, def string }

var (
	flagLine    = regexp.MustCompile(`^  -([a-z][a-z0-9-]*)(?: (\S+))?(?:\t(.*))?$`)
	defaultText = regexp.MustCompile(`^(.*\S)?\s*\(default:? (.*)\)$`)
)

func parseHelp(text string) []setting {
	var settings []setting
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if m := flagLine.FindStringSubmatch(line); m != nil {
			settings = append(settings, setting{name: m[1], value: m[2], usage: m[3]})
		} else if more, ok := strings.CutPrefix(line, "    \t"); ok && len(settings) > 0 {
			s := &settings[len(settings)-1]
			s.usage = strings.TrimSpace(s.usage + " " + strings.TrimSpace(more))
		}
	}
	for i := range settings {
		if m := defaultText.FindStringSubmatch(settings[i].usage); m != nil {
			settings[i].usage, settings[i].def = m[1], strings.Trim(m[2], `"`)
		}
	}
	return settings
}

func settingsTable(settings []setting) string {
	var b strings.Builder
	b.WriteString("| flag | environment | default | what |\n|---|---|---|---|\n")
	for _, s := range settings {
		env := "P2P_" + strings.ToUpper(strings.ReplaceAll(s.name, "-", "_"))
		name := strings.TrimSpace("--" + s.name + " " + s.value)
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", name, env, cell(s.def), cell(s.usage))
	}
	return b.String()
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// holdPart compares the part of a document between <!-- marker --> and <!-- end
// --> with want, or writes it there.
func holdPart(t *testing.T, name, marker, want string) {
	t.Helper()
	path := filepath.Join(documents, name)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), "<!-- "+marker+" -->\n")
	got, after, ok2 := strings.Cut(rest, "<!-- end -->")
	if !ok || !ok2 {
		t.Fatalf("%s has no <!-- %s --> … <!-- end -->", name, marker)
	}
	if got == want {
		return
	}
	if !*update {
		t.Errorf("%s, %s: run go test ./e2e/test/docs -update\n got\n%s\nwant\n%s", name, marker, got, want)
		return
	}
	text := before + "<!-- " + marker + " -->\n" + want + "<!-- end -->" + after
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
