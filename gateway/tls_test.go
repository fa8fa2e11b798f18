package gateway

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/admission"
	"p2pconnector/gateway/internal/socket"
)

// testPair is a certificate for gateway.test and its key, as PEM.
func testPair(t *testing.T, serial int64) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"gateway.test"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}

func writePair(t *testing.T, dir string, cert, key []byte) (certFile, keyFile string) {
	t.Helper()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, b := range map[string][]byte{certFile: cert, keyFile: key} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

func TestTLS_FilesChange_NewCertificateIsUsedWhenItFits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cert1, key1 := testPair(t, 1)
		cert2, key2 := testPair(t, 2)
		certFile, keyFile := writePair(t, dir, cert1, key1)
		var log bytes.Buffer
		c, err := newTLS(&Config{TLSCert: certFile, TLSKey: keyFile}, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		serial := func() int64 {
			t.Helper()
			pair, err := c.GetCertificate(nil)
			if err != nil {
				t.Fatal(err)
			}
			return pair.Leaf.SerialNumber.Int64()
		}
		writePair(t, dir, cert2, key1) // half of it is new
		for range 3 {
			time.Sleep(certAge)
			if got := serial(); got != 1 {
				t.Errorf("with a key that does not fit: certificate %d, want 1", got)
			}
		}
		if n := strings.Count(log.String(), "cannot be used"); n != 1 {
			t.Errorf("logged %d times that the files cannot be used, want once:\n%s", n, log.String())
		}
		writePair(t, dir, cert2, key2)
		if got := serial(); got != 1 {
			t.Errorf("before the files were read again: certificate %d, want 1", got)
		}
		time.Sleep(certAge)
		if got := serial(); got != 2 {
			t.Errorf("after the files have changed: certificate %d, want 2", got)
		}
	})
}

// A client of TLS that reads nothing must not hold up who closes its connection:
// the sweep, which looks after all others.
func TestTLS_ClientThatDoesNotRead_IsClosedAtOnce(t *testing.T) {
	cert, key := testPair(t, 1)
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	for name, end := range map[string]func(g *Gateway, raw net.Conn){
		"a WebSocket": func(g *Gateway, raw net.Conn) { testConn(g, socket.WithoutAlert(raw)).ws.Abort() },
		"pending": func(g *Gateway, raw net.Conn) {
			g.admission.ConnState(raw, http.StateNew)
			g.admission.ClosePending()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := testGateway(t, Config{TLS: &tls.Config{Certificates: []tls.Certificate{pair}}})
				near, far := net.Pipe() // holds nothing: what is not read is not written
				defer far.Close()
				server := tls.Server(near, g.tls)
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
					t.Errorf("closing took %v, want no time", took)
				}
			})
		})
	}
}

// A page that is refused over TLS, and reads no more than its refusal, must not hold up
// the gateway's end.
func TestTLS_RefusedPageThatStopsReading_IsClosedAtOnce(t *testing.T) {
	cert, key := testPair(t, 1)
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		g := testGateway(t, Config{TLS: &tls.Config{Certificates: []tls.Certificate{pair}}})
		near, far := net.Pipe() // holds nothing: what is not read is not written
		defer far.Close()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
		done := make(chan bool, 1)
		go func() {
			w := &hijacked{httptest.NewRecorder(), tls.Server(near, g.tls)}
			done <- g.refuseSocket(w, r, netip.MustParseAddr("203.0.113.7"), limited(admission.MaxPerAddress))
		}()
		if _, err := tls.Client(far, &tls.Config{InsecureSkipVerify: true}).Read(make([]byte, 4096)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // what follows the refusal is on its way
		began := time.Now()
		g.refusals.Shutdown()
		<-done
		if took := time.Since(began); took != 0 {
			t.Errorf("closing took %v, want no time", took)
		}
	})
}

func TestTLS_WrongSettings_AreNamed(t *testing.T) {
	cert, _ := testPair(t, 1)
	_, other := testPair(t, 2)
	certFile, keyFile := writePair(t, t.TempDir(), cert, other)
	for name, cfg := range map[string]Config{
		"no key":         {TLSCert: certFile},
		"no certificate": {TLSKey: keyFile},
		"do not fit":     {TLSCert: certFile, TLSKey: keyFile},
		"no such file":   {TLSCert: certFile + "x", TLSKey: keyFile},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(cfg); err == nil || !strings.HasPrefix(err.Error(), "tls-cert, tls-key: ") {
				t.Errorf("got %v, want an error that names tls-cert and tls-key", err)
			}
		})
	}
}
