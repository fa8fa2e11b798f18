package chaos

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// fault is one fault: when it begins, how long it lasts, and its one or two targets.
type fault struct {
	at, lasts time.Duration
	kind      string
	target    int
	other     int           // second NATS server, or which link
	delay     time.Duration // of each chunk
}

// String implements fmt.Stringer.
func (f fault) String() string {
	text := fmt.Sprintf("%s %d", f.kind, f.target)
	if strings.Contains(f.kind, "two") {
		text += fmt.Sprintf(" and %d", f.other)
	}
	return fmt.Sprintf("%s for %v", text, f.lasts.Round(time.Millisecond))
}

// faultKind is a kind of fault: its likelihood, its duration, and its targets.
type faultKind struct {
	kind     string
	weight   int
	min, max time.Duration
	group    string // gateway, rooms, nats or front: faults of one target do not overlap
}

// No fault of one target keeps a gateway unreachable for as long as a grace, so that
// no member of a live gateway may count as a ghost.
var faultKinds = []faultKind{
	{"kill gateway", 8, 500 * time.Millisecond, 4 * time.Second, "gateway"},
	{"freeze gateway", 6, time.Second, 6 * time.Second, "gateway"},
	{"drain gateway", 4, 500 * time.Millisecond, 2 * time.Second, "gateway"},
	{"kill rooms", 8, 500 * time.Millisecond, 4 * time.Second, "rooms"},
	{"freeze rooms", 8, time.Second, 9 * time.Second, "rooms"},
	{"kill nats", 5, time.Second, 5 * time.Second, "nats"},
	{"freeze nats", 4, 2 * time.Second, 6 * time.Second, "nats"},
	{"kill two nats", 3, time.Second, 5 * time.Second, "nats"},
	{"freeze two nats", 2, 2 * time.Second, 6 * time.Second, "nats"},
	{"part gateway from nats", 6, time.Second, 6 * time.Second, "gateway"},
	{"part rooms from nats", 6, time.Second, 8 * time.Second, "rooms"},
	{"slow gateway to nats", 5, time.Second, 6 * time.Second, "gateway"},
	{"slow rooms to nats", 5, time.Second, 6 * time.Second, "rooms"},
	{"lose replies to gateway", 5, 50 * time.Millisecond, 600 * time.Millisecond, "gateway"},
	{"lose replies to rooms", 7, 50 * time.Millisecond, 600 * time.Millisecond, "rooms"},
	{"cut gateway from nats", 4, 10 * time.Millisecond, 20 * time.Millisecond, "gateway"},
	{"cut rooms from nats", 4, 10 * time.Millisecond, 20 * time.Millisecond, "rooms"},
	{"cut clients of gateway", 8, 10 * time.Millisecond, 20 * time.Millisecond, "front"},
	{"lose replies to clients of gateway", 5, 50 * time.Millisecond, 600 * time.Millisecond, "front"},
	{"part clients from gateway", 5, time.Second, 7 * time.Second, "front"},
	{"slow clients of gateway", 4, time.Second, 6 * time.Second, "front"},
}

// recovery is how long a target is left alone after a fault.
var recovery = map[string]time.Duration{"gateway": 5 * time.Second, "rooms": 2 * time.Second, "nats": 8 * time.Second, "front": 2 * time.Second}

// plan draws the faults of a test that lasts total. The same seed draws the same
// faults. It leaves out kinds that contain any of masked.
func plan(seed uint64, total time.Duration, masked []string) []fault {
	rng := rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))
	var pool []faultKind
	for _, b := range faultKinds {
		for range b.weight {
			pool = append(pool, b)
		}
	}
	free := make(map[string]time.Duration)
	var faults []fault
	for at := 3 * time.Second; at < total; at += 200*time.Millisecond + draw(rng, 1800*time.Millisecond) {
		b := pool[rng.IntN(len(pool))]
		f := fault{
			at: at, kind: b.kind, lasts: b.min + draw(rng, b.max-b.min), target: rng.IntN(3),
			other: rng.IntN(2), delay: 5*time.Millisecond + draw(rng, 100*time.Millisecond),
		}
		f.other = (f.target + 1 + f.other) % 3
		key := fmt.Sprint(b.group, f.target)
		if b.group == "nats" {
			key = "nats" // one at a time: two unavailable servers are a kind of fault of their own
		}
		if free[key] > at || at+f.lasts > total || isMasked(b.kind, masked) {
			continue
		}
		free[key] = at + f.lasts + recovery[b.group]
		if strings.Contains(b.kind, "drain") {
			free[key] += drainWindow
		}
		faults = append(faults, f)
	}
	return faults
}

func isMasked(kind string, masked []string) bool {
	for _, m := range masked {
		if m != "" && strings.Contains(kind, m) {
			return true
		}
	}
	return false
}

// draw returns a duration below n.
func draw(rng *rand.Rand, n time.Duration) time.Duration { return time.Duration(rng.Int64N(int64(n))) }
