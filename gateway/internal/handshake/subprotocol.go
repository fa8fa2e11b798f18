package handshake

import (
	"net/http"
	"strings"

	"p2pconnector/proto"
)

// chooseProtocol returns the subprotocol of the answer, and whether the client asked for
// deltas. Browsers fail a connection whose offer is not answered, so an unknown offer is
// echoed and means the default.
func chooseProtocol(r *http.Request) (sub string, delta bool) {
	delta = r.URL.Query().Get("updates") == "delta"
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for p := range strings.SplitSeq(line, ",") {
			p = strings.TrimSpace(p)
			if p == proto.SubprotocolDelta {
				return p, true
			}
			if sub == "" && httpToken(p) && !strings.HasPrefix(p, proto.SubprotocolToken) {
				sub = p
			}
		}
	}
	return sub, delta
}

// httpToken reports whether s is a token of HTTP, which a header may hold unquoted.
func httpToken(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != "" && len(s) <= 128
}
