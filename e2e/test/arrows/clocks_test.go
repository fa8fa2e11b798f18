package arrows_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"testing"
)

// timeOfDay are the functions and methods of package time that return, or leave, a
// time without its monotonic reading. A duration between two such times changes when
// somebody sets the clock.
var timeOfDay = []string{"Unix", "UnixMilli", "UnixMicro", "UnixNano", "UTC", "Local", "In", "Date"}

// mayUseWallClock are the functions of the services that need the time of day.
var mayUseWallClock = map[string]string{
	"p2pconnector/gateway/internal/auth/verifier.go:Verify":             "when an access token expires",
	"p2pconnector/gateway/internal/client/authenticate.go:authenticate": "the same, as the client sees it",
	"p2pconnector/gateway/internal/auth/keyring.go:decode":              "how old a session token is, which another gateway may have issued",
	"p2pconnector/gateway/internal/auth/sessionkeys.go:Sign":            "when it was issued",
	"p2pconnector/gateway/internal/ice/servers.go:List":                 "when TURN credentials expire",
	"p2pconnector/gateway/internal/metrics/relays.go:TookNATS":          "when another host read a frame; for a metric, within bounds",
	"p2pconnector/gateway/internal/metrics/relays.go:FormatBegan":       "the same, as the other host sees it",
	"p2pconnector/gateway/internal/auth/issue.go:Issue":                 "when a token for trying things out expires",
	"p2pconnector/roomsvc/internal/signing/keys.go:newKey":              "when a key was made, which all instances read",
	"p2pconnector/roomsvc/internal/store/revisions.go:firstRevision":    "where a new bucket's revisions begin, above those of one that was lost",
	"p2pconnector/roomsvc/internal/room/state.go:begin":                 "when an operation was remembered, which all instances read",
}

// TestClocks_Durations_AreMonotonic: the services use the time of day only where it
// is meant, and measure nothing by it.
func TestClocks_Durations_AreMonotonic(t *testing.T) {
	used := make(map[string]bool)
	for _, p := range ours(t) {
		if m := p.module(); m != "gateway" && m != "roomsvc" {
			continue
		}
		for _, name := range slices.Concat(p.GoFiles, p.IgnoredGoFiles) {
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, decl := range f.Decls {
				place := p.ImportPath + "/" + name + ":"
				if fn, ok := decl.(*ast.FuncDecl); ok {
					place += fn.Name.Name
				}
				ast.Inspect(decl, func(n ast.Node) bool {
					call, ok := n.(*ast.CallExpr)
					if !ok {
						return true
					}
					what := wallCall(call)
					if what == "" {
						return true
					}
					if mayUseWallClock[place] == "" {
						t.Errorf("%s: %s at %s: got a time without monotonic reading; measure with time.Since, instants, or state the reason in mayUseWallClock",
							place, what, fset.Position(call.Pos()))
					}
					used[place] = true
					return true
				})
			}
		}
	}
	for place := range mayUseWallClock {
		if !used[place] {
			t.Errorf("%s: got no time of day there; take it out of mayUseWallClock", place)
		}
	}
}

// wallCall returns the name of the call when it drops a monotonic reading, or makes
// an instant of a number of unknown origin.
func wallCall(call *ast.CallExpr) string {
	switch fun := call.Fun.(type) {
	case *ast.SelectorExpr:
		if slices.Contains(timeOfDay, fun.Sel.Name) {
			return fun.Sel.Name
		}
		if x, ok := fun.X.(*ast.Ident); ok && x.Name == "clock" && fun.Sel.Name == "Instant" {
			return "clock.Instant"
		}
		if lit, ok := firstLiteral(call); ok && fun.Sel.Name == "Round" && lit == "0" {
			return "Round(0)"
		}
	}
	return ""
}

func firstLiteral(call *ast.CallExpr) (string, bool) {
	if len(call.Args) == 0 {
		return "", false
	}
	lit, ok := call.Args[0].(*ast.BasicLit)
	if !ok {
		return "", false
	}
	return lit.Value, true
}

// TestWallCall_EachKindOfCall_IsSeen: the test above finds what it refuses.
func TestWallCall_EachKindOfCall_IsSeen(t *testing.T) {
	for source, want := range map[string]string{
		"time.Now().UnixNano()": "UnixNano", "time.Unix(0, n)": "Unix", "now.UTC()": "UTC", "now.Round(0)": "Round(0)",
		"clock.Instant(n)": "clock.Instant", "time.Since(t)": "", "d.Round(time.Second)": "", "t.Sub(u)": "", "f()": "",
	} {
		x, err := parser.ParseExpr(source)
		if err != nil {
			t.Fatal(err)
		}
		call, ok := x.(*ast.CallExpr)
		if !ok {
			t.Fatalf("%s is no call", source)
		}
		if got := wallCall(call); got != want {
			t.Errorf("%s: got %q, want %q", source, got, want)
		}
	}
}
