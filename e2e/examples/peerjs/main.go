// Command peerjs is a video call with the unmodified client of PeerJS:
//
//	go run ./e2e/standalone
//	go run ./e2e/examples/peerjs
//
// The page takes PeerJS from node_modules of the folder in which the command runs ("npm install
// peerjs"), or else from a CDN. With neither, it says what to do.
package main

import (
	"embed"
	"io/fs"
	"os"

	"p2pconnector/e2e/examples/serve"
)

//go:embed index.html
var page embed.FS

// files is the page, and PeerJS if it is installed.
type files struct{ installed fs.FS }

// Open implements fs.FS.
func (f files) Open(name string) (fs.File, error) {
	if name == "peerjs.min.js" {
		return f.installed.Open(name)
	}
	return page.Open(name)
}

func main() { serve.Main("peerjs", files{os.DirFS("node_modules/peerjs/dist")}) }
