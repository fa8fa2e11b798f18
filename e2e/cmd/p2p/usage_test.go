package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// invoke runs p2p to its end, without a server.
func invoke(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	code = run(t.Context(), args, func(name string) string { return env[name] }, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// A wrong command line gives exit code 2 and one line that says what is right.
func TestCommandLine_Wrong_ExitsWith2(t *testing.T) {
	for _, tc := range []struct {
		args string
		env  map[string]string
		says string
	}{
		{args: "", says: "p2p: a command is missing: listen, send,"},
		{args: "--url x listen", says: "flags come after the command"},
		{args: "lissten", says: `no command "lissten"`},
		{args: "room", says: "p2p room join ROOM"},
		{args: "room leave tea", says: "p2p room join ROOM"},
		{args: "room join", says: "p2p room join: ROOM is missing"},
		{args: "room admit", says: "p2p room admit: ROOM is missing"},
		{args: "room join --password a --password-file b tea", says: "give one of --password and --password-file"},
		{args: "room admit tea", env: map[string]string{"P2P_PASSWORD_FILE": "/nowhere/there"}, says: "--password-file: open /nowhere/there"},
		{args: "room watch --password-file /dev/null tea", says: "/dev/null has no password of 1 to 256 bytes"},
		{args: "call", says: "p2p call: ROOM is missing"},
		{args: "call a b", says: `"b" is one argument too many`},
		{args: "call --give-up 1ms a", says: "less than a second"},
		{args: "listen --nothing", says: "-nothing (see p2p listen --help)"},
		{args: "listen --nothing --count x --nowhere", says: "-nothing invalid value \"x\" for flag -count: parse error flag provided but not defined: -nowhere (see"},
		{args: "listen --count -1", says: "negative"},
		{args: "listen --url ftp://host", says: "must begin with ws://"},
		{args: "listen --url http://", says: "no URL"},
		{args: "listen", env: map[string]string{"P2P_COUNT": "many"}, says: "environment variable P2P_COUNT"},
		{args: "send hello", says: "--to ID and --room ROOM"},
		{args: "send --to a --room b hello", says: "--to ID and --room ROOM"},
		{args: "send --to a --event Join_Room {}", says: "Message, Offer, Answer and Candidate"},
		{args: "send --room a --event Offer {}", says: "Message only"},
	} {
		code, stdout, stderr := invoke(t, tc.env, strings.Fields(tc.args)...)
		if code != 2 || stdout != "" || !strings.Contains(stderr, tc.says) || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "--help)") {
			t.Errorf("p2p %s: code %d, stdout %q, stderr %q, want %q", tc.args, code, stdout, stderr, tc.says)
		}
	}
}

// The help of every command has an example and the flags of all commands.
func TestHelp_EachCommand_NamesItsFlags(t *testing.T) {
	code, all, stderr := invoke(t, nil, "--help")
	if code != 0 || stderr != "" {
		t.Errorf("code %d, stderr %q", code, stderr)
	}
	for _, cmd := range commands {
		if !strings.Contains(all, "p2p "+cmd.name) || !strings.Contains(all, cmd.short) {
			t.Errorf("p2p --help does not name %s", cmd.name)
		}
		code, out, stderr := invoke(t, nil, append(strings.Fields(cmd.name), "--help")...)
		if code != 0 || stderr != "" || !strings.Contains(out, "\n    p2p "+cmd.name) && !strings.Contains(out, "| p2p "+cmd.name) {
			t.Errorf("p2p %s --help: code %d, stderr %q, and no example in\n%s", cmd.name, code, stderr, out)
		}
		for _, flag := range []string{"-url", "-token", "P2P_URL"} {
			if !strings.Contains(out, flag) {
				t.Errorf("p2p %s --help does not name %s", cmd.name, flag)
			}
		}
	}
}

// Help of a group of commands, and of a command by the word help.
func TestHelp_OtherWays_AreUnderstood(t *testing.T) {
	for args, want := range map[string]string{"room --help": "p2p room watch", "help send": "usage: p2p send", "help room join": "usage: p2p room join", "--version": "p2p "} {
		code, out, stderr := invoke(t, nil, strings.Fields(args)...)
		if code != 0 || stderr != "" || !strings.Contains(out, want) {
			t.Errorf("p2p %s: got code %d, stdout %q, stderr %q, want %q", args, code, out, stderr, want)
		}
	}
}

// command-line.md lists the commands as the program does.
func TestDocument_Commands_AreThoseOfTheProgram(t *testing.T) {
	b, err := os.ReadFile("../../../gateway/web/docs/command-line.md")
	if err != nil {
		t.Fatal(err)
	}
	var list strings.Builder
	writeCommands(&list)
	if !strings.Contains(string(b), "\n"+list.String()) {
		t.Errorf("command-line.md does not list\n%s", list.String())
	}
}

// The token goes to the server; when the server refuses it, the error asks for
// a valid one.
func TestToken_Given_IsSent(t *testing.T) {
	var got []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization"))
		if r.Header.Get("Authorization") == "Bearer late" { // refused after the upgrade
			ws, err := websocket.Accept(w, r, nil)
			if err == nil {
				_ = ws.Close(4001, "token expired")
			}
			return
		}
		http.Error(w, "token", http.StatusUnauthorized)
	}))
	defer srv.Close()
	env := map[string]string{"P2P_TOKEN": "secret"}
	for _, args := range [][]string{{"listen"}, {"call", "--token", "mine", "tea"}, {"call", "tea", "--token", "late"}} {
		code, _, stderr := invoke(t, env, append(args, "--url", srv.URL)...)
		if code != 1 || !strings.Contains(stderr, "wants a valid access token: give it with --token or P2P_TOKEN") {
			t.Errorf("%v: code %d, stderr %q", args, code, stderr)
		}
	}
	if strings.Join(got, ",") != "Bearer secret,Bearer mine,Bearer late" {
		t.Errorf("the server got %q", got)
	}
}

func TestConnect_NoServer_Fails(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	url := "ws" + strings.TrimPrefix(srv.URL, "http")
	if code, _, stderr := invoke(t, nil, "listen", "--url", url); code != 1 || !strings.Contains(stderr, "no connector") {
		t.Errorf("code %d, stderr %q", code, stderr)
	}
	srv.Close()
	if code, _, stderr := invoke(t, nil, "send", "--to", "x", "--url", url, "y"); code != 1 || !strings.Contains(stderr, "no server answers at "+url) {
		t.Errorf("code %d, stderr %q", code, stderr)
	}
}

func TestProgress_OnATerminal_IsOneLine(t *testing.T) {
	for _, tc := range []struct {
		p    progress
		want string
	}{
		{progress{}, "[<=>                     ] sent 0 B"},
		{progress{sent: 512, took: time.Second}, "[     <=>                ] sent 512 B 512 B/s"},
		{progress{sent: 3 << 20, toSend: 4 << 20, took: 2 * time.Second}, "[==================      ] sent 3.0 MiB (75%) 1.5 MiB/s"},
		{progress{got: 5 << 30, toGet: 5 << 30, sent: 1, took: time.Second}, "[========================] received 5.0 GiB (100%) 5.0 GiB/s, sent 1 B"},
		{progress{got: 1 << 20, took: 200 * 25 * time.Millisecond}, "[                 <=>    ] received 1.0 MiB 204.8 KiB/s"},
		{progress{sent: 9, toSend: 5, took: time.Second}, "[========================] sent 9 B (100%) 9 B/s"}, // the file grew
	} {
		if got := tc.p.line(); got != tc.want {
			t.Errorf("%+v:\n got %s\nwant %s", tc.p, got, tc.want)
		}
	}
	if got, want := (progress{sent: 2048, took: 2 * time.Second}).summary(), "done: 2.0 KiB sent, 0 B received in 2s, 1.0 KiB/s"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
