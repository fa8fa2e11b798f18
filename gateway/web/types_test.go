package web

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	jsNames   = regexp.MustCompile(`(?m)^export \{ ([^}]+) \}`)
	valueDecl = regexp.MustCompile(`(?m)^export (?:async )?(?:class|function|const) (\w+)`)
)

// exported lists the values that a module or its types export.
func exported(text string) []string {
	names := map[string]bool{}
	for _, m := range jsNames.FindAllStringSubmatch(text, -1) {
		for name := range strings.SplitSeq(m[1], ",") {
			names[strings.TrimSpace(name)] = true
		}
	}
	for _, m := range valueDecl.FindAllStringSubmatch(text, -1) {
		names[m[1]] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// TestTypes_Exports_AreThoseOfTheModule: a value that has a type but is not
// exported compiles in an application and fails when it runs.
func TestTypes_Exports_AreThoseOfTheModule(t *testing.T) {
	files := assets(Options{})
	got, want := exported(string(files["/connector.d.ts"].body)), exported(string(files["/connector.js"].body))
	if len(want) < 5 || !slices.Equal(got, want) {
		t.Errorf("exports of connector.d.ts: got %q, want those of connector.js: %q", got, want)
	}
}

// TestTypes_EveryName_IsInTheDocument holds javascript.md to connector.d.ts: the members
// of its classes, the events, the options, and what the module exports.
func TestTypes_EveryName_IsInTheDocument(t *testing.T) {
	document, err := embedded.ReadFile("docs/javascript.md")
	if err != nil {
		t.Fatal(err)
	}
	types := string(assets(Options{})["/connector.d.ts"].body)
	member := regexp.MustCompile(`(?m)^  (?:readonly )?(\w+)[?:(]`)
	names := exported(types)
	for _, of := range []string{"class Connector ", "class Room ", "class Peer ", "interface ConnectorEvents ", "interface RoomEvents ",
		"interface PeerEvents ", "interface ConnectOptions ", "interface PeerOptions ", "interface RoomSettings "} {
		for _, m := range member.FindAllStringSubmatch(between(types, "export "+of, "\n}"), -1) {
			if m[1] != "constructor" {
				names = append(names, m[1])
			}
		}
	}
	if len(names) < 80 {
		t.Errorf("names in connector.d.ts: got %d, want 80 or more", len(names))
	}
	for _, name := range names {
		if !regexp.MustCompile("[`. ]" + name + "\\b").Match(document) {
			t.Errorf("javascript.md: got no %s, want it", name)
		}
	}
}
