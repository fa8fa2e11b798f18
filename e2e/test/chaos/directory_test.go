package chaos

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/nats-io/nats.go"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

const (
	takers      = 8                     // gateways that change the same entries
	entriesOpen = 3                     // entries that they change at the same time
	takerPause  = 15 * time.Millisecond // longest pause between two operations of one gateway
	askTimeout  = 12 * time.Second      // without an answer the outcome is unknown
)

// registry makes gateways change and look up entries of a directory at the same time, and
// keeps the history of each entry.
type registry struct {
	sys      *system
	load     directoryLoad
	gateways []proto.GatewayID // number i is gateways[i-1]
	nc       *nats.Conn

	wg      sync.WaitGroup
	checked atomic.Int64 // histories
	asked   atomic.Int64
	unknown atomic.Int64
	outcome sync.Map // of operation and code → *atomic.Int64

	mu   sync.Mutex
	open []*entryHistory
}

// directoryLoad is the workload of one of the directories, and the model of an entry.
type directoryLoad interface {
	// entry returns the name of a new entry, for files and messages.
	entry(r *registry) string
	model() porcupine.Model
	// try draws an operation of gateway number n, which knows of the entry what an earlier
	// operation returned, nil at first, and carries it out.
	try(r *registry, entry string, n byte, known any) attempt
}

// attempt is an operation and what became of it.
type attempt struct {
	what          string // for the summary
	input, output any    // of the model
	result        askResult
	unknown       any  // the output when the outcome is unknown; nil when the operation changes nothing
	known         any  // what the gateway knows of the entry now
	ended         bool // the entry is not of much more use
}

// askResult says whether a request was answered.
type askResult int

const (
	answered   askResult = iota
	unanswered           // the outcome is unknown
	unheard              // no room service received it
)

// entryHistory is the history of one entry. A full history is checked.
type entryHistory struct {
	entry string

	mu       sync.Mutex
	ops      []porcupine.Operation
	unknowns int
	inHand   int
	full     bool // another entry replaces it
	closed   bool // closed, and no operation begins any more
}

func newRegistry(sys *system, load directoryLoad) *registry {
	r := &registry{sys: sys, load: load}
	for range takers {
		r.gateways = append(r.gateways, proto.NewGatewayID())
	}
	var err error
	r.nc, err = nats.Connect(strings.Join(sys.direct, ","), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond),
		nats.PingInterval(time.Second), nats.MaxPingsOutstanding(2), nats.ReconnectBufSize(-1))
	if err != nil {
		sys.t.Fatal(err)
	}
	for range entriesOpen {
		r.open = append(r.open, &entryHistory{entry: load.entry(r)})
	}
	return r
}

// run works until ctx ends, and then checks all histories.
func (r *registry) run(ctx context.Context) {
	for n := range takers {
		r.wg.Go(func() { r.work(ctx, byte(n+1)) })
	}
	stop := r.live()
	r.wg.Wait()
	stop()
	for _, l := range r.open {
		r.check(l)
	}
	r.nc.Close()
}

// live renews the gateways' leases until stop is called; otherwise the room services
// would end the entries that they own.
func (r *registry) live() (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(bus.LeaseInterval)
		defer tick.Stop()
		for {
			for _, w := range r.gateways {
				subject, err := bus.LeaseSubject(w)
				if err != nil {
					r.sys.violate("%v", err)
					return
				}
				// Without a connection the heartbeat is lost, as a gateway's is.
				_ = r.nc.Publish(subject, []byte("{}"))
			}
			select {
			case <-tick.C:
			case <-end:
				return
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}

// work runs the operations of gateway number n, one after the other.
func (r *registry) work(ctx context.Context, n byte) {
	knows := make(map[*entryHistory]any)
	for ctx.Err() == nil {
		l, i := r.enter()
		call := r.sys.now()
		a := r.load.try(r, l.entry, n, knows[l])
		knows[l] = a.known
		if r.record(l, n, a, call) {
			r.replace(i, l)
			delete(knows, l)
		}
		pause(ctx, rand.N(takerPause))
	}
}

// enter begins an operation on one of the open entries.
func (r *registry) enter() (*entryHistory, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := rand.N(len(r.open))
	l := r.open[i]
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inHand++
	return l, i
}

// ask sends a request and decodes the answer into reply. failure returns the error in it.
func (r *registry) ask(subject string, request, reply any, failure func() *proto.Error) askResult {
	r.asked.Add(1)
	data, err := json.Marshal(request)
	if err != nil {
		r.sys.violate("%v", err)
		return unheard
	}
	msg, err := r.nc.Request(subject, data, askTimeout)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return unheard
	case err != nil:
		return unanswered
	}
	if err := json.Unmarshal(msg.Data, reply); err != nil {
		r.sys.violate("%s: %s: %v", subject, msg.Data, err)
		return unheard
	}
	switch e := failure(); {
	case e == nil:
		return answered
	case e.Code != proto.Unavailable:
		r.sys.violate("%s of %s: %v", subject, data, e)
	}
	return unanswered
}

// record ends an operation, and reports whether the history has become full.
func (r *registry) record(l *entryHistory, n byte, a attempt, call int64) (filled bool) {
	op := porcupine.Operation{ClientId: int(n), Input: a.input, Call: call, Output: a.output, Return: r.sys.now()}
	l.mu.Lock()
	l.inHand--
	switch a.result {
	case unanswered:
		r.unknown.Add(1)
		if a.unknown != nil {
			l.unknowns++
			op.ClientId, op.Return, op.Output = 1000+l.unknowns, math.MaxInt64, a.unknown
			l.ops = append(l.ops, op)
		}
	case answered:
		count, _ := r.outcome.LoadOrStore(a.what, new(atomic.Int64))
		count.(*atomic.Int64).Add(1)
		l.ops = append(l.ops, op)
	}
	filled = !l.full && (len(l.ops) >= maxOps || l.unknowns >= maxUnknown || a.ended && rand.N(10) == 0)
	l.full = l.full || filled
	last := l.closed && l.inHand == 0
	l.mu.Unlock()
	if last {
		r.check(l)
	}
	return filled
}

// replace opens another entry in place of one whose history is full.
func (r *registry) replace(i int, l *entryHistory) {
	r.mu.Lock()
	r.open[i] = &entryHistory{entry: r.load.entry(r)}
	r.mu.Unlock()
	l.mu.Lock()
	l.closed = true
	last := l.inHand == 0
	l.mu.Unlock()
	if last {
		r.check(l)
	}
}

// check checks the history of l; all its operations have ended.
func (r *registry) check(l *entryHistory) {
	l.mu.Lock()
	ops := l.ops
	l.mu.Unlock()
	r.checked.Add(1)
	result, how := porcupine.CheckOperationsVerbose(r.load.model(), ops, checkTime)
	if result == porcupine.Ok {
		return
	}
	r.sys.illegal("history of %s (%d operations): %s; see %s", l.entry, len(ops), result, r.picture(l, ops, how))
}

// picture writes the history and the checker's picture of it.
func (r *registry) picture(l *entryHistory, ops []porcupine.Operation, how porcupine.LinearizationInfo) string {
	base := filepath.Join(r.sys.dir, l.entry)
	if err := porcupine.VisualizePath(r.load.model(), how, base+".html"); err != nil {
		r.sys.logf("no picture: %v", err)
	}
	slices.SortStableFunc(ops, func(x, y porcupine.Operation) int { return cmp.Compare(x.Call, y.Call) })
	var b strings.Builder
	for _, op := range ops {
		fmt.Fprintf(&b, "%9.4f to %9.4f  %s\n", float64(op.Call)/1e9, float64(op.Return)/1e9, r.load.model().DescribeOperation(op.Input, op.Output))
	}
	if err := os.WriteFile(base+".txt", []byte(b.String()), 0o644); err != nil {
		r.sys.logf("no history: %v", err)
	}
	return base + ".html and .txt"
}

func (r *registry) String() string {
	var list []string
	r.outcome.Range(func(k, n any) bool {
		list = append(list, fmt.Sprintf("%s: %d", strings.TrimSpace(k.(string)), n.(*atomic.Int64).Load()))
		return true
	})
	slices.Sort(list)
	return fmt.Sprintf("%d requests, %d of unknown outcome, %d histories; %s", r.asked.Load(), r.unknown.Load(), r.checked.Load(), strings.Join(list, ", "))
}

// directories are the workloads of both directories.
var directories = map[string]directoryLoad{"sessions": sessionLoad{}, "names": nameLoad{}}

// TestDirectory_ServersAndInstancesFail_HistoriesAreLinearizable makes gateways take sessions,
// or names, from each other while NATS servers and room services are killed, frozen, cut off
// and slowed down.
func TestDirectory_ServersAndInstancesFail_HistoriesAreLinearizable(t *testing.T) {
	for name, load := range directories {
		t.Run(name, func(t *testing.T) {
			sys := newSystem(t, seed(), shape{nodes: 3, services: 3})
			r := newRegistry(sys, load)
			ctx, stop := context.WithCancel(context.Background())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				r.run(ctx)
			}()
			total := *duration / 3
			sys.inject(ctx, plan(sys.seed, total, append(strings.Split(*maskFlag, ","), "gateway")), new(stats))
			pause(ctx, time.Until(sys.began.Add(total)))
			stop()
			<-ended
			if r.checked.Load() == 0 || r.asked.Load() < 100 {
				t.Errorf("seed %d: got %v, want histories", sys.seed, r)
			}
			t.Logf("seed %d: %d violations; %v", sys.seed, sys.violations(), r)
		})
	}
}

// controlTime is how long correct room services are checked, as a control for those
// that are wrong on purpose, which are caught in about a second.
const controlTime = 15 * time.Second

// TestDirectory_OneServerNoFaults_HistoriesAreLinearizable is the control of the
// next test: the same system without the bug.
func TestDirectory_OneServerNoFaults_HistoriesAreLinearizable(t *testing.T) {
	for name, load := range directories {
		t.Run(name, func(t *testing.T) {
			sys := newSystem(t, seed(), shape{nodes: 1, services: 3})
			r := newRegistry(sys, load)
			ctx, stop := context.WithTimeout(context.Background(), controlTime)
			defer stop()
			r.run(ctx)
			if r.checked.Load() < 5 {
				t.Errorf("seed %d: got %v, want 5 histories", sys.seed, r)
			}
			t.Logf("seed %d: %d violations; %v", sys.seed, sys.violations(), r)
		})
	}
}

// TestDirectory_WritesWithoutRevision_AreFoundOut shows that the checkers of sessions and of
// names can refuse a history: the room services skip the revision check.
func TestDirectory_WritesWithoutRevision_AreFoundOut(t *testing.T) {
	for name, load := range directories {
		t.Run(name, func(t *testing.T) {
			sys := newSystem(t, seed(), shape{nodes: 1, services: 3, fault: "no-revision-check"})
			r := newRegistry(sys, load)
			ctx, stop := context.WithTimeout(context.Background(), catchTime)
			defer stop()
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				r.run(ctx)
			}()
			for ctx.Err() == nil && sys.found() == "" {
				pause(ctx, 100*time.Millisecond)
			}
			stop()
			<-ended
			if sys.found() == "" {
				t.Fatalf("seed %d: got no violation within %v, want one; %v", sys.seed, catchTime, r)
			}
			t.Logf("seed %d: found out after %v: %s", sys.seed, time.Since(sys.began).Round(time.Millisecond), sys.found())
		})
	}
}
