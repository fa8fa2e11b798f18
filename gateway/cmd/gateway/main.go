// Command gateway accepts WebSockets and relays signals between peers over
// NATS. `gateway --help` lists its settings.
package main

import (
	"log/slog"

	"p2pconnector/gateway"
	"p2pconnector/proto/service"
)

// Set by the linker: -X main.version=… -X main.commit=…
var version, commit string

func main() { program().Main() }

func program() *service.Program {
	build := service.Build{Version: version, Commit: commit}.Known()
	cfg := gateway.Config{Version: build.Version, Commit: build.Commit}
	return &service.Program{
		Name:  "gateway",
		Build: build,
		About: "gateway accepts WebSockets and relays signals between peers over NATS.",
		Flags: cfg.Flags,
		New: func(log *slog.Logger) (service.Runner, error) {
			cfg.Logger = log
			return gateway.New(cfg)
		},
		Commands: []service.Command{{Name: "token", About: "makes an access token to try things with", Run: runToken}},
	}
}
