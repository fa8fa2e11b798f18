// Command yjs is an editor that everyone writes in at once, with Yjs and y-webrtc from npm,
// unchanged:
//
//	go run ./e2e/standalone
//	go run ./e2e/examples/yjs
//
// It needs npm, which installs the two packages and a bundler in the user's cache.
package main

import (
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"p2pconnector/e2e/examples/serve"
)

//go:embed index.html
var page embed.FS

var packages = []string{"y-webrtc@10.3.0", "yjs@13.6.27", "esbuild@0.25.9"}

// exports is the module that the page imports.
const exports = `export { WebrtcProvider } from "y-webrtc"; export { Doc } from "yjs";`

func main() {
	public, err := prepare()
	if err != nil {
		fmt.Fprintln(os.Stderr, "yjs:", err)
		os.Exit(1)
	}
	serve.Main("yjs", os.DirFS(public))
}

// prepare returns a folder with the page and the module that it imports.
func prepare() (public string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "p2pconnector-example-yjs")
	public = filepath.Join(dir, "public")
	if err := os.MkdirAll(public, 0o755); err != nil {
		return "", err
	}
	html, err := page.ReadFile("index.html")
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(public, "index.html"), html, 0o644); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte("{}"), 0o644); err != nil { // or npm installs elsewhere
		return "", err
	}
	if err := run(dir, "", "npm", append([]string{"install", "--silent", "--no-save", "--no-audit"}, packages...)...); err != nil {
		return "", err
	}
	esbuild := filepath.Join(dir, "node_modules", ".bin", "esbuild")
	return public, run(dir, exports, esbuild, "--bundle", "--format=esm", "--define:global=globalThis", "--outfile="+filepath.Join(public, "lib.js"))
}

// run runs a program with a text as its input.
func run(dir, input, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stdin, cmd.Stderr = dir, strings.NewReader(input), os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
