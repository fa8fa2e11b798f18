// Command abuse attacks a connector in every way that its edge must withstand,
// while two well-behaved peers talk through it:
//
//	go run ./e2e/cmd/abuse
//
// It starts its own server as a separate process and connects only to that, over
// loopback. It prints the outcomes of each attack, the latency of the two peers'
// frames with and without the attack, and the server's memory before and after.
// It fails when the server crashed, leaked memory or goroutines, let a hostile
// client do what it must not, or delayed the two peers.
//
//	go run ./e2e/cmd/abuse --table
//
// runs one attack after another, each on a server of its own with default settings, and
// prints what each attacker got, what it cost the server, and what honest clients felt. It
// fails when an honest client was disconnected or lost a frame, or when an attacker got
// more than the limits promise.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"p2pconnector/proto/service"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(service.ExitCode(os.Stderr, programName, err))
}

// programName is the name in errors and in the help.
const programName = "abuse"

// settings of a run.
type settings struct {
	duration    time.Duration // of the attack
	connections int           // at once
	rate        int           // new connections a second
	patience    time.Duration // longest that a control frame, or the end of a hostile connection beyond its own bound, may take
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if service.PrintVersion(stdout, programName, service.Build{}, args) {
		return nil
	}
	if isServer(args) {
		return serve(ctx, args, stdin, stdout, stderr)
	}
	var s settings
	fs := flag.NewFlagSet(programName, flag.ContinueOnError)
	fs.DurationVar(&s.duration, "duration", time.Minute, "`time` that the attack lasts")
	fs.IntVar(&s.connections, "connections", 2000, "hostile `connections` at once")
	fs.IntVar(&s.rate, "rate", 300, "new hostile `connections` a second")
	fs.DurationVar(&s.patience, "patience", 5*time.Second, "longest `time` that a control frame may take, or a hostile connection beyond its own bound")
	table := fs.Bool("table", false, "run one attack after another instead, each with its attacker alone on a server with default settings, and print a table")
	rows := fs.String("rows", "", "`names` of the rows of the table, separated by commas (default: all)")
	if err := service.ParseTool(fs, args, stderr, "abuse attacks a connector, which it starts, in every way that its edge must withstand."); err != nil {
		return err
	}
	if err := service.UsageError(programName, s.check(), checkRows(*rows)); err != nil {
		return err
	}
	if *table {
		return runRows(ctx, *rows, stdout, stderr)
	}
	return s.run(ctx, stdout, stderr)
}

// check returns all mistakes at once.
func (s settings) check() error {
	return errors.Join(
		service.CheckRange("duration", s.duration, time.Second, 24*time.Hour),
		service.CheckRange("connections", s.connections, len(attacks), 100_000),
		service.CheckRange("rate", s.rate, 1, 100_000),
		service.CheckRange("patience", s.patience, time.Millisecond, time.Hour))
}

// run measures without an attack, attacks, waits until the server is at rest,
// and checks the results.
func (s settings) run(ctx context.Context, stdout, stderr io.Writer) (err error) {
	srv, err := startServer(ctx, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	pair, err := newPair(ctx, srv)
	if err != nil {
		return err
	}
	defer pair.close()

	quiet := max(s.duration/6, time.Second)
	fmt.Fprintf(stdout, "%v without an attack, then %v with %d hostile connections in %d ways\n", quiet, s.duration, s.connections, len(attacks))
	r := report{settings: s}
	if r.without, err = pair.talk(ctx, quiet); err != nil {
		return fmt.Errorf("without an attack: %w", err)
	}
	if r.before, err = srv.stats(); err != nil {
		return err
	}
	t := &target{server: srv, tally: newTally(), limit: s.rate}
	if r.with, r.during, err = s.fight(ctx, t, pair); err != nil {
		return fmt.Errorf("during the attack: %w", err)
	}
	if r.after, err = s.settle(ctx, srv, r.before); err != nil {
		return err
	}
	if r.again, err = pair.talk(ctx, time.Second); err != nil {
		return fmt.Errorf("after the attack: %w", err)
	}
	r.tally = t.tally
	r.print(stdout)
	return r.check()
}

// fight attacks while the pair talks, and reads the server's stats towards the
// end.
func (s settings) fight(ctx context.Context, t *target, p *pair) (took latencies, during stats, err error) {
	fight, end := context.WithTimeout(ctx, s.duration)
	defer end()
	var wg sync.WaitGroup
	var statsErr error
	wg.Go(func() { t.attack(fight, s.connections) })
	wg.Go(func() {
		late := time.NewTimer(s.duration * 9 / 10)
		defer late.Stop()
		select {
		case <-late.C:
			during, statsErr = t.stats()
		case <-fight.Done():
		}
	})
	took, err = p.talk(ctx, s.duration)
	if err != nil {
		end()
	}
	wg.Wait()
	return took, during, errors.Join(err, statsErr)
}

// What the server may keep after the attack: pools and buffers keep some memory,
// and the runtime some goroutines.
const (
	heapMargin      = 24 << 20
	goroutineMargin = 20
	settleTime      = 45 * time.Second // the grace of sessions is 15 s
)

// settle waits until the server has released everything, and returns its stats
// then.
func (s settings) settle(ctx context.Context, srv *server, before stats) (stats, error) {
	end := time.Now().Add(settleTime)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		now, err := srv.stats()
		if err != nil || now.clean(before) || time.Now().After(end) {
			return now, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return now, ctx.Err()
		}
	}
}

// clean reports whether the server has released everything that an attack used.
func (s stats) clean(before stats) bool {
	return s.Goroutines <= before.Goroutines+goroutineMargin && s.Heap <= before.Heap+heapMargin
}
