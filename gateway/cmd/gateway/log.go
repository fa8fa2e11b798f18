package main

import (
	"fmt"
	"io"
	"log/slog"
)

// newLogger also returns the lowest level that is logged, which may be changed
// while the logger is in use.
func newLogger(w io.Writer, level, format string) (*slog.Logger, *slog.LevelVar, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, nil, fmt.Errorf("log-level: %q is not debug, info, warn or error", level)
	}
	lowest := new(slog.LevelVar)
	lowest.Set(l)
	opts := &slog.HandlerOptions{Level: lowest}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, opts)), lowest, nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, opts)), lowest, nil
	}
	return nil, nil, fmt.Errorf("log-format: %q is not text or json", format)
}
