package main

import (
	"context"
	"io"
	"testing"

	"p2pconnector/e2e/kit"
)

func TestMain(m *testing.M) { kit.Main(m) }

func TestRun_WrongCommandLine_AllMistakesAreNamed(t *testing.T) {
	kit.CheckUsage(t, programName, "listen", func(ctx context.Context, args []string, stderr io.Writer) error {
		return run(ctx, args, io.Discard, stderr)
	})
}
