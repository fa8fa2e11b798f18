package socket

import (
	"crypto/tls"
	"net"
)

// quickTLS is a TLS connection that is closed without the alert that TLS ends with.
type quickTLS struct{ *tls.Conn }

// WithoutAlert returns conn; one of TLS in a form that Close closes at once. Sending the
// alert waits for a client that does not read, up to five seconds, and whoever closes a
// connection looks after others too. A WebSocket has its close frame instead.
func WithoutAlert(conn net.Conn) net.Conn {
	if t, ok := conn.(*tls.Conn); ok {
		return quickTLS{t}
	}
	return conn
}

// Close implements net.Conn.
func (q quickTLS) Close() error { return q.NetConn().Close() }

// CloseWrite ends the way to the client, as *net.TCPConn does.
func (q quickTLS) CloseWrite() error {
	if c, ok := q.NetConn().(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}

// closeWrite says that nothing more will come, and lets the client read what is
// on its way: closing at once with unread input would throw that away.
func closeWrite(raw net.Conn) {
	if t, ok := raw.(interface{ CloseWrite() error }); ok {
		t.CloseWrite()
	}
}
