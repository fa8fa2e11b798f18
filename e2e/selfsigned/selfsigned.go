// Package selfsigned makes a TLS certificate that no authority has signed, for
// trying things in a local network: browsers warn once, and then give the page
// camera and microphone, which they refuse by plain http.
package selfsigned

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// lifetime is how long a certificate is valid: Safari rejects those that are valid for
// more than 398 days. renewBefore is how long before its end a stored one is replaced.
const (
	lifetime    = 365 * 24 * time.Hour
	renewBefore = 7 * 24 * time.Hour
)

// fileName is the name of the file that holds the certificate and its key.
const fileName = "self-signed.pem"

// Load returns the certificate stored in dir. It makes a new one when there is none,
// when it is about to expire, or when this machine has another name or IPv4 address. It
// stores certificates because browsers remember an exception for one certificate only.
// With an empty dir it stores nothing.
func Load(dir string) (tls.Certificate, error) {
	hosts, err := Hosts()
	if err != nil {
		return tls.Certificate{}, err
	}
	if dir == "" {
		_, pair, err := create(hosts)
		return pair, err
	}
	path := filepath.Join(dir, fileName)
	stored, err := read(path)
	if err == nil && serves(stored.Leaf, hosts) {
		return stored, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return tls.Certificate{}, fmt.Errorf("%w; remove %s to get a new one", err, path)
	}
	text, pair, err := create(hosts)
	if err == nil {
		err = write(path, text)
	}
	return pair, err
}

// Hosts lists the names and addresses by which this machine can be reached in its
// network: localhost and its addresses first.
func Hosts() ([]string, error) {
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	if name, err := os.Hostname(); err == nil && name != "" && name != "localhost" {
		hosts = append(hosts, name)
		if !strings.Contains(name, ".") {
			hosts = append(hosts, name+".local") // its name by multicast DNS
		}
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			hosts = append(hosts, n.IP.String())
		}
	}
	return hosts, nil
}

// Fingerprint returns the SHA-256 of a certificate as browsers show it.
func Fingerprint(pair tls.Certificate) string {
	sum := sha256.Sum256(pair.Leaf.Raw)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}

func read(path string) (tls.Certificate, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(text, text)
}

// write replaces the whole file, readable by its owner only.
func write(path string, text []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, fileName) // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the error that matters is err
	}
	return err
}

// serves reports whether a stored certificate is still good. IPv6 addresses change by
// themselves: a new one is no reason for another warning.
func serves(leaf *x509.Certificate, hosts []string) bool {
	if time.Until(leaf.NotAfter) < renewBefore {
		return false
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil && ip.To4() == nil {
			continue
		}
		if leaf.VerifyHostname(h) != nil {
			return false
		}
	}
	return true
}

// create makes a certificate for hosts, and the text of the file with it and its key.
func create(hosts []string) (text []byte, pair tls.Certificate, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, tls.Certificate{}, err
	}
	now := time.Now()
	cert := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "Peer2Peer Connector, self-signed"},
		NotBefore:    now.Add(-time.Hour), // other clocks may be a little behind
		NotAfter:     now.Add(lifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},

		BasicConstraintsValid: true,
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			cert.IPAddresses = append(cert.IPAddresses, ip)
		} else {
			cert.DNSNames = append(cert.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		return nil, tls.Certificate{}, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, tls.Certificate{}, err
	}
	text = append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})...)
	pair, err = tls.X509KeyPair(text, text)
	return text, pair, err
}
