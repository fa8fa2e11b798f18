//go:build unix

package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// toggleDebug has SIGUSR1 turn debug logging on, and the next one back, until
// stop is called.
func toggleDebug(lowest *slog.LevelVar, log *slog.Logger) (stop func()) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	usual := lowest.Level()
	var wg sync.WaitGroup
	wg.Go(func() {
		for range asked {
			level := slog.LevelDebug
			if lowest.Level() == level {
				level = usual
			}
			lowest.Set(level)
			log.Log(context.Background(), max(level, slog.LevelInfo), "log level changed", "level", level.String())
		}
	})
	return func() {
		signal.Stop(asked)
		close(asked)
		wg.Wait()
	}
}
