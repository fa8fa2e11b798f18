package service

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
)

// The command that every program has.
const (
	healthcheckName  = "healthcheck"
	healthcheckAbout = "asks a running instance on this machine whether it is ready"
)

// Program is the command line of a service.
type Program struct {
	Name  string // as errors and --help show it
	About string // what the service does: a sentence that begins with Name
	Build Build  // for --version

	// Flags binds the service's settings.
	Flags func(*flag.FlagSet)
	// New checks the settings and makes the service. Its error lists everything that
	// is wrong, one line each, by the names of the flags.
	New func(*slog.Logger) (Runner, error)
	// Commands run in place of the service, when their name is the first argument.
	// Every program has the command healthcheck as well.
	Commands []Command
	// Getenv finds an environment variable; nil is os.Getenv.
	Getenv func(string) string
}

// Runner is a service. Run serves until ctx ends; then it returns nil.
type Runner interface {
	Run(ctx context.Context) error
}

// Command is another thing that a program can do.
type Command struct {
	Name  string
	About string // what it does: a phrase that follows its name
	Run   func(args []string, stdout, stderr io.Writer) (exitCode int)
}

// Main runs the program with the arguments of this process until SIGINT or SIGTERM, and exits.
func (p *Program) Main() {
	limitMemory()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := p.Run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Run runs the service, or the command that args begin with, and returns the exit code: 0
// when it ended as ctx asked, 2 when its settings cannot work, 1 when it failed. The log goes to stderr.
func (p *Program) Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if PrintVersion(stdout, p.Name, p.Build, args) {
		return exitOK
	}
	if len(args) > 1 && args[0] == "help" { // of a command
		args = append(args[1:], "--help")
	}
	if len(args) > 0 {
		if args[0] == "help" {
			args = []string{"--help"}
		}
		if args[0] == healthcheckName {
			return p.healthcheck(ctx, args[1:], stderr)
		}
		for _, c := range p.Commands {
			if args[0] == c.Name {
				return c.Run(args[1:], stdout, stderr)
			}
		}
	}
	var settings Log
	fs := flag.NewFlagSet(p.Name, flag.ContinueOnError)
	p.Flags(fs)
	settings.Flags(fs)
	if err := Parse(fs, args, p.getenv()); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			PrintHelp(stderr, fs, p.help())
		}
		return ExitCode(stderr, p.Name, err)
	}
	log, lowest := settings.New(stderr)
	svc, err := p.New(log)
	if err != nil {
		return ExitCode(stderr, p.Name, UsageError(p.Name, err))
	}
	defer toggleDebug(lowest, log)()
	return ExitCode(stderr, p.Name, svc.Run(ctx))
}

func (p *Program) getenv() func(string) string {
	if p.Getenv == nil {
		return os.Getenv
	}
	return p.Getenv
}

// help returns the text that --help prints above the flags.
func (p *Program) help() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nUsage:\n", p.About)
	table := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	fmt.Fprintf(table, "  %s [flags]\truns until SIGINT or SIGTERM\n", p.Name)
	for _, c := range append([]Command{{Name: healthcheckName, About: healthcheckAbout}}, p.Commands...) {
		fmt.Fprintf(table, "  %s %s [flags]\t%s; --help lists its flags\n", p.Name, c.Name, c.About)
	}
	fmt.Fprintf(table, "  %s --version\tprints the version and the commit\n", p.Name)
	table.Flush()
	b.WriteString("\nSIGUSR1 turns debug logging on, and off again.")
	return b.String()
}
