// Command bench measures the connector on this machine, beside a bare WebSocket
// server, bare NATS, and PeerServer:
//
//	go run ./e2e/cmd/bench
//
// It starts the systems as separate processes on loopback, loads them from this
// process, and prints medians. CPU per message, of all server processes together,
// is the figure to trust: sharing the machine with the load distorts times and
// rates, and ratios carry over to other machines better than either.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"p2pconnector/proto/service"
)

func main() {
	if runRole(os.Args[1:]) {
		return
	}
	// The load makes little garbage; frequent collections would take time from
	// the servers.
	debug.SetGCPercent(400)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(service.ExitCode(os.Stderr, programName, err))
}

// programName is the name in errors and in the help.
const programName = "bench"

// run is the program. The table goes to stdout, the progress to stderr. It
// returns an error when a row failed, or when the run was interrupted.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if service.PrintVersion(stdout, programName, service.Build{}, args) {
		return nil
	}
	opt, files, err := parse(args, stderr)
	if err != nil {
		return err
	}
	b := &bench{opt: opt, book: newBook(opt.rounds), show: newProgress(stderr, opt.rounds)}
	// An interrupted run prints what it has measured.
	ended := b.run(ctx)
	if len(b.book.Sections) == 0 {
		return ended
	}
	b.book.checkGoals()
	if err := b.book.write(stdout); err != nil {
		return err
	}
	if files.json != "" {
		text, err := json.MarshalIndent(b.book, "", " ")
		if err == nil {
			err = os.WriteFile(files.json, append(text, '\n'), 0o644)
		}
		if err != nil {
			return fmt.Errorf("json: %w", err)
		}
	}
	if files.html != "" {
		if err := b.book.writeHTML(files.html); err != nil {
			return fmt.Errorf("html: %w", err)
		}
	}
	for _, s := range b.book.Sections {
		if s.Failed != "" {
			ended = errors.Join(ended, fmt.Errorf("row %s failed", s.Name))
		}
	}
	return ended
}

// outputs names the files to write; "" is none.
type outputs struct{ json, html string }

func parse(args []string, stderr io.Writer) (opt options, files outputs, err error) {
	fs := flag.NewFlagSet(programName, flag.ContinueOnError)
	var rowList, systems string
	fs.StringVar(&rowList, "rows", "", "`rows` to measure, separated by commas: relay, fanout, storm, idle, rooms, tracker, scaling, jitter, deploy, peerjs (default: all)")
	fs.StringVar(&opt.cases, "cases", "", "`text` that the name of a case must hold, like \"300 B, full\" (default: all)")
	fs.StringVar(&systems, "systems", "", "`systems` to measure beside our own, separated by commas: echo, nats, peerserver, tracker, none (default: all)")
	fs.BoolVar(&opt.short, "short", false, "a quick look: shorter measurements, fewer idle connections")
	fs.IntVar(&opt.rounds, "rounds", 3, "`times` that each measurement is repeated, at least 3 for a report")
	fs.DurationVar(&opt.window, "window", 2500*time.Millisecond, "`time` of one measurement")
	fs.IntVar(&opt.idle, "idle", 10_000, "`connections` of the row idle")
	fs.IntVar(&opt.crowd, "crowd", 5000, "`clients` of the rows jitter and deploy")
	fs.StringVar(&opt.bin, "bin", "", "`folder` with the programs gateway and roomsvc (default: builds them)")
	fs.StringVar(&opt.versus, "versus", "", "`folder` with another build of both, measured beside in the rows relay, moved and idle (default: none)")
	fs.IntVar(&opt.pprof, "pprof", 0, "first `port` on which the gateways serve Go profiles (default: none)")
	fs.StringVar(&files.json, "json", "", "`file` for the figures as JSON")
	fs.StringVar(&files.html, "html", "", "`file` for the report as HTML")
	if err := service.ParseTool(fs, args, stderr, "bench measures the connector on this machine, beside a bare WebSocket server, bare NATS, and PeerServer."); err != nil {
		return opt, files, err
	}
	opt.warm, opt.idleFor, opt.crowdFor = 400*time.Millisecond, 10*time.Second, 30*time.Second
	if opt.short {
		given := map[string]bool{}
		fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
		opt.warm, opt.idleFor, opt.crowdFor = 200*time.Millisecond, 3*time.Second, 10*time.Second
		if !given["window"] {
			opt.window = 800 * time.Millisecond
		}
		if !given["idle"] {
			opt.idle = 2000
		}
		if !given["crowd"] {
			opt.crowd = 500
		}
	}
	var unknownRow, unknownSystem error
	opt.rows, unknownRow = names("rows", rowList, rowNames())
	opt.systems, unknownSystem = systemNames(systems)
	return opt, files, service.UsageError(programName,
		service.CheckRange("rounds", opt.rounds, 1, 100),
		service.CheckRange("window", opt.window, 100*time.Millisecond, time.Minute),
		service.CheckRange("crowd", opt.crowd, 2*deployRoom, 50_000),
		service.CheckRange("idle", opt.idle, 1, 50_000),
		unknownRow, unknownSystem)
}

func rowNames() map[string]string {
	all := make(map[string]string)
	for _, r := range rows {
		all[r.name] = r.name
	}
	return all
}

// names splits the list in a flag and translates each entry.
func names(flag, list string, known map[string]string) (all []string, err error) {
	if list == "" {
		return nil, nil
	}
	for name := range strings.SplitSeq(list, ",") {
		full, ok := known[strings.TrimSpace(name)]
		if !ok {
			return nil, fmt.Errorf("%s: %q is unknown", flag, name)
		}
		all = append(all, full)
	}
	return all, nil
}

func systemNames(list string) ([]string, error) {
	return names("systems", list, map[string]string{"echo": echoFloor, "nats": natsFloor, "peerserver": peerServer, "tracker": npmTracker, "none": ours})
}
