//go:build !unix

package main

import "log/slog"

// toggleDebug does nothing: there is no SIGUSR1 here.
func toggleDebug(*slog.LevelVar, *slog.Logger) (stop func()) { return func() {} }
