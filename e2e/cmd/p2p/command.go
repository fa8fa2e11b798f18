package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// program is one run of p2p.
type program struct {
	getenv         func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer

	url, token string // flags of every command
}

// command is a subcommand of p2p. flags declares its flags besides those of
// every command, and returns the function that does the work with the arguments
// that are no flags.
type command struct {
	name, args string // "room join", "ROOM"
	short      string // for the list of commands
	long       string // for its own --help; ends with an example
	least      int    // arguments
	most       int
	flags      func(p *program, fs *flag.FlagSet) action
}

type action func(ctx context.Context, args []string) error

var commands = []*command{&listenCommand, &sendCommand, &joinCommand, &watchCommand, &admitCommand, &callCommand}

// usageError is a mistake on the command line.
type usageError struct{ err error }

func (u *usageError) Error() string { return u.err.Error() }
func (u *usageError) Unwrap() error { return u.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

func isUsage(err error) bool {
	_, ok := errors.AsType[*usageError](err)
	return ok
}

// command runs the command that args name. name is the prefix of errors.
func (p *program) command(ctx context.Context, args []string) (name string, err error) {
	if len(args) > 1 && args[0] == "help" {
		args = append(slices.Clone(args[1:]), "--help")
	}
	cmd, rest := find(args)
	if cmd == nil {
		return "p2p", p.overview(args)
	}
	name = "p2p " + cmd.name
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(io.Discard) // an error is one line, and run prints it
	fs.Usage = func() {}
	do := cmd.flags(p, fs)
	fs.StringVar(&p.url, "url", "ws://localhost:8080", "`URL` of the server; several, separated by commas, are tried in turn")
	fs.StringVar(&p.token, "token", "", "access `token`, if the server requires one")
	given, errs := parse(fs, rest)
	if errors.Is(errs, flag.ErrHelp) {
		cmd.help(p.stdout, fs)
		return name, flag.ErrHelp
	}
	if err := errors.Join(errs, fromEnv(fs, p.getenv)); err != nil {
		return name, &usageError{err}
	}
	if len(given) < cmd.least {
		return name, usagef("%s is missing", missing(cmd.args, len(given)))
	}
	if len(given) > cmd.most {
		return name, usagef("%q is one argument too many: put a text with spaces in quotes", given[cmd.most])
	}
	return name, do(ctx, given)
}

// find returns the command that args begin with, and the remaining args.
func find(args []string) (*command, []string) {
	for _, cmd := range commands {
		words := strings.Fields(cmd.name)
		if len(args) >= len(words) && strings.Join(args[:len(words)], " ") == cmd.name {
			return cmd, args[len(words):]
		}
	}
	return nil, nil
}

// missing returns the name of the argument of usage that comes after n others.
func missing(usage string, n int) string {
	if words := strings.Fields(usage); n < len(words) {
		return words[n]
	}
	return "an argument"
}

// parse parses flags wherever they stand before a "--", and returns the other
// arguments. It goes on after a mistake, to report all.
func parse(fs *flag.FlagSet, args []string) (rest []string, errs error) {
	for {
		if err := fs.Parse(args); err != nil {
			if errs = errors.Join(errs, err); errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			args = fs.Args()
			continue
		}
		if fs.NArg() == 0 {
			return rest, errs
		}
		left := fs.Args()
		if read := len(args) - len(left); read > 0 && args[read-1] == "--" {
			return append(rest, left...), errs
		}
		rest, args = append(rest, left[0]), left[1:]
	}
}

// fromEnv sets flags that are not on the command line to the value of their
// environment variable.
func fromEnv(fs *flag.FlagSet, getenv func(string) string) error {
	given := map[string]bool{}
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var errs []error
	fs.VisitAll(func(f *flag.Flag) {
		if value := getenv(envName(f.Name)); value != "" && !given[f.Name] {
			if err := fs.Set(f.Name, value); err != nil {
				errs = append(errs, fmt.Errorf("environment variable %s: %w", envName(f.Name), err))
			}
		}
	})
	return errors.Join(errs...)
}

func envName(flag string) string {
	return "P2P_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}
