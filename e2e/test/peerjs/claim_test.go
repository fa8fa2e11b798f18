package peerjs_test

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"p2pconnector/e2e/kit"
	"p2pconnector/e2e/kit/text"
)

func quoted(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return strings.TrimSuffix(b.String(), "\n")
}

// TestConnect_BadQuery_GetsAnErrorAndClosed: refusals come over the WebSocket, to the byte.
func TestConnect_BadQuery_GetsAnErrorAndClosed(t *testing.T) {
	s := kit.Start(t, kit.Options{Gateways: 1})
	for name, c := range map[string]struct{ query, want string }{
		"nothing":       {"", missingText},
		"no id":         {query("peerjs", "", "1"), missingText},
		"no token":      {query("peerjs", "ann", ""), missingText},
		"no key":        {query("", "ann", "1"), missingText},
		"another key":   {query("other", "ann", "1"), keyText},
		"id is null":    {query("peerjs", "null", "1"), `{"type":"ERROR","payload":{"msg":"Invalid id: the client has none yet"}}`},
		"id too long":   {query("peerjs", strings.Repeat("x", 129), "1"), `{"type":"ERROR","payload":{"msg":"Invalid id: it is too long, or no text"}}`},
		"id of 10 KB":   {query("peerjs", strings.Repeat("x", 10_000), "1"), `{"type":"ERROR","payload":{"msg":"Invalid id: it is too long, or no text"}}`},
		"id is no text": {"key=peerjs&token=1&id=%ff", `{"type":"ERROR","payload":{"msg":"Invalid id: it is too long, or no text"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			x := dialPath(t, s.URL(0), "peerjs", c.query)
			x.Expect(c.want)
			x.expectClosed()
		})
	}
	dialPath(t, s.URL(0), "peerjs", query("peerjs", strings.Repeat("x", 128), "1")).Expect(openText) // the longest id
}

// TestConnect_AnyPath_EndsInPeerJS: applications mount PeerServer where they like.
func TestConnect_AnyPath_EndsInPeerJS(t *testing.T) {
	s := kit.Start(t, kit.Options{Gateways: 1})
	for i, path := range []string{"peerjs", "myapp/peerjs", "peerjs/peerjs", "a/b/c/peerjs"} {
		dialPath(t, s.URL(0), path, query("peerjs", string(rune('a'+i)), "1")).Expect(openText)
	}
	if ws, err := text.Open(s.URL(0) + "peerjs/x?" + query("peerjs", "x", "1")); err == nil {
		ws.CloseNow()
		t.Error("peerjs/x: got a WebSocket, want none")
	}
}

// TestClaim_AnotherToken_IsTaken: an id belongs to the client that knows its token, on every gateway,
// until it leaves.
func TestClaim_AnotherToken_IsTaken(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	ann := dial(t, s, 0, "ann", "1")
	for i := range 2 {
		x := dialPath(t, s.URL(i), "peerjs", query("peerjs", "ann", "2"))
		x.Expect(takenText)
		x.expectClosed()
	}
	ann.answers()
	ann.Send(`{"type":"LEAVE"}`)
	ann.expectClosed()
	for { // the id is free soon
		x := dialPath(t, s.URL(1), "peerjs", query("peerjs", "ann", "2"))
		if text, _ := x.Next(); text == openText {
			return
		}
		x.Drop()
	}
}

// TestClaim_SameToken_TakesTheIDOver: the new connection gets OPEN and all further frames;
// the former one is closed, and cannot speak any more.
func TestClaim_SameToken_TakesTheIDOver(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	ben := dial(t, s, 0, "ben", "2")
	former := dial(t, s, 0, "ann", "1")
	ben.Send(`{"type":"OFFER","payload":0,"dst":"ann"}`)
	former.Expect(offer("ben", "ann", "0"))
	for _, i := range []int{0, 1, 0} {
		next := dial(t, s, i, "ann", "1")
		ben.Send(`{"type":"OFFER","payload":1,"dst":"ann"}`) // the former connection is still open
		next.Expect(offer("ben", "ann", "1"))
		former.expectClosed()
		next.Send(`{"type":"ANSWER","payload":2,"dst":"ben"}`)
		ben.Expect(message("ANSWER", "ann", "ben", "2"))
		former = next
	}
}

// TestHTTP_EveryRequest_IsAnsweredLikePeerServer checks status, type, body and CORS.
func TestHTTP_EveryRequest_IsAnsweredLikePeerServer(t *testing.T) {
	s := kit.Start(t, kit.Options{Gateways: 1})
	uuid := regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	own := "http://" + strings.TrimSuffix(strings.TrimPrefix(s.HTTP(0), "http://"), "/")
	for _, c := range []struct {
		path, origin string
		status       int
		kind         string
		body         *regexp.Regexp
		cors         string
	}{
		{"/peerjs/id?ts=1&version=1.5.5", own, 200, "text/html; charset=utf-8", uuid, own},
		{"/peerjs/peerjs/id", "", 200, "text/html; charset=utf-8", uuid, ""},
		{"/myapp/peerjs/id", "http://evil.example", 200, "text/html; charset=utf-8", uuid, ""},
		{"/peerjs/peers", own, 401, "", regexp.MustCompile(`^$`), own},
		{"/peerjs", "", 200, "application/json; charset=utf-8", regexp.MustCompile(`^\{"name":"PeerJS Server",`), ""},
		{"/peerjs/", "", 200, "application/json; charset=utf-8", regexp.MustCompile(`^\{"name":"PeerJS Server",`), ""},
		{"/docs/peerjs", "", 200, "text/html; charset=utf-8", regexp.MustCompile(`Use it with PeerJS`), ""},
		{"/other/id", "", 404, "text/plain; charset=utf-8", regexp.MustCompile(``), ""},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, httpURL(s, 0, c.path), nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		kind, cors := resp.Header.Get("Content-Type"), resp.Header.Get("Access-Control-Allow-Origin")
		if resp.StatusCode != c.status || c.kind != "" && kind != c.kind || !c.body.Match(body) || cors != c.cors {
			t.Errorf("%s from %q: got %d %q %q, CORS %q; want %d %q %v, CORS %q", c.path, c.origin, resp.StatusCode, kind, body, cors, c.status, c.kind, c.body, c.cors)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}
