// Command chat is a chat for everyone in one room:
//
//	go run ./e2e/standalone
//	go run ./e2e/examples/chat
package main

import (
	"embed"

	"p2pconnector/e2e/examples/serve"
)

//go:embed index.html
var files embed.FS

func main() { serve.Main("chat", files) }
