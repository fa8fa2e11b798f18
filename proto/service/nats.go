package service

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// DefaultNATSURL is where NATS listens by default.
const DefaultNATSURL = "nats://127.0.0.1:4222"

// Times of a connection to NATS, the same for every service: a server that hangs must be
// noticed within seconds, and one that is back must be found at once.
const (
	NATSDialTimeout        = 2 * time.Second
	NATSPingInterval       = 2 * time.Second
	NATSMaxPings           = 2 // without an answer; then the connection is lost
	NATSReconnectWait      = 250 * time.Millisecond
	NATSReconnectJitter    = 250 * time.Millisecond
	NATSReconnectJitterTLS = 500 * time.Millisecond
)

// NATS holds the settings of a service's connection to NATS.
type NATS struct {
	URL   string // servers, separated by commas; "" is DefaultNATSURL
	Creds string // credentials file (.creds); "" for none
	Login string // file of "user:password", for URLs that name no user; "" for none
	Cert  string // client certificate file (PEM); goes with Key
	Key   string // key file of Cert (PEM)
	CA    string // file of certificates (PEM) that the server's must be signed by; "" is the system's
}

// Flags binds the settings to fs, with the values they have as defaults.
func (n *NATS) Flags(fs *flag.FlagSet) {
	fs.StringVar(&n.URL, "nats-url", n.withDefaults().URL, "`URLs` of NATS servers, separated by commas")
	fs.StringVar(&n.Creds, "nats-creds", n.Creds, "NATS credentials `file`")
	fs.StringVar(&n.Login, "nats-login", n.Login, "`file` of user:password for NATS, read at each connect (default: those in nats-url)")
	fs.StringVar(&n.Cert, "nats-cert", n.Cert, "client certificate `file` for NATS (PEM)")
	fs.StringVar(&n.Key, "nats-key", n.Key, "`file` of the client certificate's key (PEM)")
	fs.StringVar(&n.CA, "nats-ca", n.CA, "`file` of certificates that sign the NATS server's (PEM)")
}

func (n NATS) withDefaults() NATS {
	if n.URL == "" {
		n.URL = DefaultNATSURL
	}
	return n
}

// Servers returns URL, or its default.
func (n NATS) Servers() string { return n.withDefaults().URL }

// Check returns an error that lists every setting that cannot work, by the names of
// the flags. It reads the files, because a missing file would look like an
// unreachable server. The error holds no part of the URLs, because they may contain a
// password.
func (n NATS) Check() error {
	errs := []error{n.checkURL()}
	if n.Creds != "" {
		if _, err := os.ReadFile(n.Creds); err != nil {
			errs = append(errs, fmt.Errorf("nats-creds: %w", err))
		}
	}
	if n.Login != "" {
		if _, _, err := n.ReadLogin(); err != nil {
			errs = append(errs, fmt.Errorf("nats-login: %w", err))
		}
		if n.namesUser() {
			errs = append(errs, errors.New("nats-login: nats-url names a user; give one of them"))
		}
	}
	pair := CheckPair("nats-cert", n.Cert, "nats-key", n.Key)
	if pair == nil && n.Cert != "" {
		if _, err := tls.LoadX509KeyPair(n.Cert, n.Key); err != nil {
			pair = fmt.Errorf("nats-cert, nats-key: %w", err)
		}
	}
	return errors.Join(append(errs, pair, n.checkCA())...)
}

// ReadLogin returns what the file Login holds. Its error holds no part of that.
func (n NATS) ReadLogin() (user, password string, err error) {
	b, err := os.ReadFile(n.Login)
	if err != nil {
		return "", "", err
	}
	user, password, ok := strings.Cut(strings.TrimSpace(string(b)), ":")
	if !ok || user == "" || password == "" {
		return "", "", fmt.Errorf("%s does not hold user:password", n.Login)
	}
	return user, password, nil
}

// namesUser reports whether one of the URLs names a user.
func (n NATS) namesUser() bool {
	return slices.ContainsFunc(strings.Split(n.Servers(), ","), func(server string) bool { return strings.Contains(server, "@") })
}

func (n NATS) checkURL() error {
	i := 0
	for server := range strings.SplitSeq(n.Servers(), ",") {
		if server = strings.TrimSpace(server); server == "" {
			continue
		}
		i++
		if !strings.Contains(server, "://") {
			server = "nats://" + server
		}
		if u, err := url.Parse(server); err != nil || u.Host == "" {
			return fmt.Errorf("nats-url: server %d is not a URL such as %s", i, DefaultNATSURL)
		}
	}
	if i == 0 {
		return errors.New("nats-url: no server is named")
	}
	return nil
}

func (n NATS) checkCA() error {
	if n.CA == "" {
		return nil
	}
	b, err := os.ReadFile(n.CA)
	if err == nil && !x509.NewCertPool().AppendCertsFromPEM(b) {
		err = fmt.Errorf("%s holds no certificate (PEM)", n.CA)
	}
	if err != nil {
		return fmt.Errorf("nats-ca: %w", err)
	}
	return nil
}
