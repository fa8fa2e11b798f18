package gateway

import (
	"net"
	"net/netip"
	"strings"
)

// open reports whether anybody may connect who reaches the gateway from a public network:
// it asks for no access tokens, and its operator has not chosen the pages that may. Without
// such a choice only pages of the same host may, but programs always. An address that is
// not known counts as public.
func (c *Config) open() bool {
	origins := strings.TrimSpace(c.AllowedOrigins)
	return c.TokenKey == "" && c.TokenJWKS == "" && (origins == "" || origins == "*") && public(c.listenHost())
}

// listenHost returns the host that clients connect to, as it is configured; "" for all.
func (c *Config) listenHost() string {
	address := c.Listen
	if c.Listener != nil {
		address = c.Listener.Addr().String()
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	return host
}

// public reports whether others than this machine and its private networks may reach host.
func public(host string) bool {
	if host == "localhost" {
		return false
	}
	addr, err := netip.ParseAddr(host)
	return err != nil || !addr.IsLoopback() && !addr.IsPrivate() && !addr.IsLinkLocalUnicast()
}
