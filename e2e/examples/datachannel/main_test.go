package main

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"p2pconnector/e2e/kit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestExample_NoURL_RunsItsOwnServer(t *testing.T) { shows(t) }

func TestExample_URL_UsesThatServer(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	shows(t, "--url", s.URL(0), "--url", s.URL(1))
}

func TestExample_WrongCommandLine_AllMistakesAreNamed(t *testing.T) {
	kit.CheckUsage(t, "datachannel", "bytes", func(ctx context.Context, args []string, stderr io.Writer) error {
		return run(ctx, args, io.Discard, stderr)
	})
}

func shows(t *testing.T, args ...string) {
	t.Helper()
	var out strings.Builder
	if err := run(t.Context(), args, &out, t.Output()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "1048576 bytes") || strings.Count(out.String(), "sha256") != 2 {
		t.Errorf("it said: %s", out.String())
	}
}

func TestExample_NoServer_Fails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "ws://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"--url", nobody}, {"--url", nobody, "--url", nobody}, {"--nothing"}} {
		began := time.Now()
		if err := run(t.Context(), args, t.Output(), t.Output()); err == nil {
			t.Errorf("%v: no error", args)
		}
		if time.Since(began) > timeout/2 {
			t.Errorf("%v: it took %v to say so", args, time.Since(began))
		}
	}
}
