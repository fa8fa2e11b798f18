package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"p2pconnector/e2e/cmd/bench/internal/process"
	"p2pconnector/e2e/kit/load"
)

// options are the values of the flags.
type options struct {
	rows     []string
	rounds   int
	window   time.Duration // of one measurement
	warm     time.Duration // before it
	idle     int           // connections of the row idle
	idleFor  time.Duration
	crowd    int           // clients of the rows jitter and deploy
	crowdFor time.Duration // of the row jitter
	bin      string        // folder with the services; "" builds them
	cases    string        // only cases whose name contains this
	versus   string        // folder with another build of them; "": none
	pprof    int           // first port for the gateways' profiles; 0: none
	short    bool
	systems  []string // only these, beside our own; empty: all
}

// bench is the state of one run.
type bench struct {
	opt  options
	dir  string // temporary; removed at the end
	bin  binaries
	peer string // program of PeerServer, once it is found
	book *book
	show *progress
}

// row is one line of measurements.
type row struct {
	name  string
	title string
	run   func(ctx context.Context, b *bench) error
	steps func(b *bench) int // measurements, for the progress
}

var rows = []row{
	{"relay", "relay between two peers on different gateways", relayRow, relaySteps},
	{"moved", "relay between two peers that have both moved to the other gateway", movedRow, movedSteps},
	{"fanout", "one sender to a room on two gateways", fanoutRow, fanoutSteps},
	{"storm", "peers that join one room at once", stormRow, stormSteps},
	{"idle", "idle connections", idleRow, idleSteps},
	{"rooms", "room operations over 1,000 rooms", roomsRow, roomsSteps},
	{"tracker", "announces with offers to a WebTorrent tracker", trackerRow, trackerSteps},
	{"scaling", "relay at full speed on 1, 2 and 4 gateways", scalingRow, scalingSteps},
	{"jitter", "messages to a room whose members lose their connections and come back at the other gateway", jitterRow, jitterSteps},
	{"deploy", "one of two gateways restarts under clients in rooms of ten", deployRow, deploySteps},
	{"peerjs", "PeerJS: relay at full speed on 1 and 2 gateways, and through PeerServer", peerjsRow, peerjsSteps},
}

// run measures the requested rows. It records a row that fails and continues
// with the others; it returns the error of a run that could not begin, or that
// was interrupted.
func (b *bench) run(ctx context.Context) error {
	var err error
	if b.dir, err = os.MkdirTemp("", "p2p-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	b.show.print("building the services")
	if b.bin, err = build(ctx, b.dir, b.opt.bin); err != nil {
		return err
	}
	if b.book.Files, err = process.RaiseFileLimit(); err != nil {
		return fmt.Errorf("raising the limit of open files: %w", err)
	}
	for _, r := range rows {
		if b.wants(r.name) {
			b.show.total += r.steps(b)
		}
	}
	for _, r := range rows {
		if !b.wants(r.name) {
			continue
		}
		b.book.begin(r.name, r.title)
		began := time.Now()
		if err := r.run(ctx, b); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			b.book.fail(r.name, err)
		}
		b.book.took(r.name, time.Since(began))
	}
	b.show.end()
	return nil
}

func (b *bench) wants(row string) bool {
	return len(b.opt.rows) == 0 || contains(b.opt.rows, row)
}

// wantsCase reports whether a case of a row is to be measured.
func (b *bench) wantsCase(kase string) bool { return strings.Contains(kase, b.opt.cases) }

func (b *bench) wantsSystem(name string) bool {
	return len(b.opt.systems) == 0 || name == ours || name == otherBuild || contains(b.opt.systems, name)
}

func contains(all []string, one string) bool {
	for _, s := range all {
		if s == one {
			return true
		}
	}
	return false
}

// starter starts a system.
type starter struct {
	name  string
	start func(context.Context) (*system, error)
}

// startAll starts the requested systems. It skips and records a system that is
// not installed.
func (b *bench) startAll(ctx context.Context, row string, all ...starter) (systems []*system, err error) {
	for _, st := range all {
		if !b.wantsSystem(st.name) {
			continue
		}
		b.show.print("starting " + st.name)
		s, err := st.start(ctx)
		switch {
		case errors.Is(err, errNoPackage):
			b.book.note(row, fmt.Sprintf("%s: %v", st.name, err))
		case err != nil:
			stopAll(systems)
			return nil, err
		default:
			systems = append(systems, s)
		}
	}
	return systems, nil
}

func stopAll(systems []*system) {
	for _, s := range systems {
		s.stop()
	}
}

// usage is the cost of a period.
type usage struct {
	wall, servers, load time.Duration
	bus                 time.Duration // the NATS server's part of servers
}

// watch runs do and returns what the processes used meanwhile. It records in
// the book what other programs used of the machine.
func (b *bench) watch(procs []*process.Process, do func() error) (usage, error) {
	bus := busOf(procs)
	cpu0, err := process.CPUSum(procs)
	if err != nil {
		return usage{}, err
	}
	bus0, err := process.CPUSum(bus)
	if err != nil {
		return usage{}, err
	}
	self0, err0 := load.CPUOf(os.Getpid())
	all0, err1 := process.MachineTime()
	began := time.Now()
	if err := errors.Join(err0, err1, do()); err != nil {
		return usage{}, err
	}
	u := usage{wall: time.Since(began)}
	all1, err0 := process.MachineTime()
	self1, err1 := load.CPUOf(os.Getpid())
	cpu1, err2 := process.CPUSum(procs)
	bus1, err := process.CPUSum(bus)
	if err := errors.Join(err0, err1, err2, err); err != nil {
		return usage{}, err
	}
	u.bus = bus1 - bus0
	u.servers, u.load = cpu1-cpu0, self1-self0
	b.book.disturbed(u.wall, all1-all0-u.servers-u.load)
	return u, nil
}

// busOf returns the NATS servers among procs.
func busOf(procs []*process.Process) (bus []*process.Process) {
	for _, p := range procs {
		if p.Name == natsName {
			bus = append(bus, p)
		}
	}
	return bus
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// perItem returns d / n in microseconds.
func perItem(d time.Duration, n uint64) float64 {
	return float64(d.Nanoseconds()) / 1e3 / float64(max(n, 1))
}

// micros returns d in microseconds.
func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
