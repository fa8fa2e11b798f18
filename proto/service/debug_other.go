//go:build !unix

package service

import "log/slog"

// toggleDebug does nothing: there is no SIGUSR1 here.
func toggleDebug(*slog.LevelVar, *slog.Logger) (stop func()) { return func() {} }
