package httpserver

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
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

func TestTLSConfig_FilesChange_NewCertificateIsUsedWhenItFits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cert1, key1 := testPair(t, 1)
		cert2, key2 := testPair(t, 2)
		certFile, keyFile := writePair(t, dir, cert1, key1)
		var log bytes.Buffer
		c, err := TLSConfig(nil, certFile, keyFile, slog.New(slog.NewTextHandler(&log, nil)))
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
				t.Errorf("with a key that does not match: got certificate %d, want 1", got)
			}
		}
		if n := strings.Count(log.String(), "cannot be used"); n != 1 {
			t.Errorf("got %d log lines that the files cannot be used, want 1:\n%s", n, log.String())
		}
		writePair(t, dir, cert2, key2)
		if got := serial(); got != 1 {
			t.Errorf("before the files were read again: got certificate %d, want 1", got)
		}
		time.Sleep(certAge)
		if got := serial(); got != 2 {
			t.Errorf("after the files have changed: got certificate %d, want 2", got)
		}
	})
}

func TestTLSConfig_WrongFiles_AreNamed(t *testing.T) {
	cert, _ := testPair(t, 1)
	_, other := testPair(t, 2)
	certFile, keyFile := writePair(t, t.TempDir(), cert, other)
	for name, files := range map[string][2]string{
		"do not fit":   {certFile, keyFile},
		"no such file": {certFile + "x", keyFile},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := TLSConfig(nil, files[0], files[1], slog.New(slog.DiscardHandler))
			if err == nil || !strings.HasPrefix(err.Error(), "tls-cert, tls-key: ") {
				t.Errorf("got %v, want an error that names tls-cert and tls-key", err)
			}
		})
	}
}
