package service

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// fake is a service that fails with err, or serves until its context ends.
type fake struct{ err error }

func (f fake) Run(ctx context.Context) error {
	if f.err == nil {
		<-ctx.Done()
	}
	return f.err
}

// program returns a Program with the settings of a NATS connection, whose New
// returns newErr.
func program(runErr, newErr error) *Program {
	return &Program{
		Name: "program", About: "program does things.",
		Flags:    func(fs *flag.FlagSet) { new(NATS).Flags(fs) },
		New:      func(*slog.Logger) (Runner, error) { return fake{runErr}, newErr },
		Commands: []Command{{"greet", "greets", func(args []string, stdout, _ io.Writer) int { fmt.Fprint(stdout, args); return 7 }}},
		Getenv:   none,
	}
}

func TestProgram_EachEnd_HasItsExitCode(t *testing.T) {
	lost, both := errors.New("program lost NATS"), errors.Join(errors.New("listen: wrong"), errors.New("replicas: wrong"))
	for name, tc := range map[string]struct {
		p    *Program
		args string
		code int
		want string // on stderr; complete unless it is help
	}{
		"stopped":          {program(nil, nil), "", 0, ""},
		"failed":           {program(lost, nil), "", 1, "program: program lost NATS\n"},
		"wrong settings":   {program(nil, both), "", 2, "program: listen: wrong\nprogram: replicas: wrong; see program --help\n"},
		"wrong flag":       {program(nil, nil), "--nonsense", 2, "program: flag provided but not defined: -nonsense; see program --help\n"},
		"misspelt command": {program(nil, nil), "helthcheck", 2, "program: unexpected argument \"helthcheck\"; see program --help\n"},
		"stray argument":   {program(nil, nil), "--nats-url a start", 2, "program: unexpected argument \"start\"; see program --help\n"},
		"wrong log level":  {program(nil, nil), "--log-level loud", 2, "program: invalid value \"loud\" for flag -log-level: want debug, info, warn or error; see program --help\n"},
		"help":             {program(nil, nil), "--help", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			stop()
			var stdout, stderr bytes.Buffer
			code := tc.p.Run(ctx, strings.Fields(tc.args), &stdout, &stderr)
			if code != tc.code || stdout.Len() > 0 || tc.args != "--help" && stderr.String() != tc.want {
				t.Errorf("got exit code %d, stdout %q, stderr %q, want %d, \"\", %q", code, stdout.String(), stderr.String(), tc.code, tc.want)
			}
		})
	}
}

func TestProgram_Help_NamesCommandsFlagsAndEnvironment(t *testing.T) {
	var out bytes.Buffer
	program(nil, nil).Run(t.Context(), []string{"-h"}, io.Discard, &out)
	for _, want := range []string{"program does things.\n", "program healthcheck [flags]", "  program greet [flags]         greets; --help lists its flags\n", "  program --version             prints", "SIGUSR1", "P2P_LOG_LEVEL", "  -nats-url URLs\n", "  -log-level level\n", "(default info)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got\n%s\nwant %q in it", out.String(), want)
		}
	}
}

func TestProgram_Command_RunsInPlaceOfTheService(t *testing.T) {
	var stdout bytes.Buffer
	code := program(errors.New("it ran"), nil).Run(t.Context(), []string{"greet", "ann", "bob"}, &stdout, io.Discard)
	if code != 7 || stdout.String() != "[ann bob]" {
		t.Errorf("got exit code %d and %q, want 7 and [ann bob]", code, stdout.String())
	}
}

func TestProgram_HelpOfACommand_IsTheCommandsOwn(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := program(nil, nil).Run(t.Context(), []string{"help", "greet"}, &stdout, &stderr)
	if code != 7 || stdout.String() != "[--help]" {
		t.Errorf("help greet: got exit code %d and %q, want 7 and [--help]", code, stdout.String())
	}
	code = program(nil, nil).Run(t.Context(), []string{"help"}, &stdout, &stderr)
	if code != 0 || !strings.Contains(stderr.String(), "program does things.") {
		t.Errorf("help: got exit code %d and %q, want 0 and the help", code, stderr.String())
	}
}

func TestProgram_Version_IsPrintedWithoutSettings(t *testing.T) {
	p := program(nil, nil)
	p.Build = Build{"v1", "abc"}
	var stdout bytes.Buffer
	if code := p.Run(t.Context(), []string{"--version"}, &stdout, io.Discard); code != 0 || stdout.String() != "program v1, commit abc\n" {
		t.Errorf("got exit code %d and %q, want 0 and the version", code, stdout.String())
	}
}

func TestHealthcheck_EachAnswer_HasItsExitCode(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" {
			http.Error(w, "not ready: draining", http.StatusServiceUnavailable)
		}
	}))
	addr := srv.Listener.Addr().String()
	check := func(name string, code int, want string, args ...string) {
		t.Helper()
		var out bytes.Buffer
		got := program(nil, nil).Run(t.Context(), append([]string{"healthcheck"}, args...), io.Discard, &out)
		if got != code || !strings.Contains(out.String(), want) {
			t.Errorf("%s: got exit code %d, printed %q, want %d and %q", name, got, out.String(), code, want)
		}
	}
	check("alive", 0, "", "--ops-listen", addr, "--live")
	check("not ready", 1, "program healthcheck: 503 Service Unavailable: not ready: draining\n", "--ops-listen", addr)
	check("no address", 1, "ops-listen", "--ops-listen", "off")
	check("wrong flag", 2, "-nonsense; see program healthcheck --help\n", "--nonsense")
	check("stray argument", 2, `unexpected argument "now"`, "--live", "--ops-listen", addr, "now")
	check("any address", 0, "", "--live", "--ops-listen", addr[strings.LastIndexByte(addr, ':'):])
	check("help", 0, "-live", "--help")
	srv.Close()
	check("nobody there", 1, "refused", "--ops-listen", addr)
}

// full is an output that nobody reads.
type full struct{ open chan struct{} }

func (f full) Write(b []byte) (int, error) {
	<-f.open
	return len(b), nil
}

func TestPrintError_OutputNobodyReads_Returns(t *testing.T) {
	w := full{make(chan struct{})}
	defer close(w.open)
	began := time.Now()
	PrintError(w, "program", errors.New("lost"))
	if took := time.Since(began); took < printTime {
		t.Errorf("got %v, want it to wait %v for the output", took, printTime)
	}
}
