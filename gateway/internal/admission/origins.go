package admission

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// origins are the pages that may connect. The zero value allows pages of the same host,
// and clients that send no Origin: browsers always send one. Fixed once parsed, so safe
// for concurrent use.
type origins struct {
	any      bool
	exact    map[string]bool
	patterns []originPattern
}

// originPattern matches a scheme, a host or its subdomains, and one port or all ports.
type originPattern struct {
	scheme, host, port string
	subdomains         bool
	anyPort            bool
}

// parseOrigins parses a list in the form of Config.AllowedOrigins.
func parseOrigins(list string) (origins, error) {
	o := origins{exact: make(map[string]bool)}
	for s := range strings.SplitSeq(list, ",") {
		s = strings.ToLower(strings.TrimSpace(s))
		switch {
		case s == "":
		case s == "*":
			o.any = true
		case s == "null":
			o.exact[s] = true
		default:
			p, err := parseOrigin(s)
			if err != nil {
				return origins{}, err
			}
			if p.subdomains || p.anyPort {
				o.patterns = append(o.patterns, p)
			} else {
				o.exact[withoutDefaultPort(s)] = true
			}
		}
	}
	return o, nil
}

// withoutDefaultPort returns an origin as browsers write it.
func withoutDefaultPort(s string) string {
	if rest, ok := strings.CutSuffix(s, ":443"); ok && strings.HasPrefix(s, "https:") {
		return rest
	}
	if rest, ok := strings.CutSuffix(s, ":80"); ok && strings.HasPrefix(s, "http:") {
		return rest
	}
	return s
}

// parseOrigin parses one entry of the list.
func parseOrigin(s string) (originPattern, error) {
	bad := fmt.Errorf("%q is not an origin like https://app.example.com, https://*.example.com or http://localhost:*", s)
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || scheme != "http" && scheme != "https" || strings.ContainsAny(rest, "/?#@ ") || rest == "" {
		return originPattern{}, bad
	}
	p := originPattern{scheme: scheme}
	if rest, p.anyPort = strings.CutSuffix(rest, ":*"); !p.anyPort {
		u, err := url.Parse(scheme + "://" + strings.TrimPrefix(rest, "*."))
		if err != nil {
			return originPattern{}, bad
		}
		p.port = u.Port()
	}
	rest, p.subdomains = strings.CutPrefix(rest, "*.")
	p.host = strings.Trim(strings.TrimSuffix(rest, ":"+p.port), "[]")
	if p.subdomains && withoutDefaultPort(s) != s {
		p.port = ""
	}
	if strings.Contains(p.host, "*") || p.host == "" {
		return originPattern{}, bad
	}
	return p, nil
}

// allow reports whether r comes from a page that may connect, or from no page.
func (o origins) allow(r *http.Request) bool {
	values := r.Header.Values("Origin")
	if len(values) == 0 {
		return true
	}
	if o.any {
		return true
	}
	origin := strings.ToLower(values[0])
	if len(values) > 1 {
		return false
	}
	if o.exact[origin] {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	if strings.EqualFold(u.Host, r.Host) {
		return true
	}
	for _, p := range o.patterns {
		if p.matches(u) {
			return true
		}
	}
	return false
}

// matches reports whether p allows u, the origin of a page.
func (p originPattern) matches(u *url.URL) bool {
	if u.Scheme != p.scheme || !p.anyPort && u.Port() != p.port {
		return false
	}
	host := u.Hostname()
	if p.subdomains {
		return strings.HasSuffix(host, "."+p.host)
	}
	return host == p.host
}
