package handshake

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"p2pconnector/proto"
)

// FuzzChooseProtocol reads an offer as a client may write it: nothing may panic, and
// nothing that is no token of HTTP, or is an access token, may come back in the answer.
func FuzzChooseProtocol(f *testing.F) {
	f.Add("p2p.delta, p2p.token.x", "updates=delta")
	f.Add("a\r\nX: y", "access_token=%zz")
	f.Add(",,\"", "&&&")
	f.Fuzz(func(t *testing.T, protocols, query string) {
		r := &http.Request{URL: &url.URL{Path: "/", RawQuery: query}, Header: http.Header{"Sec-Websocket-Protocol": {protocols}}}
		sub, delta := chooseProtocol(r)
		if sub != "" && (!httpToken(sub) || strings.HasPrefix(sub, proto.SubprotocolToken) || strings.ContainsAny(sub, "\r\n ,")) {
			t.Errorf("protocols %q: got %q in the answer, want a token of HTTP that is no access token", protocols, sub)
		}
		if delta && !strings.Contains(protocols+query, "delta") && !strings.Contains(query, "%") {
			t.Errorf("protocols %q, query %q: got deltas, want them only when asked for", protocols, query)
		}
	})
}
