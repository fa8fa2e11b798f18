package compose_test

import (
	"context"
	"net/http"
	"strings"

	"github.com/coder/websocket"

	"p2pconnector/e2e/kit"
)

// dialectStep is a text that a client sends, and what the text that answers it must contain;
// answered is the index of the client that gets it. Without a text nothing is sent.
type dialectStep struct {
	client   int
	text     string
	answered int
	want     string
}

// serveDialects connects clients of the other client protocols through Caddy, by the paths
// that they use, and lets two of each exchange texts.
func (p *project) serveDialects() {
	p.t.Helper()
	const (
		hash  = `"info_hash":"compose-compose-torr"`
		event = `{"id":"1","kind":20001,"created_at":1,"tags":[["x","compose"]],"content":"hello","pubkey":"a","sig":"b"}`
	)
	for protocol, x := range map[string]struct {
		paths [2]string
		steps []dialectStep
	}{
		"PeerJS": {[2]string{"/peerjs?key=peerjs&id=compose-a&token=1", "/peerjs?key=peerjs&id=compose-b&token=2"}, []dialectStep{
			{0, "", 0, `"OPEN"`}, {1, "", 1, `"OPEN"`},
			{0, `{"type":"OFFER","dst":"compose-b","payload":{"sdp":"x"}}`, 1, `"src":"compose-a"`},
		}},
		"y-webrtc": {[2]string{"/yjs", "/yjs"}, []dialectStep{
			{0, `{"type":"subscribe","topics":["compose"]}`, 0, ""},
			{0, `{"type":"publish","topic":"compose","data":1}`, 0, `"data":1`},
			{1, `{"type":"publish","topic":"compose","data":2}`, 0, `"data":2`},
		}},
		"nostr": {[2]string{"/nostr", "/nostr"}, []dialectStep{
			{0, `["REQ","sub",{"kinds":[20001],"#x":["compose"]}]`, 0, `"EOSE"`},
			{1, `["EVENT",` + event + `]`, 0, `"hello"`},
		}},
		"ws-relay": {[2]string{"/relay", "/relay"}, []dialectStep{
			{0, `{"type":"subscribe","topic":"compose"}`, 0, ""},
			{0, `{"type":"publish","topic":"compose","payload":"1"}`, 0, `"payload":"1"`},
			{1, `{"type":"publish","topic":"compose","payload":"2"}`, 0, `"payload":"2"`},
		}},
		"WebTorrent": {[2]string{"/announce", "/announce"}, []dialectStep{
			{0, `{"action":"announce",` + hash + `,"peer_id":"compose-peer-aaaaaaa","left":0,"numwant":0,"event":"started"}`, 0, `"complete":1`},
			{1, `{"action":"announce",` + hash + `,"peer_id":"compose-peer-bbbbbbb","left":1,"numwant":0,"event":"started"}`, 1, `"incomplete":1`},
		}},
	} {
		var clients [2]*websocket.Conn
		for i, path := range x.paths {
			clients[i] = p.dialDialect(path)
		}
		for _, s := range x.steps {
			if got := p.dialectStep(clients, s); !strings.Contains(got, s.want) {
				p.t.Errorf("%s: client %d sends %s: got %s for client %d, want %s in it", protocol, s.client, s.text, got, s.answered, s.want)
			}
		}
		for _, c := range clients {
			c.CloseNow()
		}
	}
}

func (p *project) dialDialect(path string) *websocket.Conn {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), kit.Patience)
	defer cancel()
	own := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	c, _, err := websocket.Dial(ctx, "ws://127.0.0.1:"+p.port+path, &websocket.DialOptions{HTTPClient: own})
	if err != nil {
		p.t.Fatalf("%s: dial: %v", path, err)
	}
	return c
}

// dialectStep takes a step, and returns the text that answers it; "" when none is wanted.
func (p *project) dialectStep(clients [2]*websocket.Conn, s dialectStep) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), kit.Patience)
	defer cancel()
	if s.text != "" {
		if err := clients[s.client].Write(ctx, websocket.MessageText, []byte(s.text)); err != nil {
			p.t.Fatalf("send %s: %v", s.text, err)
		}
	}
	if s.want == "" {
		return ""
	}
	_, got, err := clients[s.answered].Read(ctx)
	if err != nil {
		p.t.Fatalf("after %s: %v", s.text, err)
	}
	return string(got)
}
