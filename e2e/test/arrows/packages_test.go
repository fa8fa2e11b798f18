package arrows_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// gatewayRoot wires the packages below it, and may import all of them except the programs.
const gatewayRoot = prefix + "gateway"

// gatewayPackages lists what each package below the gateway's root may import besides the
// standard library: our packages, and libraries by their modules. A new row is a decision,
// not a formality: most packages need proto and a clock. Only a program may import the
// root.
var gatewayPackages = map[string][]string{
	"cmd/gateway": {
		"gateway", "gateway/internal/auth", "proto/service",
	},
	"internal/admission": {"gateway/internal/clock", "gateway/internal/ratelimit"},
	"internal/auth": {
		"gateway/internal/clock", "proto", "proto/bus", "github.com/MicahParks/keyfunc", "github.com/golang-jwt/jwt", "golang.org/x/time",
	},
	"internal/client": {
		"gateway/internal/auth", "gateway/internal/clock", "gateway/internal/dialect", "gateway/internal/directory", "gateway/internal/egress", "gateway/internal/fairqueue", "gateway/internal/frames",
		"gateway/internal/handshake", "gateway/internal/link", "gateway/internal/membudget", "gateway/internal/metrics", "gateway/internal/quota",
		"gateway/internal/ratelimit", "gateway/internal/relay", "gateway/internal/room", "gateway/internal/session", "gateway/internal/socket", "proto", "proto/bus",
		"github.com/google/uuid",
	},
	"internal/clock":      {},
	"internal/background": {},
	"internal/config": {
		"gateway/internal/admission", "gateway/internal/auth", "gateway/internal/egress", "gateway/internal/ice", "gateway/internal/link", "gateway/internal/membudget", "gateway/internal/natsbus",
		"gateway/internal/quota", "gateway/internal/ratelimit", "gateway/internal/socket", "gateway/internal/topic", "proto", "proto/bus", "proto/service",
		"github.com/google/uuid",
	},
	"internal/dialect": {"gateway/internal/egress", "gateway/internal/fairqueue", "proto"},
	"internal/dialect/peerjs": {
		"gateway/internal/clock", "gateway/internal/dialect", "gateway/internal/names", "gateway/internal/ratelimit", "proto", "proto/bus",
		"github.com/google/uuid",
	},
	"internal/dialect/registry": {
		"gateway/internal/clock", "gateway/internal/config", "gateway/internal/dialect", "gateway/internal/dialect/nostr", "gateway/internal/dialect/peerjs",
		"gateway/internal/dialect/webtorrent", "gateway/internal/dialect/wsrelay", "gateway/internal/dialect/yjs", "gateway/internal/metrics",
		"gateway/internal/names", "gateway/internal/natsbus", "gateway/internal/relay", "gateway/internal/topic", "proto",
	},
	"internal/dialect/webtorrent": {
		"gateway/internal/clock", "gateway/internal/dialect", "gateway/internal/ratelimit", "proto",
	},
	"internal/dialect/nostr":   {"gateway/internal/dialect", "gateway/internal/topic", "proto"},
	"internal/dialect/wsrelay": {"gateway/internal/dialect", "gateway/internal/topic", "proto"},
	"internal/dialect/yjs":     {"gateway/internal/dialect", "gateway/internal/topic", "proto"},
	"internal/handshake": {
		"gateway/internal/admission", "gateway/internal/auth", "gateway/internal/dialect", "gateway/internal/metrics", "gateway/internal/socket", "proto",
	},
	"internal/heartbeat": {
		"gateway/internal/clock", "gateway/internal/metrics", "gateway/internal/natsbus", "gateway/internal/ops", "proto", "proto/agreement", "proto/bus",
	},
	"internal/httpserver": {},
	"internal/ice":        {"gateway/internal/clock", "proto"},
	"internal/directory": {
		"gateway/internal/clock", "gateway/internal/link", "gateway/internal/ownership", "proto", "proto/bus",
	},
	"internal/drain": {
		"gateway/internal/client", "gateway/internal/frames", "gateway/internal/natsbus", "gateway/internal/relay", "gateway/internal/session", "proto",
	},
	"internal/egress":    {"gateway/internal/clock", "gateway/internal/ratelimit", "proto"},
	"internal/fairqueue": {},
	"internal/frames":    {"proto", "github.com/google/uuid"},
	"internal/inbound": {
		"gateway/internal/metrics", "gateway/internal/natsbus", "gateway/internal/ops", "gateway/internal/relay", "gateway/internal/room",
		"gateway/internal/session", "gateway/internal/socket", "proto", "proto/bus",
	},
	"internal/link":      {"proto", "proto/bus"},
	"internal/membudget": {},
	"internal/metrics": {
		"gateway/internal/admission", "gateway/internal/auth", "gateway/internal/clock", "gateway/internal/dialect/peerjs", "gateway/internal/dialect/nostr", "gateway/internal/dialect/webtorrent", "gateway/internal/dialect/wsrelay", "gateway/internal/dialect/yjs",
		"gateway/internal/egress", "gateway/internal/ice", "gateway/internal/link", "gateway/internal/membudget", "gateway/internal/names",
		"gateway/internal/quota", "gateway/internal/topic", "proto",
		"github.com/prometheus/client_golang",
	},
	"internal/names": {"gateway/internal/clock", "proto", "proto/bus"},
	"internal/natsbus": {
		"gateway/internal/clock", "proto", "proto/bus", "proto/service", "github.com/nats-io/nats.go",
	},
	"internal/ops":       {"proto"},
	"internal/ownership": {"proto"},
	"internal/quota":     {},
	"internal/ratelimit": {"gateway/internal/clock"},
	"internal/relay": {
		"gateway/internal/clock", "gateway/internal/dialect", "gateway/internal/directory", "gateway/internal/frames", "gateway/internal/link", "gateway/internal/metrics", "gateway/internal/natsbus", "gateway/internal/room", "gateway/internal/session", "proto", "proto/bus",
	},
	"internal/replay": {"gateway/internal/membudget"},
	"internal/room": {
		"gateway/internal/egress", "gateway/internal/fairqueue", "gateway/internal/link", "gateway/internal/metrics", "proto", "proto/bus",
	},
	"internal/session": {
		"gateway/internal/auth", "gateway/internal/clock", "gateway/internal/dialect", "gateway/internal/directory", "gateway/internal/egress",
		"gateway/internal/fairqueue", "gateway/internal/frames", "gateway/internal/ice", "gateway/internal/link", "gateway/internal/membudget", "gateway/internal/metrics", "gateway/internal/natsbus",
		"gateway/internal/ownership", "gateway/internal/quota", "gateway/internal/replay", "gateway/internal/room", "gateway/internal/socket",
		"proto", "proto/bus",
	},
	"internal/session/sessiontest": {
		"gateway/internal/auth", "gateway/internal/clock", "gateway/internal/directory", "gateway/internal/fairqueue", "gateway/internal/frames",
		"gateway/internal/ice", "gateway/internal/link", "gateway/internal/membudget", "gateway/internal/metrics", "gateway/internal/natsbus", "gateway/internal/quota",
		"gateway/internal/replay", "gateway/internal/room", "gateway/internal/session", "gateway/internal/socket", "proto", "proto/bus",
	},
	"internal/socket": {
		"gateway/internal/clock", "gateway/internal/membudget", "proto", "github.com/lxzan/gws",
	},
	"internal/socket/sockettest": {},
	"internal/topic":             {"gateway/internal/clock", "gateway/internal/egress", "gateway/internal/fairqueue", "gateway/internal/ratelimit", "proto", "proto/bus"},
	"internal/topicroom": {
		"gateway/internal/dialect", "gateway/internal/egress", "gateway/internal/fairqueue", "gateway/internal/link", "gateway/internal/room",
		"gateway/internal/topic", "proto", "proto/bus",
	},
	"web": {"proto", "github.com/yuin/goldmark"},
}

// TestPackages_BelowTheGateway_ImportWhatTheyMay: the packages below the gateway's root
// import each other only as declared, and none imports the root.
func TestPackages_BelowTheGateway_ImportWhatTheyMay(t *testing.T) {
	for _, fault := range faults(ours(t), "gateway", gatewayPackages) {
		t.Error(fault)
	}
}

// faults returns the imports of the packages below a service's root that the service's
// table does not allow, and the rows of the table that nothing uses.
func faults(pkgs []pkg, service string, table map[string][]string) (all []string) {
	tableName := service + "Packages"
	seen := make(map[string]bool)
	for _, p := range pkgs {
		name, ok := strings.CutPrefix(p.ImportPath, prefix+service+"/")
		if !ok {
			continue
		}
		seen[name] = true
		may, declared := table[name]
		if !declared {
			all = append(all, fmt.Sprintf("%s: got no row, want it in %s with what it may import", name, tableName))
			continue
		}
		for _, imported := range p.Imports {
			if !standard(imported) && !slices.ContainsFunc(may, func(m string) bool { return covers(m, imported) }) {
				all = append(all, fmt.Sprintf("%s: got an import of %s, want only %q", name, imported, may))
			}
		}
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) { // tests may use any library
			if ofModule(imported) != "" && imported != p.ImportPath && !kit(p.ImportPath, may, imported) && !slices.ContainsFunc(may, func(m string) bool { return covers(m, imported) }) {
				all = append(all, fmt.Sprintf("%s: got an import of %s in its tests, want only %q", name, imported, may))
			}
		}
		for _, m := range may {
			if !slices.ContainsFunc(p.Imports, func(imported string) bool { return covers(m, imported) }) {
				all = append(all, fmt.Sprintf("%s: got no import of %s, want it out of %s", name, m, tableName))
			}
			if m == service && !strings.HasPrefix(name, "cmd/") {
				all = append(all, fmt.Sprintf("%s: got a row that allows the root, want that for programs only", name))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		if !seen[name] {
			all = append(all, fmt.Sprintf("%s: got a row of no package, want it out of %s", name, tableName))
		}
	}
	return all
}

// kit reports whether imported is the test kit of the package at path, or of one that it may
// import: sockettest below socket.
func kit(path string, may []string, imported string) bool {
	i := strings.LastIndexByte(imported, '/')
	of, name := imported[:i], imported[i+1:]
	return name == of[strings.LastIndexByte(of, '/')+1:]+"test" && (of == path || slices.Contains(may, strings.TrimPrefix(of, prefix)))
}

// covers reports whether an entry of the table names an imported package: ours by its
// path, any package of a library by its module.
func covers(entry, imported string) bool {
	if ours, ok := strings.CutPrefix(imported, prefix); ok {
		return entry == ours
	}
	return imported == entry || strings.HasPrefix(imported, entry+"/")
}

// standard reports whether a package belongs to the standard library: its path has no
// domain.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".") && ofModule(path) == ""
}

// TestFaults_EachKind_IsSeen: the test above finds what it refuses.
func TestFaults_EachKind_IsSeen(t *testing.T) {
	const below = gatewayRoot + "/internal/a"
	table := map[string][]string{"internal/a": {"proto", "example.com/lib"}}
	good := []string{prefix + "proto", "example.com/lib/v2", "net/http"}
	for name, c := range map[string]struct {
		table map[string][]string
		pkg   pkg
		want  string // "" for no fault
	}{
		"as declared":           {table, pkg{ImportPath: below, Imports: good}, ""},
		"a test of itself":      {table, pkg{ImportPath: below, Imports: good, XTestImports: []string{below, "example.com/kit"}}, ""},
		"its kit, in a test":    {table, pkg{ImportPath: below, Imports: good, TestImports: []string{below + "/atest"}}, ""},
		"another's kit":         {table, pkg{ImportPath: below, Imports: good, TestImports: []string{gatewayRoot + "/internal/b/btest"}}, "btest"},
		"a declared one's kit":  {table, pkg{ImportPath: below, Imports: good, TestImports: []string{prefix + "proto/prototest"}}, ""},
		"its kit":               {table, pkg{ImportPath: below, Imports: append(slices.Clone(good), below+"/atest")}, "atest"},
		"the root":              {table, pkg{ImportPath: below, Imports: append(slices.Clone(good), gatewayRoot)}, "an import of " + gatewayRoot},
		"the root, declared":    {map[string][]string{"internal/a": {"gateway"}}, pkg{ImportPath: below, Imports: []string{gatewayRoot}}, "allows the root"},
		"a sibling":             {table, pkg{ImportPath: below, Imports: append(slices.Clone(good), gatewayRoot+"/internal/b")}, "internal/b"},
		"a sibling, in a test":  {table, pkg{ImportPath: below, Imports: good, TestImports: []string{gatewayRoot + "/internal/b"}}, "in its tests"},
		"a package below proto": {table, pkg{ImportPath: below, Imports: append(slices.Clone(good), prefix+"proto/service")}, "proto/service"},
		"a library":             {table, pkg{ImportPath: below, Imports: append(slices.Clone(good), "example.com/library")}, "example.com/library"},
		"nothing declared":      {nil, pkg{ImportPath: below}, "no row"},
		"too much declared":     {table, pkg{ImportPath: below, Imports: good[:1]}, "no import of example.com/lib"},
		"a package that went":   {table, pkg{ImportPath: gatewayRoot}, "a row of no package"},
	} {
		got := faults([]pkg{c.pkg}, "gateway", c.table)
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)) {
			t.Errorf("%s: got %q, want one fault with %q, or none when that is empty", name, got, c.want)
		}
	}
}

// TestLibraries_OfTheServices_AreKnownToOnePackage: a library that could be replaced is
// imported by one package.
func TestLibraries_OfTheServices_AreKnownToOnePackage(t *testing.T) {
	pkgs := ours(t)
	for service, libraries := range map[string][]string{
		"gateway": {
			"github.com/MicahParks/keyfunc", "github.com/golang-jwt/jwt", "golang.org/x/time",
			"github.com/prometheus/client_golang",
			"github.com/nats-io/nats.go",
		},
		"roomsvc": {"github.com/prometheus/client_golang", "github.com/nats-io/nats.go/jetstream"},
	} {
		for _, library := range libraries {
			var packages []string
			for _, file := range importers(t, pkgs, service, library) {
				packages = append(packages, file[:strings.LastIndexByte(file, '/')])
			}
			slices.Sort(packages)
			if packages = slices.Compact(packages); len(packages) != 1 {
				t.Errorf("%s: got %d packages of %s that import it, want 1: %q", library, len(packages), service, packages)
			}
		}
	}
}
