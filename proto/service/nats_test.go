package service

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// file writes a file and returns its path.
func file(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// pair makes a certificate that signs itself.
func pair(t *testing.T) (cert, key string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return file(t, "cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		file(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
}

func TestNATSCheck_WhatWorks_IsAccepted(t *testing.T) {
	cert, key := pair(t)
	for _, n := range []NATS{
		{},
		{URL: "localhost"},
		{URL: "nats://a:4222, tls://user:password@b:4222,"},
		{URL: "wss://[::1]:443/nats"},
		{URL: "nats://a,nats://b", Login: file(t, "login", []byte("gateway:of:my own\n"))},
		{Creds: file(t, "creds", nil), Cert: cert, Key: key, CA: cert},
	} {
		if err := n.Check(); err != nil {
			t.Errorf("%+v: got %v, want no error", n, err)
		}
	}
}

func TestNATSCheck_WhatCannotWork_IsAllReported(t *testing.T) {
	cert, key := pair(t)
	const missing = "no/such/file"
	for want, n := range map[string]NATS{
		"nats-url: server 2":           {URL: "nats://a,nats://user:pass word@b"},
		"nats-url: server 1":           {URL: "nats://user:pass/word@b"},
		"nats-url: no server is named": {URL: " , "},
		"nats-creds: ":                 {Creds: missing},
		"nats-creds: read ":            {Creds: t.TempDir()},
		"nats-cert, nats-key: give":    {Cert: cert},
		"nats-cert, nats-key: open ":   {Cert: missing, Key: key},
		"nats-cert, nats-key: tls: ":   {Cert: key, Key: cert},
		"nats-ca: open ":               {CA: missing},
		"nats-ca: " + key + " holds":   {CA: key},
		"nats-url: server 1 is not a URL such as nats://127.0.0.1:4222\nnats-creds: ": {URL: "nats://", Creds: missing},
	} {
		err := n.Check()
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "pass") {
			t.Errorf("%+v: got %v, want %q and no password", n, err, want)
		}
	}
}

func TestNATSFlags_Arguments_SetEachSetting(t *testing.T) {
	var got NATS
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	got.Flags(fs)
	if d := fs.Lookup("nats-url").DefValue; d != DefaultNATSURL {
		t.Errorf("got default %q, want %q", d, DefaultNATSURL)
	}
	if err := Parse(fs, strings.Fields("-nats-url=a -nats-creds=b -nats-cert=c -nats-key=d -nats-ca=e"), none); err != nil {
		t.Fatal(err)
	}
	if want := (NATS{URL: "a", Creds: "b", Cert: "c", Key: "d", CA: "e"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestNATSCheck_LoginThatCannotWork_IsNamedWithoutItsContent(t *testing.T) {
	for want, n := range map[string]NATS{
		"no such file":     {Login: filepath.Join(t.TempDir(), "none")},
		"user:password":    {Login: file(t, "login", []byte("secret"))},
		"does not hold":    {Login: file(t, "login", []byte("secret:\n"))},
		"give one of them": {URL: "nats://a,nats://gateway:secret@b", Login: file(t, "login", []byte("gateway:secret"))},
	} {
		err := n.Check()
		if err == nil || !strings.HasPrefix(err.Error(), "nats-login: ") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("got error %v, want one of nats-login with %q and without the secret", err, want)
		}
	}
}

func TestReadLogin_PasswordWithColons_IsWhole(t *testing.T) {
	user, password, err := NATS{Login: file(t, "login", []byte("gateway:of:my own\n"))}.ReadLogin()
	if user != "gateway" || password != "of:my own" || err != nil {
		t.Errorf("got %q %q, error %v; want %q %q", user, password, err, "gateway", "of:my own")
	}
}
