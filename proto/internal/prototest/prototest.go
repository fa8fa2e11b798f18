// Package prototest holds what the tests of package proto and of the packages below it
// share: golden files, and the specification in a package's comment. It knows none of
// them, so that the tests inside them can import it.
package prototest

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew; never for a released version")

// Golden compares got, which must be JSON, with the golden file byte for byte. With -update
// it writes the file instead.
func Golden(t testing.TB, file string, got []byte) {
	t.Helper()
	if !json.Valid(got) {
		t.Errorf("%s: got %s, want valid JSON", file, got)
	}
	got = append(bytes.Clone(got), '\n')
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", file, got, want)
	}
}

// Marshal returns v as JSON.
func Marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// member is a field of a struct.
type member struct {
	of   reflect.Type
	name string
}

// Covers fails unless each field of each struct in messages, at any depth, is set in one of
// them: a field that no golden file shows could be renamed unseen.
func Covers(t testing.TB, messages ...any) {
	t.Helper()
	seen := make(map[member]bool)
	for _, msg := range messages {
		visit(reflect.ValueOf(msg), seen)
	}
	for m, set := range seen {
		if !set {
			t.Errorf("%v.%s: got no message that sets it, want one", m.of, m.name)
		}
	}
}

// visit records which fields v sets.
func visit(v reflect.Value, seen map[member]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			visit(v.Elem(), seen)
		}
	case reflect.Slice:
		for i := range v.Len() {
			visit(v.Index(i), seen)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			visit(v.MapIndex(key), seen)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			m := member{v.Type(), v.Type().Field(i).Name}
			seen[m] = seen[m] || !v.Field(i).IsZero()
			visit(v.Field(i), seen)
		}
	}
}

// Specification is a package comment, with runs of white space made one.
type Specification string

// ReadSpecification reads the package comment in these Go files.
func ReadSpecification(t testing.TB, files ...string) Specification {
	t.Helper()
	var words []string
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		words = append(words, strings.Fields(f.Doc.Text())...)
	}
	return Specification(" " + strings.Join(words, " ") + " ")
}

// Has fails unless the specification holds text; what names the subject of text.
func (s Specification) Has(t testing.TB, what, text string) {
	t.Helper()
	if !strings.Contains(string(s), text) {
		t.Errorf("the package comment: got no %q, want it to say %s", text, what)
	}
}

// HasMembers fails unless the specification names each JSON member of the structs in data.
func (s Specification) HasMembers(t testing.TB, data ...any) {
	t.Helper()
	for _, v := range data {
		of := reflect.TypeOf(v)
		for i := range of.NumField() {
			if name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ","); name != "-" {
				s.Has(t, "a member of "+of.Name(), name)
			}
		}
	}
}

// NoAllocs fails when do allocates; what names it.
func NoAllocs(t testing.TB, what string, do func()) {
	t.Helper()
	if n := testing.AllocsPerRun(1000, do); n != 0 {
		t.Errorf("%s: got %v allocations, want none", what, n)
	}
}
