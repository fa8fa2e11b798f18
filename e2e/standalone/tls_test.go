package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"p2pconnector/e2e/selfsigned"
	"p2pconnector/proto/client"
)

// secureClient trusts the certificates of file alone.
func secureClient(t *testing.T, file string) *http.Client {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool}}}
}

// The second run uses the certificate of the first, and the file serves as tls-cert
// and tls-key too.
func TestTLS_SelfSigned_ServesPagesAndWebSockets(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "self-signed.pem")
	for _, args := range [][]string{{"--tls", "self-signed"}, {"--tls", "self-signed"}, {"--tls-cert", file, "--tls-key", file}} {
		p := start(t, none, append([]string{"--listen", "127.0.0.1:0", "--data-dir", dir}, args...)...)
		if !strings.HasPrefix(p.url, "https://") {
			t.Fatalf("%q: it printed %q, want an https URL", args, p.url)
		}
		hc := secureClient(t, file)
		resp, err := hc.Get(p.url)
		if err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != 200 || resp.ProtoMajor != 1 || !strings.Contains(string(body), "<html") {
			t.Fatalf("GET /: %s %s, %v, %.80q", resp.Proto, resp.Status, err, body)
		}
		c, err := client.Dial(t.Context(), client.Options{URLs: []string{"wss" + strings.TrimPrefix(p.url, "https")}, HTTPClient: hc})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Join(t.Context(), "lobby", client.JoinOptions{Create: true}); err != nil {
			t.Fatal(err)
		}
		p.end(t)
		_ = c.Close() // the program has ended first
	}
}

// The output lists the URLs for other devices and describes the warning.
func TestTLS_SelfSigned_ExplainsTheWarning(t *testing.T) {
	p := start(t, none, "--listen", "0.0.0.0:0", "--tls", "self-signed")
	conn, err := tls.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(p.url, "https://"), "/"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	print := selfsigned.Fingerprint(tls.Certificate{Leaf: conn.ConnectionState().PeerCertificates[0]})
	conn.Close()
	text := strings.Join(p.end(t), "\n")
	for _, want := range []string{"self-signed", "not private", "Proceed", print} {
		if !strings.Contains(text, want) {
			t.Errorf("it printed\n%s\nwant %q in it", text, want)
		}
	}
}

func TestTLS_WrongSettings_AreNamed(t *testing.T) {
	for _, args := range [][]string{
		{"--tls", "letsencrypt"},
		{"--tls", "self-signed", "--tls-cert", "x", "--tls-key", "y"},
		{"--tls-cert", "x"},
		{"--tls-cert", "no such file", "--tls-key", "y"},
	} {
		err := run(t.Context(), append(args, "--listen=127.0.0.1:0"), none, io.Discard, t.Output())
		if err == nil || !strings.HasPrefix(err.Error(), "tls") {
			t.Errorf("%q: got %v, want an error that begins with the setting", args, err)
		}
	}
}
