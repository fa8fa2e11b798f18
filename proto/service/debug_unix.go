//go:build unix

package service

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// toggleDebug makes SIGUSR1 turn debug logging on, and the next SIGUSR1 back, until
// stop is called.
func toggleDebug(lowest *slog.LevelVar, log *slog.Logger) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	usual := lowest.Level()
	var wg sync.WaitGroup
	wg.Go(func() {
		for range signals {
			level := slog.LevelDebug
			if lowest.Level() == level {
				level = usual
			}
			lowest.Set(level)
			log.Log(context.Background(), max(level, slog.LevelInfo), "log level changed", "level", level.String())
		}
	})
	return func() {
		signal.Stop(signals)
		close(signals)
		wg.Wait()
	}
}
