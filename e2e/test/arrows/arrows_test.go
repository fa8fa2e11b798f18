// Package arrows_test tests the imports between the modules and between the packages of the
// gateway: which package may import which, and which library only one package may import.
package arrows_test

import (
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// modules lists all modules.
var modules = []string{"proto", "proto/client", "proto/client/rtc", "gateway", "roomsvc", "e2e"}

const prefix = "p2pconnector/"

// pkg is a package as `go list -json` prints it.
type pkg struct {
	ImportPath     string
	Dir            string
	Standard       bool
	GoFiles        []string
	TestGoFiles    []string
	XTestGoFiles   []string
	IgnoredGoFiles []string
	Imports        []string
	TestImports    []string
	XTestImports   []string
}

// module returns which of our modules p belongs to, or "".
func (p *pkg) module() string {
	path, _, _ := strings.Cut(p.ImportPath, " ") // "proto [p2pconnector/proto.test]"
	path, ok := strings.CutPrefix(path, prefix)
	if !ok {
		return ""
	}
	var name string // the longest that fits: a module may be in the folder of another
	for _, m := range modules {
		if (path == m || path == m+".test" || path == m+"_test" || strings.HasPrefix(path, m+"/")) && len(m) > len(name) {
			name = m
		}
	}
	return name
}

func (p *pkg) allImports() []string {
	return slices.Concat(p.Imports, p.TestImports, p.XTestImports)
}

func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json"}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var pkgs []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// ours returns every package of every module.
func ours(t *testing.T) []pkg {
	t.Helper()
	var patterns []string
	for _, m := range modules {
		patterns = append(patterns, prefix+m+"/...")
	}
	pkgs := list(t, patterns...)
	found := map[string]bool{}
	for _, p := range pkgs {
		found[p.module()] = true
	}
	for _, m := range modules {
		if !found[m] {
			t.Fatalf("go list found no package of module %s", m)
		}
	}
	return pkgs
}

func ofModule(path string) string {
	p := pkg{ImportPath: path}
	return p.module()
}

// The services import the contract and not each other; only e2e imports e2e.
func TestModules_EachImport_IsAllowed(t *testing.T) {
	may := map[string][]string{
		"proto": {"proto"}, "proto/client": {"proto/client", "proto"}, "proto/client/rtc": {"proto/client/rtc", "proto/client", "proto"},
		"gateway": {"gateway", "proto"}, "roomsvc": {"roomsvc", "proto"}, "e2e": modules,
	}
	for _, p := range ours(t) {
		for _, path := range p.allImports() {
			if m := ofModule(path); m != "" && !slices.Contains(may[p.module()], m) {
				t.Errorf("%s imports %s", p.ImportPath, path)
			}
		}
	}
}

// The dependencies of a service, indirect ones included, do not contain the other service
// or a NATS server.
func TestModules_EachDependency_IsListed(t *testing.T) {
	for service, not := range map[string][]string{
		"gateway": {prefix + "roomsvc", prefix + "e2e", "github.com/nats-io/nats-server/"},
		"roomsvc": {prefix + "gateway", prefix + "e2e", "github.com/nats-io/nats-server/", "github.com/lxzan/gws"},
	} {
		for _, p := range list(t, "-deps", prefix+service+"/...") {
			for _, bad := range not {
				if strings.HasPrefix(p.ImportPath, bad) {
					t.Errorf("%s depends on %s", service, p.ImportPath)
				}
			}
		}
	}
}

// The contract imports only the standard library.
func TestProto_Imports_AreTheStandardLibrary(t *testing.T) {
	paths := []string{"-deps", "-test"}
	for _, p := range ours(t) {
		if p.module() == "proto" {
			paths = append(paths, p.ImportPath)
		}
	}
	for _, p := range list(t, paths...) {
		if !p.Standard && p.module() != "proto" {
			t.Errorf("got a dependency of proto on %s, want the standard library only", p.ImportPath)
		}
	}
}

// The packages of the client protocol import neither the protocol between the services nor
// what their programs share, so that a client library depends on the former only.
func TestProto_PackagesOfTheProtocol_ImportNoServices(t *testing.T) {
	may := map[string][]string{
		"proto":                    {"proto/internal/prototest"},
		"proto/agreement":          {"proto", "proto/bus"}, // for the services, as is the next
		"proto/bus":                {"proto", "proto/internal/prototest"},
		"proto/internal/prototest": {},
		"proto/service":            {},
		"proto/client":             {"proto"},
		"proto/client/rtc":         {"proto", "proto/client"},
	}
	for _, p := range ours(t) {
		name := strings.TrimPrefix(p.ImportPath, prefix)
		allowed, listed := may[name]
		if !listed && p.module() != "proto" {
			continue
		}
		for _, path := range p.allImports() {
			if ofModule(path) != "" && path != p.ImportPath && !slices.Contains(allowed, strings.TrimPrefix(path, prefix)) {
				t.Errorf("%s: got an import of %s, want only %q of ours", name, path, allowed)
			}
		}
		if slices.ContainsFunc(p.Imports, func(path string) bool { return strings.HasSuffix(path, "/prototest") }) {
			t.Errorf("%s: got an import of prototest outside its tests, want none", name)
		}
		delete(may, name)
	}
	if len(may) > 0 {
		t.Errorf("got rows of no package: %v", slices.Sorted(maps.Keys(may)))
	}
}

// Only e2e imports a NATS server, tests included.
func TestNATSServer_Imports_AreInE2EOnly(t *testing.T) {
	for _, p := range ours(t) {
		for _, path := range p.allImports() {
			if strings.HasPrefix(path, "github.com/nats-io/nats-server/") && p.module() != "e2e" {
				t.Errorf("%s imports %s", p.ImportPath, path)
			}
		}
	}
}

// A library that could be replaced is imported by few files of its module: one, or those of
// one type.
func TestLibraries_EachImport_IsInItsPackage(t *testing.T) {
	pkgs := ours(t)
	for _, rule := range []struct {
		module, library string
		most            int
	}{
		{"gateway", "github.com/lxzan/gws", 1},
		{"roomsvc", "github.com/nats-io/nats.go/jetstream", 3}, // bucket.go, streams.go, purge.go of package store
	} {
		if files := importers(t, pkgs, rule.module, rule.library); len(files) == 0 || len(files) > rule.most {
			t.Errorf("%s is imported by %d files of %s, want 1 to %d: %v", rule.library, len(files), rule.module, rule.most, files)
		}
	}
}

// The library that renders the documents is imported by one package of all modules, tests
// included.
func TestMarkdown_Imports_AreInWebOnly(t *testing.T) {
	const library, home = "github.com/yuin/goldmark", prefix + "gateway/web"
	pkgs := ours(t)
	for _, p := range pkgs {
		for _, path := range p.allImports() {
			if (path == library || strings.HasPrefix(path, library+"/")) && p.ImportPath != home {
				t.Errorf("%s imports %s", p.ImportPath, path)
			}
		}
	}
	if len(importers(t, pkgs, "gateway", library)) == 0 {
		t.Errorf("%s does not import %s: remove this test", home, library)
	}
}

// importers returns the files of a module, tests excepted, that import a library.
func importers(t *testing.T, pkgs []pkg, module, library string) (files []string) {
	t.Helper()
	for _, p := range pkgs {
		if p.module() != module {
			continue
		}
		for _, name := range slices.Concat(p.GoFiles, p.IgnoredGoFiles) {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, spec := range f.Imports {
				if path, err := strconv.Unquote(spec.Path.Value); err == nil && (path == library || strings.HasPrefix(path, library+"/")) {
					files = append(files, p.ImportPath+"/"+name)
				}
			}
		}
	}
	return files
}
