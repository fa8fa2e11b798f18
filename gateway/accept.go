package gateway

import (
	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/handshake"
	"p2pconnector/gateway/web"
	"p2pconnector/proto"
)

// handshakeConfig returns the configuration of the handshake handler.
func (g *Gateway) handshakeConfig() handshake.Config {
	cfg := handshake.Config{
		Admission: g.admission, Sockets: g.sockets, Closed: g.closed, Open: g.conns.Open,
		Pages:      web.Handler(web.Options{Status: g.status, Off: g.cfg.PageOff, Open: g.cfg.Open(), Limits: g.limits, Grace: g.grace, Version: g.cfg.Version, Commit: g.cfg.Commit}),
		ErrorFrame: func(e *proto.Error) []byte { return g.frames.Error(e, proto.ErrorData{}, nil) },
		MaxRefused: g.cfg.MaxRefusedPages, Handshakes: &g.metrics.Handshakes, Connections: &g.metrics.Connections, Logger: g.log,
		Dialects: g.dialects.All(),
	}
	if g.cfg.TokenKey != "" || g.cfg.TokenJWKS != "" {
		cfg.Verify = func(token string) (*auth.Access, error) { return g.verifier.Verify(token) } // set before the first client connects
	}
	return cfg
}

// closed returns why the gateway accepts no clients now; "" when it accepts them.
func (g *Gateway) closed() string {
	switch {
	case g.draining.Load():
		return "This gateway is going away. Connect again: another one will answer."
	case !g.bus.Connected():
		return "This gateway has no connection to its bus now. Connect again in a moment."
	}
	return ""
}
