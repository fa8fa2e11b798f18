package browser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"p2pconnector/e2e/kit"
)

// transcript records what a server answers to raw clients of PeerJS.
type transcript struct {
	t     *testing.T
	host  string
	lines []string
}

func (x *transcript) note(format string, args ...any) {
	x.lines = append(x.lines, fmt.Sprintf(format, args...))
}

// open connects a client, which is not read yet.
func (x *transcript) open(key, id, token string) *websocket.Conn {
	x.t.Helper()
	q := url.Values{"key": {key}, "id": {id}, "token": {token}, "version": {"1.5.5"}}
	ctx, cancel := context.WithTimeout(context.Background(), kit.Patience)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "ws://"+x.host+"/peerjs?"+q.Encode(), nil)
	if err != nil {
		x.t.Fatalf("%s: %v", x.host, err)
	}
	x.t.Cleanup(func() { ws.CloseNow() })
	return ws
}

// next records the next text for a client, or its end.
func (x *transcript) next(what string, ws *websocket.Conn) {
	x.t.Helper()
	x.record(what, <-read(ws))
}

// answer is what a client read.
type answer struct {
	text []byte
	err  error
}

// read reads the next text for a client, which answers pings meanwhile.
func read(ws *websocket.Conn) <-chan answer {
	ch := make(chan answer, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), kit.Patience)
		defer cancel()
		_, b, err := ws.Read(ctx)
		ch <- answer{b, err}
	}()
	return ch
}

func (x *transcript) record(what string, a answer) {
	x.t.Helper()
	b, err := a.text, a.err
	var closed websocket.CloseError
	switch {
	case err == nil:
		x.note("%s: %s", what, b)
	case errors.As(err, &closed):
		x.note("%s: closed with %d", what, closed.Code)
	default:
		x.t.Fatalf("%s: %s: got %v, want a text or a close frame", x.host, what, err)
	}
}

func (x *transcript) send(ws *websocket.Conn, texts ...string) {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), kit.Patience)
	defer cancel()
	for _, text := range texts {
		if err := ws.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
			x.t.Fatalf("%s: %v", x.host, err)
		}
	}
}

var anyUUID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// get records the answer to a request, with UUIDs replaced.
func (x *transcript) get(path string) {
	x.t.Helper()
	r, err := http.NewRequestWithContext(x.t.Context(), http.MethodGet, "http://"+x.host+path, nil)
	if err != nil {
		x.t.Fatal(err)
	}
	r.Header.Set("Origin", "http://127.0.0.1:1")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		x.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		body = nil // nobody reads it
	}
	x.note("GET %s: %d %q, CORS %q", path, resp.StatusCode, anyUUID.ReplaceAll(body, []byte("<uuid>")), resp.Header.Get("Access-Control-Allow-Origin"))
}

// run does everything of which clients of PeerJS see the answer.
func (x *transcript) run() []string {
	for what, q := range map[string][3]string{"no id": {"peerjs", "", "1"}, "no token": {"peerjs", "x", ""}, "no key": {"", "x", "1"}, "another key": {"k", "x", "1"}} {
		ws := x.open(q[0], q[1], q[2])
		x.next(what, ws)
		x.next(what, ws)
	}
	slices.Sort(x.lines) // of the map
	ann, ben := x.open("peerjs", "ann", "1"), x.open("peerjs", `b <&> "é`, "2")
	x.next("ann", ann)
	x.next("ben", ben)
	toBen := `"dst":"b <&> \"é"}`
	x.send(ann, `{"type":"OFFER","payload":{"sdp":{"type":"offer","sdp":"v=0\r\n"},"type":"data","connectionId":"dc_1","metadata":null,"n":[1,true]},`+toBen)
	x.next("an offer", ben)
	x.send(ben, `{"type":"ANSWER","dst":"ann"}`)
	x.next("an answer without payload", ann)
	// No text that is not JSON: PeerServer would not read its connection any more.
	x.send(ann, `{}`, `[]`, `{"type":"NOTHING",`+toBen, `{"type":"OPEN",`+toBen, `{"type":"HEARTBEAT"}`, `{"type":"OFFER","payload":{}}`,
		`{"type":"CANDIDATE","src":"eve","more":1,"payload":{"candidate":""},`+toBen)
	x.next("a candidate after what is ignored", ben)
	x.send(ann, `{"type":"LEAVE",`+toBen)
	x.next("a leave", ben)
	x.send(ann, `{"type":"CANDIDATE","payload":1,"dst":"ann"}`)
	x.next("to itself", ann)
	expire := read(ann) // while it reads, it answers pings
	thief := x.open("peerjs", "ann", "2")
	x.next("another token", thief)
	x.next("another token", thief)
	x.send(ann, `{"type":"LEAVE","dst":"nobody"}`, `{"type":"OFFER","payload":1,"dst":"nobody"}`, `{"type":"CANDIDATE","payload":1,"dst":"nobody"}`)
	x.record("nobody", <-expire)
	x.send(ann, `{"type":"CANDIDATE","payload":2,"dst":"ann"}`)
	x.next("nothing more about nobody", ann)
	x.get("/peerjs/id")
	x.get("/peerjs/peers")
	return x.lines
}

// TestPeerJS_RawClients_GetWhatPeerServerAnswers compares the answers of a gateway with those
// of PeerJS's own server, to the byte.
func TestPeerJS_RawClients_GetWhatPeerServerAnswers(t *testing.T) {
	port := startPeerServer(t)
	s := startOpenGateways(t)
	want := (&transcript{t: t, host: fmt.Sprintf("127.0.0.1:%d", port)}).run()
	got := (&transcript{t: t, host: hostOf(s, 0)}).run()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	http.DefaultClient.CloseIdleConnections()
}
