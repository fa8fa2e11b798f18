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
		Admission: g.admission, Sockets: g.sockets, Closed: g.closed, Open: g.open,
		Pages:      web.Handler(web.Options{Status: g.status, Off: g.cfg.PageOff, Open: g.cfg.open(), Limits: g.limits, Grace: g.grace}),
		ErrorFrame: func(e *proto.Error) []byte { return g.errorFrame(e, proto.ErrorData{}, nil) },
		Handshakes: &g.metrics.Handshakes, Connections: &g.metrics.Connections, Logger: g.log,
		Dialects: g.newDialects(),
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

// open gives an accepted client a session and starts to read its connection. It returns
// false when the gateway is ending.
func (g *Gateway) open(a handshake.Accepted) bool {
	c, user := newConn(g, a.Conn, a.Addr, a.Delta), ""
	if a.Access != nil {
		user = a.Access.User
		c.Access.Store(a.Access)
	}
	c.Session, c.leave, c.AcceptFrom = g.sessions.New(a.Addr, user), a.Leave, a.AcceptFrom
	if a.Dialect != nil {
		c.translator = a.Dialect.NewTranslator(a.Request, user, &port{c: c})
		c.Session.SetDialect(a.Dialect.Name(), c.translator)
	}
	if !g.conns.add(c) {
		return false
	}
	c.Session.Start(&c.Conn)
	g.metrics.Connections.Accepted.Inc()
	if c.translator != nil {
		g.metrics.Dialects.Accepted.Inc(a.Dialect.Name())
	}
	c.logBegin()
	if g.draining.Load() { // the drain began meanwhile and may have missed this connection
		c.Socket.Close(proto.CloseGoingAway, proto.CloseGoingAway.Reason(), false)
	}
	go c.serve()
	return true
}
