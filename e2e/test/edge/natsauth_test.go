package edge_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"p2pconnector/e2e/kit"
	"p2pconnector/gateway"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc"
)

// certFiles are the files that one side of a TLS connection needs.
type certFiles struct {
	ca, cert, key string
	pair          tls.Certificate
	pool          *x509.CertPool
}

// newCerts makes a CA, and a certificate of it that is valid for both sides.
func newCerts(t *testing.T) certFiles {
	t.Helper()
	dir := t.TempDir()
	caKey, caCert := newCert(t, &x509.Certificate{Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil, nil)
	key, cert := newCert(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, caCert, caKey)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	write := func(name, block string, der []byte) string {
		file := filepath.Join(dir, name)
		must(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: block, Bytes: der}), 0o600))
		return file
	}
	c := certFiles{ca: write("ca.pem", "CERTIFICATE", caCert.Raw), cert: write("cert.pem", "CERTIFICATE", cert.Raw), key: write("key.pem", "PRIVATE KEY", der)}
	c.pair, err = tls.LoadX509KeyPair(c.cert, c.key)
	must(t, err)
	c.pool = x509.NewCertPool()
	c.pool.AddCert(caCert)
	return c
}

func newCert(t *testing.T, tmpl, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	tmpl.SerialNumber = big.NewInt(time.Now().UnixNano())
	tmpl.NotBefore, tmpl.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if parent == nil {
		parent, signer = tmpl, key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), signer)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	return key, cert
}

// account makes an operator with a system account and one account whose users
// may use JetStream, and a credentials file for a user of it.
func account(t *testing.T, opts *server.Options) (creds string) {
	t.Helper()
	operator, err := nkeys.CreateOperator()
	must(t, err)
	operatorKey, err := operator.PublicKey()
	must(t, err)
	resolver := new(server.MemAccResolver)
	newAccount := func(name string, limits jwt.JetStreamLimits) nkeys.KeyPair {
		kp, err := nkeys.CreateAccount()
		must(t, err)
		pub, err := kp.PublicKey()
		must(t, err)
		claims := jwt.NewAccountClaims(pub)
		claims.Name, claims.Limits.JetStreamLimits = name, limits
		token, err := claims.Encode(operator)
		must(t, err)
		must(t, resolver.Store(pub, token))
		if name == "SYS" {
			opts.SystemAccount = pub
		}
		return kp
	}
	newAccount("SYS", jwt.JetStreamLimits{})
	app := newAccount("APP", jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1, Streams: -1, Consumer: -1})
	oc := jwt.NewOperatorClaims(operatorKey)
	oc.SystemAccount = opts.SystemAccount
	signed, err := oc.Encode(operator)
	must(t, err)
	oc, err = jwt.DecodeOperatorClaims(signed)
	must(t, err)
	opts.TrustedOperators, opts.AccountResolver = []*jwt.OperatorClaims{oc}, resolver

	user, err := nkeys.CreateUser()
	must(t, err)
	pub, err := user.PublicKey()
	must(t, err)
	token, err := jwt.NewUserClaims(pub).Encode(app)
	must(t, err)
	seed, err := user.Seed()
	must(t, err)
	b, err := jwt.FormatUserConfig(token, seed)
	must(t, err)
	return file(t, b)
}

// secureNATS runs a NATS server that asks for a client certificate and for
// credentials, and returns its URL and the credentials file.
func secureNATS(t *testing.T, certs certFiles) (url, creds string) {
	t.Helper()
	opts := &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
		MaxPayload: bus.MaxPayloadBytes, TLS: true, TLSTimeout: 10, TLSVerify: true,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certs.pair}, ClientCAs: certs.pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12}}
	creds = account(t, opts)
	srv, err := server.NewServer(opts)
	must(t, err)
	srv.Start()
	t.Cleanup(func() {
		srv.Shutdown()
		srv.WaitForShutdown()
	})
	if !srv.ReadyForConnections(kit.Patience) {
		t.Fatal("the NATS server is not ready")
	}
	return "tls://" + srv.Addr().String(), creds
}

// TestNATS_CredentialsAndTLS_AreUsed: both services work with a credentials file and a
// client certificate, against a server that refuses clients without them.
func TestNATS_CredentialsAndTLS_AreUsed(t *testing.T) {
	certs := newCerts(t)
	url, creds := secureNATS(t, certs)
	for what, options := range map[string][]nats.Option{
		"neither":        {nats.RootCAs(certs.ca)},
		"no credentials": {nats.RootCAs(certs.ca), nats.ClientCert(certs.cert, certs.key)},
		"no certificate": {nats.RootCAs(certs.ca), nats.UserCredentials(creds)},
		"no CA":          {nats.ClientCert(certs.cert, certs.key), nats.UserCredentials(creds)},
	} {
		if nc, err := nats.Connect(url, options...); err == nil {
			nc.Close()
			t.Fatalf("%s: got a connection, want it refused", what)
		}
	}
	var cfg roomsvc.Config
	cfg.NATS.URL, cfg.NATS.Creds, cfg.NATS.CA, cfg.NATS.Cert, cfg.NATS.Key = url, creds, certs.ca, certs.cert, certs.key
	rooms, err := roomsvc.New(cfg)
	must(t, err)
	kit.Run(t, rooms)
	secure := func(c *gateway.Config) {
		c.NATS = cfg.NATS
	}
	a := startGateway(t, nil, secure).open(t, "/", nil)
	b := startGateway(t, nil, secure).open(t, "/", nil)
	a.send(`{"event":"Create_Room","data":{"room":"r"}}`)
	a.expect(string(proto.RoomCreated))
	b.send(`{"event":"Join_Room","data":{"room":"r"}}`)
	b.expect(string(proto.ClientAdded))
	a.expect(string(proto.ClientAdded))
	b.send(`{"event":"Message","room":"r","data":"over TLS"}`)
	if f := a.expect("Message"); f.From != string(b.details.ID) {
		t.Errorf("got %s, want a message of b", f.raw)
	}
}
