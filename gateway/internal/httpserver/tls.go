package httpserver

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certAge is how long a certificate is used before its files are checked again.
const certAge = 10 * time.Second

// TLSConfig returns the TLS configuration of the clients' listener, or nil when it serves
// without TLS. It uses own if that is set, otherwise the certificate in the file cert and
// its key in the file key, both PEM. The files are read again when they change. An error
// names the settings.
func TLSConfig(own *tls.Config, cert, key string, log *slog.Logger) (*tls.Config, error) {
	var c *tls.Config
	switch {
	case own != nil:
		c = own.Clone()
	case cert != "":
		files := &certFiles{cert: cert, key: key, log: log}
		if err := files.load(); err != nil {
			return nil, fmt.Errorf("tls-cert, tls-key: %w", err)
		}
		c = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: files.get}
	default:
		return nil, nil
	}
	c.NextProtos = []string{"http/1.1"} // a connection of HTTP/2 cannot be taken over for a WebSocket
	return c, nil
}

// certFiles is a certificate that is reloaded from its files, so that a renewed certificate
// needs no restart. Safe for concurrent use.
type certFiles struct {
	cert, key string
	log       *slog.Logger

	mu       sync.Mutex
	current  *tls.Certificate
	contents [2][]byte // of the files, when they were last read
	readAt   time.Time
	failed   string // why the files cannot be used; logged once
}

// get implements tls.Config.GetCertificate. Files that do not match, for instance because
// only one of them is new yet, leave the old certificate in use.
func (f *certFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.readAt) >= certAge {
		err := f.loadLocked()
		if err != nil && err.Error() != f.failed {
			f.log.Error("the certificate's files cannot be used; the old certificate stays in use", "err", err)
			f.failed = err.Error()
		}
	}
	return f.current, nil
}

func (f *certFiles) load() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.loadLocked()
}

// loadLocked reads the files and uses the certificate in them if they have changed.
func (f *certFiles) loadLocked() error {
	f.readAt = time.Now()
	var contents [2][]byte
	for i, name := range []string{f.cert, f.key} {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		contents[i] = b
	}
	if bytes.Equal(contents[0], f.contents[0]) && bytes.Equal(contents[1], f.contents[1]) {
		return nil
	}
	f.contents = contents
	pair, err := tls.X509KeyPair(contents[0], contents[1])
	if err != nil {
		return err
	}
	f.failed = ""
	if f.current != nil {
		f.log.Info("using a new certificate", "file", f.cert)
	}
	f.current = &pair
	return nil
}
