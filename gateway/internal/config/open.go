package config

import (
	"net"
	"net/netip"
	"strings"
)

// Open reports whether anybody on a public network may connect: the gateway requires no
// access tokens, and its operator has not chosen the pages that may connect. Without such a
// choice only pages of the same host may connect, but programs always may. An unknown
// address counts as public.
func (c *Config) Open() bool {
	return c.TokenKey == "" && c.TokenJWKS == "" && !c.choosesOrigins() && public(c.listenHost())
}

// choosesOrigins reports whether some pages of other hosts may connect, but not all. Pages of
// the own machine are no choice: they are the defaults of programs for developers.
func (c *Config) choosesOrigins() (some bool) {
	for s := range strings.SplitSeq(c.AllowedOrigins, ",") {
		switch s = strings.TrimSpace(s); {
		case s == "", s == "null", strings.HasPrefix(s, "http://localhost:"), strings.HasPrefix(s, "http://127.0.0.1:"):
		case s == "*":
			return false
		default:
			some = true
		}
	}
	return some
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

// public reports whether host can be reached from outside this machine and its private
// networks.
func public(host string) bool {
	if host == "localhost" {
		return false
	}
	addr, err := netip.ParseAddr(host)
	return err != nil || !addr.IsLoopback() && !addr.IsPrivate() && !addr.IsLinkLocalUnicast()
}
