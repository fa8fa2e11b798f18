package main

import (
	"context"
	"fmt"
)

// peerjsGateways are the numbers of gateways that the row peerjs measures, each beside
// PeerServer, which is one process.
var peerjsGateways = []int{1, 2}

func (b *bench) peerjsSizes() (all []int) {
	for _, n := range peerjsGateways {
		if b.wantsCase(scalingCase(n)) {
			all = append(all, n)
		}
	}
	return all
}

func peerjsSteps(b *bench) (n int) {
	for _, name := range []string{ours, peerServer} {
		if b.wantsSystem(name) {
			n += len(b.peerjsSizes()) * b.opt.rounds
		}
	}
	return n
}

// peerjsRow relays at full speed between clients of PeerJS. On two gateways, the two clients
// of a pair are on different ones. The systems take turns, so that what else the machine does
// meanwhile falls on all of them.
func peerjsRow(ctx context.Context, b *bench) error {
	type entrant struct {
		kase string
		sys  *system
		f    *fleet
	}
	var all []entrant
	defer func() {
		for _, e := range all {
			e.f.close()
			e.sys.stop()
		}
	}()
	for _, n := range b.peerjsSizes() {
		systems, err := b.startAll(ctx, "peerjs",
			starter{ours, func(ctx context.Context) (*system, error) {
				return b.startOurs(ctx, layout{gateways: n, rooms: 1, peerjs: true})
			}},
			starter{peerServer, b.startPeerServer})
		if err != nil {
			return err
		}
		for _, s := range systems {
			all = append(all, entrant{kase: scalingCase(n), sys: s})
		}
	}
	for i := range all {
		var err error
		if all[i].f, err = connect(ctx, all[i].sys, 2*pairs, 8<<10); err != nil {
			return err
		}
	}
	for round := range b.opt.rounds {
		for _, e := range all {
			b.show.step("peerjs", e.kase, e.sys.name, round)
			r, err := b.fullSpeed(ctx, e.f, smallBytes, inFlight)
			if err := b.tolerate("peerjs", e.kase, e.sys.name, err); err != nil {
				return fmt.Errorf("%s, %s: %w", e.kase, e.sys.name, err)
			}
			r.put(b, "peerjs", e.kase, e.sys.name)
		}
	}
	return nil
}
