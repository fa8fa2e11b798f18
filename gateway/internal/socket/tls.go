package socket

import (
	"crypto/tls"
	"net"
)

// quickTLS is a TLS connection that is closed without the alert that TLS ends with.
type quickTLS struct{ *tls.Conn }

// WithoutAlert returns conn. A connection of TLS is wrapped so that Close closes it at once.
// Sending the alert would wait up to five seconds for a client that does not read, and the
// goroutine that closes the connection also serves others. A WebSocket has its close frame
// instead.
func WithoutAlert(conn net.Conn) net.Conn {
	if t, ok := conn.(*tls.Conn); ok {
		return quickTLS{t}
	}
	return conn
}

// Close implements net.Conn.
func (q quickTLS) Close() error { return q.NetConn().Close() }

// CloseWrite closes the connection for writing, as *net.TCPConn does.
func (q quickTLS) CloseWrite() error {
	if c, ok := q.NetConn().(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}

// closeWrite closes the connection for writing, and lets the client read what is on its
// way. Closing at once with unread input would discard that.
func closeWrite(raw net.Conn) {
	if t, ok := raw.(interface{ CloseWrite() error }); ok {
		t.CloseWrite()
	}
}
