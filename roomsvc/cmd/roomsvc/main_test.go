package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
)

func TestProgram_Arguments_DecideItsExitCode(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		code int
		says string // in the one line, or in the help
	}{
		"help":           {[]string{"--help"}, 0, "P2P_"},
		"unknown flag":   {[]string{"--nonsense"}, 2, "nonsense"},
		"bad value":      {[]string{"--replicas", "x"}, 2, "replicas"},
		"bad setting":    {[]string{"--replicas", "2"}, 2, "replicas"},
		"bad log level":  {[]string{"--log-level", "loud"}, 2, "log-level"},
		"bad log format": {[]string{"--log-format", "xml"}, 2, "log-format"},
		"argument":       {[]string{"start"}, 2, "start"},
		"wrong command":  {[]string{"helthcheck"}, 2, "helthcheck"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if code := program().Run(t.Context(), tc.args, io.Discard, &out); code != tc.code {
				t.Errorf("exit code: got %d, want %d", code, tc.code)
			}
			if !strings.Contains(out.String(), tc.says) {
				t.Errorf("output: got %q, want %q in it", out.String(), tc.says)
			}
			if tc.code == 2 && strings.Count(out.String(), "\n") != 1 {
				t.Errorf("output: got %q, want one line", out.String())
			}
		})
	}
}

func TestProgram_Environment_SetsFlags(t *testing.T) {
	t.Setenv("P2P_REPLICAS", "4")
	var out bytes.Buffer
	if code := program().Run(t.Context(), nil, io.Discard, &out); code != 2 || !strings.Contains(out.String(), "replicas") {
		t.Errorf("got exit code %d, output %q; want 2, an error about replicas", code, out.String())
	}
}

// TestProgram_ContextEndsWithoutNATS_Succeeds checks that the end of the context ends a service that
// still waits for NATS.
func TestProgram_ContextEndsWithoutNATS_Succeeds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	if code := program().Run(ctx, []string{"--nats-url", "nats://127.0.0.1:1"}, io.Discard, &out); code != 0 {
		t.Errorf("got exit code %d, output %q; want 0", code, out.String())
	}
}
