package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"strings"
)

//go:embed LICENSE connector.js connector.d.ts connector/*.js static templates docs/*.md
var embedded embed.FS

// kinds are the types of the files that are embedded.
var kinds = map[string]string{
	"":      "text/plain; charset=utf-8", // LICENSE
	".css":  "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".json": "application/json",
	".svg":  "image/svg+xml",
	".ts":   "text/plain; charset=utf-8",
}

// assets returns every file by the path it is served at. It panics on files that
// do not fit together, which a test would have seen.
func assets(o Options) map[string]asset {
	o = o.withDefaults()
	files := map[string]asset{}
	add := func(at, name string) {
		b, err := embedded.ReadFile(name)
		if err != nil {
			panic(fmt.Errorf("web: embedded file: %w", err))
		}
		a := newAsset(b, kinds[path.Ext(name)])
		a.open = strings.HasPrefix(name, "connector")
		files[at] = a
	}
	add("/connector.js", "connector.js")
	add("/connector.d.ts", "connector.d.ts")
	for _, name := range list("connector") {
		add("/"+name, name)
	}
	if o.Off {
		files["/"] = newAsset([]byte(offText), "text/plain; charset=utf-8")
		return files
	}
	for _, name := range list("static") {
		add("/web/"+strings.TrimPrefix(name, "static/"), name)
	}
	maps.Copy(files, documents())
	add("/demo", "templates/demo.html")
	add("/licence", "LICENSE")
	files["/"] = newAsset(page(o, o.Limits(), o.Grace()), kinds[".html"])
	return files
}

func newAsset(body []byte, kind string) asset {
	sum := sha256.Sum256(body)
	return asset{body: body, kind: kind, etag: `"` + hex.EncodeToString(sum[:12]) + `"`}
}

// list returns the names of the embedded files below dir.
func list(dir string) []string {
	var names []string
	err := fs.WalkDir(embedded, dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		panic(fmt.Errorf("web: embedded folder: %w", err))
	}
	return names
}

// missing returns the page for a path where nothing is.
func missing() []byte {
	b, err := embedded.ReadFile("templates/missing.html")
	if err != nil {
		panic(fmt.Errorf("web: embedded file: %w", err))
	}
	return b
}
