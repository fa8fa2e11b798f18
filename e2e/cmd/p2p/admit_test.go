package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
)

// want reads a line for people and compares it, after its time, with a pattern.
func (p *process) want(pattern string) {
	p.t.Helper()
	if got := p.line(); !regexp.MustCompile(`^\d\d:\d\d:\d\d ` + pattern + `$`).MatchString(got) {
		p.t.Errorf("got %q, want %s", got, pattern)
	}
}

// types writes a line to stdin.
func (p *process) types(format string, args ...any) {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, fmt.Sprintf(format, args...)+"\n"); err != nil {
		p.t.Fatal(err)
	}
}

// asks starts a p2p that waits to be admitted to tea, and returns its id.
func asks(t *testing.T, s *kit.Stack, args ...string) (*process, proto.PeerID) {
	t.Helper()
	p := start(t, s, 1, append([]string{"room", "join", "--ask", "tea"}, args...)...)
	id := p.id()
	if f := p.frame(); f.Event != string(proto.JoinWaiting) {
		t.Fatalf("got %+v, want %s", f, proto.JoinWaiting)
	}
	return p, id
}

func TestRoomAdmit_PeersWait_DoesWhatStdinSays(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	host := start(t, s, 0, "room", "admit", "tea")
	host.want(`\* room "tea" has 1 member`)
	host.want(`  \S+ \(this peer\)`)
	host.want(`\* write admit ID, refuse ID or ban ID for a peer that waits`)

	a, id := asks(t, s)
	host.want(`\? ` + string(id) + ` waits to be admitted`)
	host.types("open the door")
	host.want(`! "open the door": write admit ID, refuse ID or ban ID`)
	host.types("\nadmit %s", strings.ToUpper("nobody"))
	host.want(`! .*"NOBODY".*`) // the server's sentence
	host.types("admit %.12s", id)
	host.want(`\+ ` + string(id) + ` joined, 2 members now`)
	if f := a.frame(); f.Event != string(proto.ClientAdded) {
		t.Errorf("got %+v, want %s", f, proto.ClientAdded)
	}

	b, id := asks(t, s)
	host.want(`\? ` + string(id) + ` waits to be admitted`)
	host.types("refuse %s", id)
	host.want(`\? ` + string(id) + ` waits no more`)
	b.failsWith(1, "did not admit you")

	c, id := asks(t, s)
	host.want(`\? ` + string(id) + ` waits to be admitted`)
	host.types("ban %s", id)
	host.want(`- ` + string(id) + ` was banned, 2 members now`)
	c.failsWith(1, "banned")

	host.stdin.Close() // it goes on without
	_, id = asks(t, s)
	host.want(`\? ` + string(id) + ` waits to be admitted`)
	host.interrupt()
	host.ends(0)
}

// In a room of others, who may not admit learns who has to change that.
func TestRoomAdmit_RoomOfAnother_NeedsAModerator(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	creator := s.Dial(t, 0)
	creator.Create("tea")
	p := start(t, s, 1, "room", "admit", "tea")
	p.want(`\* room "tea" has 2 members`)
	p.line()
	p.line()
	p.want(`\* only the creator, ` + string(creator.ID) + `, and moderators may admit: .*`)
	p.types("admit %s", creator.ID)
	p.want(`! .*`)
	p.interrupt()
	p.ends(0)
}

// The password comes from a file, without its line end, and is that of the room it makes.
func TestRoomAdmit_PasswordFile_IsThatOfTheRoom(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("leaf\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	host := start(t, s, 0, "room", "admit", "tea", "--password-file", file)
	host.want(`\* room "tea" has 1 member`)
	start(t, s, 1, "room", "join", "--ask", "tea").failsWith(1, "data.password")
	start(t, s, 1, "room", "join", "--ask", "tea", "--password", "stem").failsWith(1, "password")
	_, id := asks(t, s, "--password", "leaf")
	host.line()
	host.line()
	host.want(`\? ` + string(id) + ` waits to be admitted`)
}

// A peer goes on waiting after a reconnect that may have lost frames. A fake server answers,
// because a real one does not lose frames on command.
func TestRoomJoin_AskAndFramesLost_StillWaits(t *testing.T) {
	details := func(id string, more string) string {
		return fmt.Sprintf(`{"type":"info","event":"Client_Details","data":{"id":%q,"session":"s"%s}}`, id, more)
	}
	type step struct{ gets, answers string } // gets "" = at once; {id} in the answer is that of the request
	connections := [][]step{
		{{"", details("me", "")}, {"Join_Room", `{"type":"info","event":"Join_Waiting","data":{"room":"tea"},"id":{id}}`}},
		{
			{"", details("fresh", "")},
			{"Resume", details("me", `,"resumed":true,"recovered":false`)},
			{"Join_Room", `{"type":"error","event":"Already_Exists","data":{"message":"in it"},"id":{id}}`},
			{"Room_Info", `{"type":"error","event":"Unauthorised","data":{"message":"it waits"},"id":{id}}`},
			{"", `{"type":"update","event":"Client_Added","data":{"room":"tea"}}`},
			{"", `{"type":"update","event":"Room_Deleted","data":{"room":"tea"}}`},
		},
	}
	var n atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer ws.CloseNow()
		script := connections[min(n.Add(1), 2)-1]
		for _, st := range script {
			id := []byte("null")
			if st.gets != "" {
				_, b, err := ws.Read(r.Context())
				var f struct {
					Event string
					ID    json.RawMessage
				}
				if err != nil || json.Unmarshal(b, &f) != nil || f.Event != st.gets {
					t.Errorf("got %s, %v from p2p, want %s", b, err, st.gets)
					return
				}
				id = f.ID
			}
			if err := ws.Write(r.Context(), websocket.MessageText, []byte(strings.Replace(st.answers, "{id}", string(id), 1))); err != nil {
				t.Error(err)
				return
			}
		}
		if len(script) > 2 {
			_, _, _ = ws.Read(r.Context()) // the end of p2p
		}
	}))
	defer srv.Close()
	code, stdout, stderr := invoke(t, map[string]string{"P2P_URL": srv.URL}, "room", "join", "--ask", "tea")
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if code != 0 || len(lines) != 5 || !strings.Contains(lines[2], `"resumed":true`) || !strings.Contains(lines[3], "Client_Added") {
		t.Errorf("got code %d, stdout %s, stderr %s, want the wait, the return and the end of the room", code, stdout, stderr)
	}
}

// A peer that watches waits, too.
func TestRoomWatch_Ask_ListsTheRoomWhenAdmitted(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	host := s.Dial(t, 0)
	host.Send(`{"event":"Create_Room","data":{"room":"tea","locked":true}}`)
	host.Expect(proto.RoomCreated)
	p := start(t, s, 1, "room", "watch", "--ask", "tea")
	p.want(`\* room "tea" is locked; this peer waits to be admitted`)
	host.Expect(proto.WaitingUpdated)
	host.Send(`{"event":"Update_Room","data":{"room":"tea","locked":false}}`)
	p.want(`\* room "tea" has 2 members`)
}

func TestMatch_BeginningOfAnID_IsThatOfOnePeer(t *testing.T) {
	w := watch{waiting: []proto.Waiting{{Client: "5f0c"}, {Client: "5f1d"}, {Client: "5f"}}}
	for prefix, want := range map[string]proto.PeerID{"5f0": "5f0c", "5f1d": "5f1d", "9": "9", "5f": "5f"} {
		if got, err := w.match(prefix); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", prefix, got, err, want)
		}
	}
	if got, err := w.match("5"); err == nil || !strings.Contains(err.Error(), "3 peers that wait") {
		t.Errorf("got %s, %v, want an error about 3 peers", got, err)
	}
}
