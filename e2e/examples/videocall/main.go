// Command videocall is a video call of everyone who opens the page:
//
//	go run ./e2e/standalone
//	go run ./e2e/examples/videocall
package main

import (
	"embed"

	"p2pconnector/e2e/examples/serve"
)

//go:embed index.html
var files embed.FS

func main() { serve.Main("videocall", files) }
