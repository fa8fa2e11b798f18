// Command p2p is a peer on the command line:
//
//	p2p listen                      print what this peer gets
//	p2p send --to ID TEXT|JSON      send to a peer, or with --room to a room
//	p2p room join ROOM              be in a room and print what happens there
//	p2p room watch ROOM             the same, to be read by people
//	p2p room admit ROOM             have a locked room, and say who may join it
//	p2p call ROOM                   stdin and stdout, to and from another machine
//
// Each explains itself with --help. Output for programs goes to stdout, one JSON
// object a line; an error is one line on stderr. The exit code is 0 for success, 1
// for failure, 2 for a wrong command line.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"p2pconnector/proto/service"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends it at once
	// When the reader of stdout has gone, the write returns an error, so that we
	// can tell the other side of a call and close the connection to the server.
	signal.Ignore(syscall.SIGPIPE)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program: it ends early when ctx does. getenv finds environment
// variables as os.Getenv does. When run returns an error, a read from stdin may
// still be pending; run closes stdin then, if that is possible.
func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	if service.PrintVersion(stdout, "p2p", service.Build{}, args) {
		return 0
	}
	p := &program{getenv: getenv, stdin: stdin, stdout: stdout, stderr: stderr}
	name, err := p.command(ctx, args)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case isUsage(err):
		fmt.Fprintf(stderr, "%s: %s (see %s --help)\n", name, oneLine(err), name)
		return 2
	}
	fmt.Fprintf(stderr, "%s: %s\n", name, oneLine(err))
	return 1
}

// oneLine returns the text of err on one line, whatever it wraps. The name of package client
// is not one that a user of p2p knows.
func oneLine(err error) string {
	text := strings.TrimPrefix(strings.Join(strings.Fields(err.Error()), " "), "client: ")
	return strings.ReplaceAll(text, ": client: ", ": ")
}
