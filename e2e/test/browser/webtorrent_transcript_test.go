package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"p2pconnector/e2e/kit"
)

// announces records what a tracker answers to raw clients.
type announces struct {
	t     *testing.T
	url   string
	lines []string
}

func (x *announces) open() *websocket.Conn {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), kit.Patience)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, x.url, nil)
	if err != nil {
		x.t.Fatalf("%s: %v", x.url, err)
	}
	x.t.Cleanup(func() { ws.CloseNow() })
	return ws
}

func (x *announces) send(ws *websocket.Conn, format string, args ...any) {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), kit.Patience)
	defer cancel()
	if err := ws.Write(ctx, websocket.MessageText, fmt.Appendf(nil, format, args...)); err != nil {
		x.t.Fatalf("%s: %v", x.url, err)
	}
}

// next records the next object for a client, with its members in order. A refusal is recorded
// by its reason alone: the tracker from npm leaves out what keeps the client from giving up.
func (x *announces) next(what string, ws *websocket.Conn) string {
	x.t.Helper()
	a := <-read(ws)
	var object map[string]any
	if err := errors.Join(a.err, json.Unmarshal(a.text, &object)); err != nil {
		x.t.Fatalf("%s: %s: got %q, %v, want an object", x.url, what, a.text, err)
	}
	if why := object["failure reason"]; why != nil {
		object = map[string]any{"failure reason": why}
	}
	line, err := json.Marshal(object)
	if err != nil {
		x.t.Fatal(err)
	}
	x.lines = append(x.lines, what+": "+string(line))
	return string(line)
}

// The ids of the transcript, as JSON.
const (
	torrentHash = `"\u0000\"\\\u00ff\n/01234567890123"`
	annID       = `"-WW0001-\u00e9\u0080ann4567890"`
	benID       = `"-WW0001-ben\u007f45678901"`
)

// run does everything of which clients see the answer.
func (x *announces) run() []string {
	ann, ben := x.open(), x.open()
	announce := func(ws *websocket.Conn, id, more string) {
		x.send(ws, `{"numwant":5,"uploaded":0,"downloaded":0,"action":"announce","info_hash":%s,"peer_id":%s%s}`, torrentHash, id, more)
	}
	announce(ann, annID, `,"event":"started","left":100,"offers":[]`)
	x.next("the first", ann)
	announce(ben, benID, `,"event":"started","left":0,"offers":[{"offer":{"type":"offer","sdp":"v=0\r\n<&>"},"offer_id":"\u00ff1234567890123456789"},{"offer":{"type":"offer","sdp":"2"},"offer_id":"x"}]`)
	x.next("a seeder with offers", ben)
	x.next("the first of its offers", ann)
	x.send(ann, `{"action":"announce","info_hash":%s,"peer_id":%s,"to_peer_id":%s,"answer":{"type":"answer","sdp":"v=0\r\n"},"offer_id":"\u00ff1234567890123456789"}`, torrentHash, annID, benID)
	x.next("the answer", ben)
	for _, more := range []string{
		``, `,"event":"update","left":3`, `,"event":"paused"`, `,"event":"empty"`, `,"event":""`, `,"event":"completed"`, `,"event":"completed"`, `,"left":50`,
		`,"event":"nothing"`, `,"offers":{}`, `,"answer":{}`, `,"answer":{},"to_peer_id":"short"`, `,"event":"stopped"`, `,"event":"stopped"`, `,"event":"completed","left":9`,
		`,"event":"stopped"`, `,"event":"started","left":"0"`,
	} {
		announce(ann, annID, more)
		x.next("more "+more, ann)
	}
	for _, hashes := range []string{torrentHash, `[` + torrentHash + `,"nobody-is-in-this-01"]`, `["short"]`} {
		x.send(ann, `{"action":"scrape","info_hash":%s}`, hashes)
		x.next("a scrape of "+hashes, ann)
	}
	for _, text := range []string{
		`{"action":"announce","info_hash":"short"}`, `{"action":"announce","info_hash":7}`, `{"action":"announce","info_hash":` + torrentHash + `}`,
		`{"action":"announce","info_hash":` + torrentHash + `,"peer_id":"123456789012345678901"}`,
	} {
		x.send(ann, "%s", text)
		x.next(text, ann)
	}
	ben.CloseNow()
	for end := time.Now().Add(kit.Patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		lines := x.lines
		x.send(ann, `{"action":"scrape","info_hash":%s}`, torrentHash)
		if strings.Contains(x.next("after one has gone", ann), `"complete":1`) {
			return lines // downloaded differs: the gateways count downloads of those that have gone too
		}
		x.lines = lines
	}
	x.t.Fatalf("%s: got a peer that has gone counted within %v, want it forgotten", x.url, kit.Patience)
	return nil
}

// TestWebTorrent_RawClients_GetWhatItsTrackerAnswers compares the answers of a gateway with those
// of the tracker from npm.
func TestWebTorrent_RawClients_GetWhatItsTrackerAnswers(t *testing.T) {
	address := startTracker(t)
	s := kit.Start(t, kit.Options{Gateways: 1}) // several answer a scrape of several swarms in parts
	want := (&announces{t: t, url: address}).run()
	got := (&announces{t: t, url: s.URL(0) + "announce"}).run()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
