// Command roomsvc runs one instance of the room service against NATS servers
// with JetStream. `roomsvc --help` lists its settings.
package main

import (
	"log/slog"

	"p2pconnector/proto/service"
	"p2pconnector/roomsvc"
)

// Set by the linker: -X main.version=… -X main.commit=…
var version, commit string

func main() { program().Main() }

func program() *service.Program {
	build := service.Build{Version: version, Commit: commit}.Known()
	cfg := roomsvc.Config{Version: build.Version, Commit: build.Commit}
	return &service.Program{
		Name:  "roomsvc",
		Build: build,
		About: "roomsvc changes rooms, at the request of gateways. It needs NATS servers with JetStream.",
		Flags: cfg.Flags,
		New: func(log *slog.Logger) (service.Runner, error) {
			cfg.Logger = log
			return roomsvc.New(cfg)
		},
	}
}
