package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"

	"p2pconnector/e2e/selfsigned"
	"p2pconnector/e2e/single"
)

// serveTLS applies the value of --tls to cfg.
func serveTLS(cfg *single.Config, how string) error {
	switch {
	case how == "":
		return nil
	case how != "self-signed":
		return fmt.Errorf("tls: %q is not self-signed; a certificate of your own goes into tls-cert and tls-key", how)
	case cfg.Gateway.TLSCert != "" || cfg.Gateway.TLSKey != "":
		return fmt.Errorf("tls, tls-cert, tls-key: self-signed makes a certificate; give it or your own, not both")
	}
	pair, err := selfsigned.Load(cfg.DataDir)
	if err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	cfg.Gateway.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	return nil
}

// explainSelfSigned prints the URLs by which other devices reach the gateway
// that listens on addr, and describes their browsers' warning.
func explainSelfSigned(w io.Writer, pair tls.Certificate, addr string) {
	host, port, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	if err == nil && ip.IsUnspecified() {
		for _, other := range pair.Leaf.IPAddresses {
			if other.To4() != nil && !other.IsLoopback() {
				fmt.Fprintf(w, "Other devices in your network: open https://%s/\n", net.JoinHostPort(other.String(), port))
			}
		}
	}
	fmt.Fprintf(w, "The certificate is self-signed. Each browser warns once that the connection is not private, because no authority\n"+
		"vouches for this server. In your own network go on: \"Advanced\", then \"Proceed\" or \"Accept the risk\".\n"+
		"To be sure that it is this server, compare the certificate's SHA-256 fingerprint in the browser:\n  %s\n", selfsigned.Fingerprint(pair))
}
