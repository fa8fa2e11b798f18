package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const securityDocument = "security.md"

var (
	flagName   = regexp.MustCompile("`--([a-z0-9-]+)`")
	metricName = regexp.MustCompile("`(p2p_[a-z_]+)`")
	testName   = regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]*)`")
	testFunc   = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Za-z0-9_]*)\(`)
	listedFlag = regexp.MustCompile("(?m)^\\| `--([a-z0-9-]+)")
	listedName = regexp.MustCompile("(?m)^\\| `(p2p_[a-z_]+)`")
	fixedLimit = regexp.MustCompile(`^fixed: .*\bbecause\b`)
	isLimit    = regexp.MustCompile(`^max-|-max-|-per-|-burst$|-bytes$|-frames$`)
)

// TestLimits_EveryRow_NamesWhatExists holds the table of limits to the documents that are
// generated from the programs, and to the tests. A cell that names nothing is as wrong as
// one that names what does not exist.
func TestLimits_EveryRow_NamesWhatExists(t *testing.T) {
	flags := namesIn(t, "settings.md", listedFlag)
	metrics := namesIn(t, "metrics.md", listedName)
	tests := testsOfAllModules(t)
	for _, row := range tableOf(t, "limits", 5) {
		limit, setting, metric, test := row[0], row[1], row[3], row[4]
		if !flagName.MatchString(setting) && !fixedLimit.MatchString(setting) {
			t.Errorf("%s: the setting is %q, want --flags, or \"fixed: \" with the value and \"because\"", limit, setting)
		}
		if row[2] == "" {
			t.Errorf("%s: the row does not say what happens beyond the limit", limit)
		}
		requireNames(t, limit, setting, flagName, flags, 0)
		requireNames(t, limit, metric, metricName, metrics, 1)
		requireNames(t, limit, test, testName, tests, 1)
	}
}

// TestLimits_EverySetting_HasARow finds a setting whose name says that it is a limit, and
// which the table leaves out.
func TestLimits_EverySetting_HasARow(t *testing.T) {
	has := map[string]bool{}
	for _, row := range tableOf(t, "limits", 5) {
		for _, m := range flagName.FindAllStringSubmatch(row[1], -1) {
			has[m[1]] = true
		}
	}
	limits := 0
	for name := range namesIn(t, "settings.md", listedFlag) {
		if !isLimit.MatchString(name) {
			continue
		}
		limits++
		if !has[name] {
			t.Errorf("the table of limits in %s has no row for --%s: say what happens beyond it, its metric and the test at its edge", securityDocument, name)
		}
	}
	if limits < 10 {
		t.Errorf("settings.md lists %d limits, want 10 or more", limits)
	}
}

// TestASVS_EveryItem_NamesTestsOrSaysWhyNot holds the table of ASVS items to the tests.
func TestASVS_EveryItem_NamesTestsOrSaysWhyNot(t *testing.T) {
	tests := testsOfAllModules(t)
	want := []string{"17.1.1", "17.1.2", "17.2.1", "17.2.2", "17.2.3", "17.2.4", "17.2.5", "17.2.6", "17.2.7", "17.2.8", "17.3.1", "17.3.2"}
	rows := tableOf(t, "asvs", 5)
	if len(rows) != len(want) {
		t.Fatalf("the table has %d items, want %d", len(rows), len(want))
	}
	for i, row := range rows {
		item, how, shown := row[0], row[3], row[4]
		if item != want[i] {
			t.Errorf("row %d is about %s, want %s", i+1, item, want[i])
		}
		least := 1
		if strings.HasPrefix(how, "does not apply") {
			least = 0
		}
		requireNames(t, item, shown, testName, tests, least)
	}
}

// tableOf returns the cells of the rows between <!-- marker --> and <!-- end --> of
// security.md, which has that many columns.
func tableOf(t *testing.T, marker string, columns int) (rows [][]string) {
	t.Helper()
	_, rest, ok := strings.Cut(readDocument(t, filepath.Join(documents, securityDocument)), "<!-- "+marker+" -->\n")
	part, _, ok2 := strings.Cut(rest, "<!-- end -->")
	if !ok || !ok2 {
		t.Fatalf("%s has no <!-- %s --> … <!-- end -->", securityDocument, marker)
	}
	for line := range strings.Lines(part) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != columns {
			t.Fatalf("the table %s has a row of %d cells, want %d: %s", marker, len(cells), columns, line)
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	if len(rows) < 3 {
		t.Fatalf("the table %s has %d rows, want 3 or more", marker, len(rows))
	}
	return rows[2:] // below the head and its line
}

// requireNames reports what a cell names and does not exist, and a cell that names fewer
// than least.
func requireNames(t *testing.T, row, cell string, pattern *regexp.Regexp, exist map[string]bool, least int) {
	t.Helper()
	found := pattern.FindAllStringSubmatch(cell, -1)
	if len(found) < least {
		t.Errorf("%s: %q names %d of %v, want %d or more", row, cell, len(found), pattern, least)
	}
	for _, m := range found {
		if !exist[m[1]] {
			t.Errorf("%s: got %s, want a name that exists", row, m[1])
		}
	}
}

// namesIn returns what the first column of a document's tables names.
func namesIn(t *testing.T, document string, pattern *regexp.Regexp) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, m := range pattern.FindAllStringSubmatch(readDocument(t, filepath.Join(documents, document)), -1) {
		names[m[1]] = true
	}
	return names
}

// testsOfAllModules returns the names of all tests and fuzz targets of the repository.
func testsOfAllModules(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	root := "../../.."
	for _, module := range []string{"proto", "gateway", "roomsvc", "e2e"} {
		err := filepath.WalkDir(filepath.Join(root, module), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			b, err := os.ReadFile(path)
			for _, m := range testFunc.FindAllSubmatch(b, -1) {
				names[string(m[1])] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(names) < 300 {
		t.Fatalf("the modules have %d tests, want 300 or more", len(names))
	}
	return names
}
