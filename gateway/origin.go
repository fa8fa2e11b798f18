package gateway

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// origins decides which pages may open a WebSocket here. The zero value allows
// the page's own host and clients that send no Origin, which browsers always do.
type origins struct {
	any   bool
	exact map[string]bool
	wild  []wildOrigin
}

// wildOrigin matches a scheme, a host or its subdomains, and one port or all.
type wildOrigin struct {
	scheme, host, port string
	subdomains         bool
	anyPort            bool
}

// parseOrigins reads a list like "https://app.example.com,https://*.example.org,
// http://localhost:*". "*" allows every page, and must be asked for.
func parseOrigins(list string) (*origins, error) {
	o := &origins{exact: make(map[string]bool)}
	for s := range strings.SplitSeq(list, ",") {
		s = strings.ToLower(strings.TrimSpace(s))
		switch {
		case s == "":
		case s == "*":
			o.any = true
		case s == "null":
			o.exact[s] = true
		default:
			w, err := parseOrigin(s)
			if err != nil {
				return nil, err
			}
			if w.subdomains || w.anyPort {
				o.wild = append(o.wild, w)
			} else {
				o.exact[withoutDefaultPort(s)] = true
			}
		}
	}
	return o, nil
}

// withoutDefaultPort is how browsers write an origin.
func withoutDefaultPort(s string) string {
	if rest, ok := strings.CutSuffix(s, ":443"); ok && strings.HasPrefix(s, "https:") {
		return rest
	}
	if rest, ok := strings.CutSuffix(s, ":80"); ok && strings.HasPrefix(s, "http:") {
		return rest
	}
	return s
}

func parseOrigin(s string) (wildOrigin, error) {
	bad := fmt.Errorf("%q is not an origin like https://app.example.com, https://*.example.com or http://localhost:*", s)
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || scheme != "http" && scheme != "https" || strings.ContainsAny(rest, "/?#@ ") || rest == "" {
		return wildOrigin{}, bad
	}
	w := wildOrigin{scheme: scheme}
	if rest, w.anyPort = strings.CutSuffix(rest, ":*"); !w.anyPort {
		u, err := url.Parse(scheme + "://" + strings.TrimPrefix(rest, "*."))
		if err != nil {
			return wildOrigin{}, bad
		}
		w.port = u.Port()
	}
	rest, w.subdomains = strings.CutPrefix(rest, "*.")
	w.host = strings.Trim(strings.TrimSuffix(rest, ":"+w.port), "[]")
	if w.subdomains && withoutDefaultPort(s) != s {
		w.port = ""
	}
	if strings.Contains(w.host, "*") || w.host == "" {
		return wildOrigin{}, bad
	}
	return w, nil
}

// allow reports whether r comes from a page that may connect.
func (o *origins) allow(r *http.Request) bool {
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
	for _, w := range o.wild {
		if w.matches(u) {
			return true
		}
	}
	return false
}

func (w wildOrigin) matches(u *url.URL) bool {
	if u.Scheme != w.scheme || !w.anyPort && u.Port() != w.port {
		return false
	}
	host := u.Hostname()
	if w.subdomains {
		return strings.HasSuffix(host, "."+w.host)
	}
	return host == w.host
}
