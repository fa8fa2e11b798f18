// Package consumer_test builds a program of somebody else's against the Go client: a module
// outside the workspace, which has only what the client's own go.mod files require.
package consumer_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// program is a peer that answers calls.
const program = `package main

import (
	"context"

	"p2pconnector/proto/client"
%s)

func main() {
	c, err := client.Dial(context.Background(), client.Options{URLs: []string{"ws://localhost:8080"}})
	if err != nil {
		panic(err)
	}
	defer c.Close()
%s}
`

// most is how many modules a program gets with the client alone, itself included.
const most = 5

func TestClient_ModuleOfAnImporter_BuildsWithFewModules(t *testing.T) {
	dir := module(t, "", "")
	build(t, dir)
	modules := strings.Fields(run(t, dir, "list", "-m", "-f", "{{.Path}}", "all"))
	if len(modules) > most {
		t.Errorf("got %d modules with the client, want at most %d: %q", len(modules), most, modules)
	}
	for _, m := range modules {
		if strings.HasPrefix(m, "github.com/nats-io/") || strings.HasPrefix(m, "github.com/pion/") {
			t.Errorf("got the module %s with the client, want neither NATS nor pion", m)
		}
	}
	t.Logf("%d modules: %q", len(modules), modules)
}

func TestRTC_ModuleOfAnImporter_Builds(t *testing.T) {
	build(t, module(t, "\t\"p2pconnector/proto/client/rtc\"\n", "\tdefer rtc.New(c, rtc.Config{}).Close()\n"))
}

// module writes a module that replaces ours by their folders, as a program outside this
// repository does, and a program whose imports and main begin so.
func module(t *testing.T, imports, body string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	write(t, dir, "main.go", fmt.Sprintf(program, imports, body))
	root, err := filepath.Abs("../../../proto")
	if err != nil {
		t.Fatal(err)
	}
	mod := "module example.com/consumer\n\ngo 1.26.0\n"
	for _, name := range []string{"", "/client", "/client/rtc"} {
		mod += fmt.Sprintf("\nreplace p2pconnector/proto%s => %q\n", name, root+name)
	}
	write(t, dir, "go.mod", mod)
	return dir
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// build builds the program offline, with the modules that building this repository has
// downloaded. It skips when one of them is not there.
func build(t *testing.T, dir string) {
	t.Helper()
	if out, err := command(t, dir, "build", "-o", filepath.Join(dir, "program"), ".").CombinedOutput(); err != nil {
		if text := string(out); strings.Contains(text, "module lookup disabled by GOPROXY=off") {
			t.Skipf("the module cache lacks a module: run bash .ci/run, or go mod download in proto/client/rtc\n%s", text)
		}
		t.Fatalf("got %v, want a program\n%s", err, out)
	}
}

func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	var stderr strings.Builder
	cmd := command(t, dir, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %q: got %v, want its output\n%s", args, err, stderr.String())
	}
	return string(out)
}

func command(t *testing.T, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "GOPROXY=off", "GONOSUMDB=*")
	return cmd
}
