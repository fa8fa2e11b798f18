package main

import (
	"errors"
	"math"
)

// capacity is what one machine was measured to do.
type capacity struct {
	writes   float64 // of one bucket a second
	messages float64 // of one NATS server a second; each arrival and each delivery counts
	leases   float64 // a second at one gateway
}

// measured are figures of the documents on performance and design: 6,000 joins a second over
// 1,000 rooms on 2 CPUs, all servers together; 1.8 µs of a NATS server for a message that
// arrives and is delivered, and four CPUs of it; and 10 µs for a lease at a gateway, of which
// BenchmarkLease has 4.
var measured = capacity{writes: 6000, messages: 4 * 2 / 1.8e-6, leases: 0.1 / 10e-6}

func (c capacity) validate() error {
	if !(c.writes > 0 && c.messages > 0 && c.leases > 0) {
		return errors.New("--bucket-writes, --node-messages and --gateway-leases must be above 0")
	}
	return nil
}

// limit is one thing that a deployment has only so much of.
type limit struct {
	name string
	used func(deployment, capacity) float64 // share of it, 1: all
	// lever is what moves the limit.
	lever string
}

var limits = []limit{
	{
		name: "writes to the bucket of rooms", lever: "several buckets, a room's by a hash of its id",
		used: func(d deployment, c capacity) float64 { return d.writes() / float64(d.Shards) / c.writes },
	},
	{
		name: "messages of a NATS server", lever: "more servers, for what goes to one receiver; rooms on one gateway",
		used: func(d deployment, c capacity) float64 {
			return d.loadOf(append(d.flows(), d.relays())...).node / c.messages
		},
	},
	{
		name: "leases at a gateway", lever: "clusters of their own for parts of the gateways, joined by a supercluster; fewer, larger gateways",
		used: func(d deployment, c capacity) float64 {
			return float64(d.Gateways) * d.LeaseRate / c.leases
		},
	},
}

// first returns the limit that d reaches first when it grows with the same number of peers on
// each gateway, and with how many gateways.
func first(d deployment, c capacity) (l limit, gateways int) {
	perGateway := float64(d.Peers) / float64(d.Gateways)
	gateways = math.MaxInt
	for _, x := range limits {
		n := reach(func(n int) float64 {
			e := d
			e.Gateways, e.Peers = n, int(float64(n)*perGateway)
			return x.used(e, c)
		})
		if n < gateways {
			l, gateways = x, n
		}
	}
	return l, gateways
}

// reach returns the largest n for which used is at most 1, 0 if there is none, by bisection:
// used grows with n.
func reach(used func(n int) float64) int {
	const most = 1 << 24
	low, high := 0, most
	for low < high {
		mid := low + (high-low+1)/2
		if used(mid) <= 1 {
			low = mid
		} else {
			high = mid - 1
		}
	}
	return low
}
