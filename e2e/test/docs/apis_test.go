package docs

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

// TestGoClient_Programs_Compile builds every program in go.md.
func TestGoClient_Programs_Compile(t *testing.T) {
	programs := goBlock.FindAllStringSubmatch(readDocument(t, filepath.Join(documents, "go.md")), -1)
	if len(programs) == 0 {
		t.Fatal("go.md shows no program")
	}
	for _, m := range programs {
		dir := t.TempDir()
		file := filepath.Join(dir, "main.go")
		if err := os.WriteFile(file, []byte(m[1]), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "program"), file).CombinedOutput(); err != nil {
			t.Errorf("a program in go.md does not compile: %v\n%s", err, out)
		}
	}
}

// TestGoClient_EveryExportedName_IsNamed compares go.md with package client.
func TestGoClient_EveryExportedName_IsNamed(t *testing.T) {
	text := readDocument(t, filepath.Join(documents, "go.md"))
	names := exportedNames(t, "../../../proto/client")
	if len(names) < 40 {
		t.Fatalf("package client exports %d names, want 40 or more", len(names))
	}
	for _, name := range names {
		if !regexp.MustCompile(`\b` + name + `\b`).MatchString(text) {
			t.Errorf("go.md does not name %s of package client", name)
		}
	}
}

// exportedNames returns the exported functions, types, methods and variables of the
// package in dir, and the fields of its type Options.
func exportedNames(t *testing.T, dir string) (names []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	p, err := doc.NewFromFiles(fset, files, "p2pconnector/proto/client")
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range p.Types {
		names = append(names, typ.Name)
		for _, f := range append(typ.Funcs, typ.Methods...) {
			names = append(names, f.Name)
		}
		if s, ok := typ.Decl.Specs[0].(*ast.TypeSpec).Type.(*ast.StructType); ok && typ.Name == "Options" {
			for _, field := range s.Fields.List {
				for _, name := range field.Names {
					names = append(names, name.Name)
				}
			}
		}
	}
	for _, v := range p.Vars {
		names = append(names, v.Names...)
	}
	for _, f := range p.Funcs {
		names = append(names, f.Name)
	}
	return names
}
