package service

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

// Exit codes of a program.
const (
	exitOK     = 0 // it ended as asked
	exitFailed = 1 // it could not go on
	exitUsage  = 2 // its settings cannot work
)

// usageError is an error about settings.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// UsageError joins the errors about a program's settings, and adds a reference to its --help.
// It returns nil when all of them are nil.
func UsageError(program string, errs ...error) error {
	err := errors.Join(errs...)
	if err == nil {
		return nil
	}
	return usageError{fmt.Errorf("%w; see %s --help", err, program)}
}

// ExitCode returns the exit code of a program that ends with err, which it prints to stderr: 0
// without an error and after help, 2 for an error about settings, 1 for another one.
func ExitCode(stderr io.Writer, program string, err error) int {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	PrintError(stderr, program, err)
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitFailed
}
