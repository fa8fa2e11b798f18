package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"p2pconnector/e2e/kit"
)

// TestMain lets the test binary be the server that it attacks.
func TestMain(m *testing.M) {
	if isServer(os.Args[1:]) {
		if err := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// TestRun_AllAttacks_AreWithstoodAndReported: a short run.
func TestRun_AllAttacks_AreWithstoodAndReported(t *testing.T) {
	var out bytes.Buffer
	err := run(t.Context(), []string{"-duration", "3s", "-connections", "60", "-rate", "100", "-patience", "20s"}, nil, &out, t.Output())
	t.Log(out.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range attacks {
		if !strings.Contains(out.String(), a.name) {
			t.Errorf("got a report without %s, want all attacks in it", a.name)
		}
	}
}

// TestRun_WrongSettings_AllAreNamed: a misspelt row must not pass as one that was fine.
func TestRun_WrongSettings_AllAreNamed(t *testing.T) {
	args := []string{"--duration", "1ms", "--connections", "1", "--rate", "0", "--patience", "0", "--table", "--rows", "ice,nonsense"}
	err := run(t.Context(), args, nil, io.Discard, io.Discard)
	for _, want := range []string{"duration: 1ms", "connections: 1", "rate: 0", "patience: 0s", `no row "nonsense"`, "; see abuse --help"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q in it", err, want)
		}
	}
}

func TestRun_WrongCommandLine_AllMistakesAreNamed(t *testing.T) {
	kit.CheckUsage(t, programName, "duration", func(ctx context.Context, args []string, stderr io.Writer) error {
		return run(ctx, args, nil, io.Discard, stderr)
	})
}

// TestReportCheck_EachViolation_IsFound spoils a good report in each way.
func TestReportCheck_EachViolation_IsFound(t *testing.T) {
	good := func() *report {
		r := &report{settings: settings{patience: time.Second}, tally: newTally(), with: latencies{time.Millisecond}}
		for i := range attacks {
			r.tally.add(&attacks[i], strings.Fields(attacks[i].want)[0], time.Millisecond)
		}
		return r
	}
	if err := good().check(); err != nil {
		t.Fatalf("a good report: got %v, want no error", err)
	}
	for what, spoil := range map[string]func(*report){
		"want 1002":         func(r *report) { r.tally.add(&attacks[0], "1000", 0) },
		"lasted":            func(r *report) { r.tally.add(&attacks[0], "1002", time.Minute) },
		"no connection ran": func(r *report) { r.tally.by[&attacks[0]] = &count{} },
		"frame took":        func(r *report) { r.with = latencies{time.Minute} },
		"kept goroutines":   func(r *report) { r.after.Goroutines = 1000 },
		"goroutines or mem": func(r *report) { r.after.Heap = 1 << 30 },
	} {
		r := good()
		spoil(r)
		if err := r.check(); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("got %v, want an error with %q", err, what)
		}
	}
}
