// Command drawing is a shared sheet of paper that everyone draws on, over data
// channels:
//
//	go run ./e2e/standalone
//	go run ./e2e/examples/drawing
package main

import (
	"embed"

	"p2pconnector/e2e/examples/serve"
)

//go:embed index.html
var files embed.FS

func main() { serve.Main("drawing", files) }
