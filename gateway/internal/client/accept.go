package client

import (
	"p2pconnector/gateway/internal/handshake"
	"p2pconnector/proto"
)

// Open gives an accepted client a session and starts to read its connection. It returns
// false when the gateway is ending.
func (tab *Table) Open(a handshake.Accepted) bool {
	c, user := tab.New(a.Conn, a.Addr, a.Delta), ""
	if a.Access != nil {
		user = a.Access.User
		c.Access.Store(a.Access)
	}
	c.Session, c.leave, c.AcceptFrom = tab.cfg.Sessions.New(a.Addr, user), a.Leave, a.AcceptFrom
	if a.Dialect != nil {
		c.translator = a.Dialect.NewTranslator(a.Request, user, &port{c: c})
		c.Session.SetDialect(a.Dialect.Name(), c.translator)
	}
	if !tab.add(c) {
		return false
	}
	c.Session.Start(&c.Conn)
	tab.cfg.Metrics.Connections.Accepted.Inc()
	if c.translator != nil {
		tab.cfg.Metrics.Dialects.Accepted.Inc(a.Dialect.Name())
	}
	c.logBegin()
	if tab.cfg.Draining() { // the drain began meanwhile and may have missed this connection
		c.Socket.Close(proto.CloseGoingAway, proto.CloseGoingAway.Reason(), false)
	}
	go c.serve()
	return true
}
