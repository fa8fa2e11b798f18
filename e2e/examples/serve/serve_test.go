package serve

import (
	"context"
	"embed"
	"io"
	"testing"

	"p2pconnector/e2e/kit"
)

func TestRun_WrongCommandLine_AllMistakesAreNamed(t *testing.T) {
	kit.CheckUsage(t, "chat", "listen", func(ctx context.Context, args []string, stderr io.Writer) error {
		return Run(ctx, "chat", embed.FS{}, args, io.Discard, stderr, nil)
	})
}
