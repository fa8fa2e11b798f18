package admission

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// hosts are the names by which the gateway may be addressed. The zero value allows all.
// Fixed once parsed, so safe for concurrent use.
//
// The list protects against DNS rebinding: the owner of a hostile name makes it resolve to
// the gateway's address, and both the gateway and the browser then take the page for one of
// the same host. A page whose host is an address, or localhost, was loaded from that
// address: no name was resolved that an attacker could point elsewhere.
type hosts struct {
	exact    map[string]bool
	suffixes []string // ".example.com"
}

// parseHosts parses a list in the form of Config.AllowedHosts.
func parseHosts(list string) (hosts, error) {
	var h hosts
	for s := range strings.SplitSeq(list, ",") {
		s = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(s)), ".")
		if s == "" {
			continue
		}
		name, subdomains := strings.CutPrefix(s, "*.")
		if name == "" || strings.ContainsAny(name, "*/?#@: ") {
			return hosts{}, fmt.Errorf("%q is not a host like p2p.example.com or *.example.com, without scheme and port", s)
		}
		if subdomains {
			h.suffixes = append(h.suffixes, "."+name)
			continue
		}
		if h.exact == nil {
			h.exact = make(map[string]bool)
		}
		h.exact[name] = true
	}
	return h, nil
}

// allow reports whether r is addressed to the gateway, whatever the port.
func (h hosts) allow(r *http.Request) bool {
	if h.exact == nil && h.suffixes == nil {
		return true
	}
	name := r.Host
	if host, _, err := net.SplitHostPort(name); err == nil {
		name = host
	}
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if h.exact[name] || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return true
	}
	for _, suffix := range h.suffixes {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}
