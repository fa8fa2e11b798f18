package main

import (
	"context"
	"fmt"
)

var scalingGateways = []int{1, 2, 4}

// scalingSizes returns the numbers of gateways to measure.
func (b *bench) scalingSizes() (all []int) {
	for _, n := range scalingGateways {
		if b.wantsCase(scalingCase(n)) {
			all = append(all, n)
		}
	}
	return all
}

func scalingSteps(b *bench) int { return len(b.scalingSizes()) * b.opt.rounds }

func scalingCase(gateways int) string {
	if gateways == 1 {
		return "1 gateway"
	}
	return fmt.Sprintf("%d gateways", gateways)
}

// scalingRow relays at full speed between neighbours: with one gateway both peers
// of a pair are on it, otherwise they are on two.
func scalingRow(ctx context.Context, b *bench) error {
	var systems []*system
	defer func() { stopAll(systems) }()
	var fleets []*fleet
	defer func() {
		for _, f := range fleets {
			f.close()
		}
	}()
	for _, n := range b.scalingSizes() {
		s, err := b.startOurs(ctx, layout{gateways: n, rooms: 1})
		if err != nil {
			return err
		}
		systems = append(systems, s)
		f, err := connect(ctx, s, 2*pairs, 8<<10)
		if err != nil {
			return err
		}
		fleets = append(fleets, f)
	}
	for round := range b.opt.rounds {
		for i, n := range b.scalingSizes() {
			b.show.step("scaling", scalingCase(n), ours, round)
			r, err := b.fullSpeed(ctx, fleets[i], smallBytes, inFlight)
			if err := b.tolerate("scaling", scalingCase(n), ours, err); err != nil {
				return fmt.Errorf("%s: %w", scalingCase(n), err)
			}
			r.put(b, "scaling", scalingCase(n), ours)
		}
	}
	return nil
}
