package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// The relay row.
const (
	pairs      = 200
	inFlight   = 8
	smallBytes = 300
	offerBytes = 3072
	fullRate   = 0 // as fast as it goes
	slowRate   = 1000
	fastRate   = 8000
)

var (
	relaySizes = []int{smallBytes, offerBytes}
	relayRates = []int{slowRate, fastRate, fullRate}
)

func relayCase(size, rate int) string {
	s := "300 B"
	if size == offerBytes {
		s = "3 KB"
	}
	if rate == fullRate {
		return s + ", full speed"
	}
	return s + ", " + grouped(rate) + "/s"
}

// relayLoadOf is one case of the relay row.
type relayLoadOf struct{ size, rate int }

func (b *bench) relayCases() (all []relayLoadOf) {
	for _, size := range relaySizes {
		for _, rate := range relayRates {
			if b.wantsCase(relayCase(size, rate)) {
				all = append(all, relayLoadOf{size, rate})
			}
		}
	}
	return all
}

func relaySteps(b *bench) int {
	n := 0
	for _, c := range b.relayCases() {
		for _, st := range b.relayStarters() {
			if b.wantsSystem(st.name) && (st.name != natsFloor || c.rate == fullRate) {
				n++
			}
		}
	}
	return n * b.opt.rounds
}

// relayStarters returns the systems that relay: ours on two gateways, the floor,
// PeerServer, and another build of ours when there is one.
func (b *bench) relayStarters() []starter {
	all := []starter{
		{ours, func(ctx context.Context) (*system, error) {
			return b.startOurs(ctx, layout{gateways: 2, rooms: 1})
		}},
		{echoFloor, b.startEcho},
		{natsFloor, b.startPair},
		{peerServer, b.startPeerServer},
	}
	if b.opt.versus != "" {
		all = append(all, starter{otherBuild, func(ctx context.Context) (*system, error) {
			return b.startOurs(ctx, layout{gateways: 2, rooms: 1, bin: b.bin.from(b.opt.versus)})
		}})
	}
	return all
}

func relayRow(ctx context.Context, b *bench) error {
	systems, err := b.startAll(ctx, "relay", b.relayStarters()...)
	if err != nil {
		return err
	}
	defer stopAll(systems)
	fleets := make(map[*system]*fleet)
	defer closeAll(fleets)
	for _, s := range systems {
		if s.name == natsFloor {
			continue
		}
		if fleets[s], err = connect(ctx, s, connections(s), 8<<10); err != nil {
			return err
		}
	}
	return b.relayInTurns(ctx, "relay", systems, fleets)
}

func closeAll(fleets map[*system]*fleet) {
	for _, f := range fleets {
		f.close()
	}
}

// relayInTurns measures all cases. The systems take turns, in the opposite order every other
// round, because the first one would pay for what the machine does between rounds.
func (b *bench) relayInTurns(ctx context.Context, row string, systems []*system, fleets map[*system]*fleet) error {
	systems = slices.Clone(systems)
	for _, c := range b.relayCases() {
		for round := range b.opt.rounds {
			for _, s := range systems {
				if err := b.relayOnce(ctx, row, s, fleets[s], c.size, c.rate, round); err != nil {
					return err
				}
			}
			slices.Reverse(systems)
		}
	}
	return nil
}

// connections returns how many connections the pairs of the relay row need.
func connections(s *system) int {
	if s.echo {
		return pairs
	}
	return 2 * pairs
}

// relayOnce measures one system once.
func (b *bench) relayOnce(ctx context.Context, row string, s *system, f *fleet, size, rate, round int) error {
	kase := relayCase(size, rate)
	if s.name == natsFloor {
		if rate != fullRate {
			return nil
		}
		b.show.step(row, kase, s.name, round)
		return b.pairOnce(ctx, row, kase, s, size)
	}
	b.show.step(row, kase, s.name, round)
	measure := b.atRate
	if rate == fullRate {
		measure = func(ctx context.Context, f *fleet, size, _ int) (result, error) {
			return b.fullSpeed(ctx, f, size, inFlight)
		}
	}
	r, err := measure(ctx, f, size, rate)
	if err := b.tolerate(row, kase, s.name, err); err != nil {
		return fmt.Errorf("%s, %s: %w", kase, s.name, err)
	}
	r.put(b, row, kase, s.name)
	return nil
}

// pairOnce measures bare NATS at full speed: the server, and the process with the
// two connections.
func (b *bench) pairOnce(ctx context.Context, row, kase string, s *system, size int) error {
	pair := s.procs[len(s.procs)-1]
	if _, err := pair.Ask(fmt.Sprintf("start %d %d", pairs*inFlight, size)); err != nil {
		return err
	}
	if err := pause(ctx, b.opt.warm); err != nil {
		return err
	}
	var n [2]uint64
	read := func(into *uint64) error {
		text, err := pair.Ask("count")
		if err == nil {
			*into, err = strconv.ParseUint(text, 10, 64)
		}
		return err
	}
	if err := read(&n[0]); err != nil {
		return err
	}
	u, err := b.watch(s.procs, func() error { return pause(ctx, b.opt.window) })
	if err == nil {
		err = read(&n[1])
	}
	if err == nil {
		_, err = pair.Ask("stop")
	}
	if err != nil {
		return err
	}
	done := n[1] - n[0]
	b.book.add(row, kase, s.name, "rate", perSecond, float64(done)/u.wall.Seconds())
	b.book.add(row, kase, s.name, "cpu", microsec, perItem(u.servers, done))
	b.book.add(row, kase, s.name, "of it NATS", microsec, perItem(u.bus, done))
	return pause(ctx, 100*time.Millisecond) // until the messages in transit have arrived
}
