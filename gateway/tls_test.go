package gateway

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/socket"
)

// A TLS client that reads nothing must not delay the goroutine that closes its
// connection: that is the sweep, which serves all other connections too.
func TestTLS_ClientThatDoesNotRead_IsClosedAtOnce(t *testing.T) {
	s := httptest.NewTLSServer(nil)
	certificate := s.TLS
	s.Close()
	for name, end := range map[string]func(g *Gateway, raw net.Conn){
		"a WebSocket": func(g *Gateway, raw net.Conn) { testConn(g, socket.WithoutAlert(raw)).Socket.Abort() },
		"pending": func(g *Gateway, raw net.Conn) {
			g.admission.ConnState(raw, http.StateNew)
			g.admission.ClosePending()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := testGateway(t, Config{TLS: certificate})
				near, far := net.Pipe() // holds nothing: what is not read is not written
				defer far.Close()
				server := tls.Server(near, g.cfg.TLS)
				shaken := make(chan error, 1)
				go func() {
					client := tls.Client(far, &tls.Config{InsecureSkipVerify: true})
					err := client.Handshake()
					if err == nil {
						_, err = client.Read(make([]byte, 1)) // the session tickets too
					}
					shaken <- err
				}()
				if _, err := server.Write([]byte("x")); err != nil {
					t.Fatal(err)
				}
				if err := <-shaken; err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				end(g, server)
				if took := time.Since(began); took != 0 {
					t.Errorf("got a close that took %v, want 0s", took)
				}
			})
		})
	}
}
