package node

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"p2pconnector/e2e/kit"
	"p2pconnector/e2e/kit/npm"
	"p2pconnector/gateway/web"
)

// ours is the folder of the package.
const ours = "../../../gateway/web"

// The packages of npm that the tests run.
const (
	bundler     = "esbuild@0.25.9"
	ws          = "ws@8.18.3"
	undici      = "undici@6.21.3"
	datachannel = "node-datachannel@0.33.4"
	node22      = "node@22.20.0"
)

// budget is how many bytes the module may have for a page: minified, and compressed by gzip.
// The 12 KiB that everything else needs, and half of one for waiting rooms, which cost 690
// bytes: a wait must outlive connections, and end once.
const budget = 12<<10 + 512

// unpack returns the files of the package by their names.
func unpack(t *testing.T) map[string]string {
	t.Helper()
	packed, err := os.ReadFile(npm.Pack(t, ours))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		} else if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimPrefix(h.Name, "package/")] = string(b)
	}
}

// TestPackage_Files_AreThoseThatGatewaysServe: an application that moves from /connector.js to
// the package gets the same code, all of it and nothing else.
func TestPackage_Files_AreThoseThatGatewaysServe(t *testing.T) {
	files := unpack(t)
	scripts, err := filepath.Glob(filepath.Join(ours, "connector", "*.js"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"LICENSE", "README.md", "connector.d.ts", "connector.js", "node-datachannel.d.ts", "node-datachannel.js", "package.json"}
	for _, path := range scripts {
		want = append(want, "connector/"+filepath.Base(path))
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got, want) {
		t.Errorf("got files %q, want %q", got, want)
	}
	h := web.Handler(web.Options{})
	for name, text := range files {
		if !strings.HasPrefix(name, "connector") {
			continue
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/"+name, nil))
		if w.Body.String() != text {
			t.Errorf("%s: got another text in the package, want that of a gateway", name)
		}
	}
	licence, err := os.ReadFile("../../../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	if files["LICENSE"] != string(licence) {
		t.Errorf("LICENSE: got %.40q, want that of the repository", files["LICENSE"])
	}
}

// TestPackage_Minified_IsWithinItsBudget measures what a page loads.
func TestPackage_Minified_IsWithinItsBudget(t *testing.T) {
	dir := npm.Install(t, bundler)
	cmd := exec.Command(filepath.Join(dir, "node_modules", ".bin", "esbuild"), "--bundle", "--format=esm", "--minify", "connector.js")
	cmd.Dir = ours
	script, err := cmd.Output()
	if err != nil {
		t.Skipf("%s cannot run here: %v", bundler, err)
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(script); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes, %d with gzip", len(script), packed.Len())
	if packed.Len() > budget {
		t.Errorf("got %d bytes with gzip, want %d or less", packed.Len(), budget)
	}
}

// project makes a folder with our package, packages of npm and the scripts of testdata/package.
func project(t *testing.T, packages ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/package")); err != nil {
		t.Fatal(err)
	}
	npm.InstallOurs(t, dir, ours, packages...)
	return dir
}

// runIn runs a script in dir with a Node, which must end by itself with code 0.
func runIn(t *testing.T, dir, node string, args ...string) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("node %s: %v, want exit code 0\n%s", strings.Join(args, " "), err, out)
	}
}

func TestPackage_InstalledNodeWithWS_RoomsWork(t *testing.T) {
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	runIn(t, project(t, ws), "node", "room.js", stack.URL(0), "ws")
}

func TestPackage_InstalledNodeWithUndici_RoomsWork(t *testing.T) {
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	runIn(t, project(t, undici), "node", "room.js", stack.URL(0), "undici")
}

// TestPackage_Node22WithNothing_RoomsWork: Node 22 has a WebSocket of its own.
func TestPackage_Node22WithNothing_RoomsWork(t *testing.T) {
	node := filepath.Join(npm.Install(t, node22), "node_modules", "node", "bin", "node")
	if err := exec.Command(node, "--version").Run(); err != nil {
		t.Skipf("%s cannot run here: %v", node22, err)
	}
	stack := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1})
	runIn(t, project(t), node, "room.js", stack.URL(0))
}

// TestPackage_NodeDataChannel_TwoProcessesOpenAChannel: both call each other at once, each
// gets the other's greeting, and both end by themselves.
func TestPackage_NodeDataChannel_TwoProcessesOpenAChannel(t *testing.T) {
	stack := kit.Start(t, kit.Options{Gateways: 2, RoomServices: 1})
	dir := project(t, ws, datachannel)
	var both sync.WaitGroup
	for i, name := range []string{"ann", "ben"} {
		both.Go(func() { runIn(t, dir, "node", "channel.js", stack.URL(i), name) })
	}
	both.Wait()
}
