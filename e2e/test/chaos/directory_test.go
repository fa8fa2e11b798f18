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
	takers       = 8                     // gateways that take the same sessions
	sessionsOpen = 3                     // sessions that they take at the same time
	takerPause   = 15 * time.Millisecond // longest pause between two operations of one gateway
	askTimeout   = 12 * time.Second      // without an answer the outcome is unknown
)

// registry makes gateways take sessions from each other and look up their owners,
// and keeps the history of each session.
type registry struct {
	sys      *system
	gateways []proto.GatewayID // number i is gateways[i-1]
	nc       *nats.Conn

	wg      sync.WaitGroup
	checked atomic.Int64 // histories
	asked   atomic.Int64
	unknown atomic.Int64
	outcome sync.Map // of kind and code → *atomic.Int64

	mu   sync.Mutex
	open []*sessionHistory
}

// sessionHistory is the history of one session. A full history is checked.
type sessionHistory struct {
	peer proto.PeerID

	mu       sync.Mutex
	ops      []porcupine.Operation
	unknowns int
	inHand   int
	full     bool // another session replaces it
	closed   bool // closed, and no operation begins any more
}

func newRegistry(sys *system) *registry {
	r := &registry{sys: sys}
	for range takers {
		r.gateways = append(r.gateways, proto.NewGatewayID())
	}
	var err error
	r.nc, err = nats.Connect(strings.Join(sys.direct, ","), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond),
		nats.PingInterval(time.Second), nats.MaxPingsOutstanding(2), nats.ReconnectBufSize(-1))
	if err != nil {
		sys.t.Fatal(err)
	}
	for range sessionsOpen {
		r.open = append(r.open, r.newSessionHistory())
	}
	return r
}

func (r *registry) newSessionHistory() *sessionHistory {
	return &sessionHistory{peer: proto.NewPeerID(r.gateways[rand.N(takers)])}
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
// would end the sessions that they own.
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

// known is what a gateway last learned of a session.
type known struct {
	bus.SessionReply
	taken uint64 // the last epoch in which it took the session
}

// work runs the operations of gateway number n, one after the other.
func (r *registry) work(ctx context.Context, n byte) {
	knows := make(map[*sessionHistory]known)
	for ctx.Err() == nil {
		l, i := r.enter()
		k := knows[l]
		req := bus.SessionRequest{Peer: l.peer, Owner: r.gateways[n-1]}
		kind := bus.SessionTake
		switch rand.N(20) {
		case 0:
			kind, req.Epoch = bus.SessionEnd, k.taken
		case 1, 2, 3, 4:
			kind = bus.SessionGet
		case 5, 6, 7:
			kind, req.Epoch = bus.SessionSync, k.taken
		default:
			req.Epoch, req.Revision = k.Epoch+1, k.Revision // also of sessions that have ended
		}
		call := r.sys.now()
		reply := r.ask(kind, req)
		if reply != nil && reply.Error == nil && kind != bus.SessionSync {
			k.SessionReply = *reply
			if kind == bus.SessionTake && reply.Refused == "" {
				k.taken = reply.Epoch
			}
			knows[l] = k
		}
		if r.record(l, n, kind, &req, reply, call) {
			r.replace(i, l)
			delete(knows, l)
		}
		pause(ctx, rand.N(takerPause))
	}
}

// enter begins an operation on one of the open sessions.
func (r *registry) enter() (*sessionHistory, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := rand.N(len(r.open))
	l := r.open[i]
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inHand++
	return l, i
}

// ask returns the answer, an Error of code Unavailable when the outcome is unknown,
// or nil when no room service received the request.
func (r *registry) ask(kind bus.SessionOperation, req bus.SessionRequest) *bus.SessionReply {
	r.asked.Add(1)
	if kind == bus.SessionSync {
		req.Sessions = []bus.Owned{{Peer: req.Peer, Epoch: req.Epoch}}
		req.Peer, req.Epoch = "", 0
	}
	data, err := json.Marshal(&req)
	if err != nil {
		r.sys.violate("%v", err)
		return nil
	}
	reply := &bus.SessionReply{Error: &proto.Error{Code: proto.Unavailable}}
	msg, err := r.nc.Request(bus.SessionsSubject(kind), data, askTimeout)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return nil
	case err != nil:
		return reply
	}
	reply = new(bus.SessionReply)
	if err := json.Unmarshal(msg.Data, reply); err != nil {
		r.sys.violate("%s: %s: %v", kind, msg.Data, err)
		return nil
	}
	if reply.Error != nil && reply.Error.Code != proto.Unavailable {
		r.sys.violate("%s of %+v: %v", kind, req, reply.Error)
	}
	return reply
}

// record ends an operation, and reports whether the history has become full.
func (r *registry) record(l *sessionHistory, n byte, kind bus.SessionOperation, req *bus.SessionRequest, reply *bus.SessionReply, call int64) (filled bool) {
	now := r.sys.now()
	in := inquiry{kind: kind, owner: n, epoch: req.Epoch, home: l.peer.Home() == req.Owner}
	op := porcupine.Operation{ClientId: int(n), Input: in, Call: call, Return: now}
	l.mu.Lock()
	l.inHand--
	switch {
	case reply == nil:
	case reply.Error != nil:
		r.unknown.Add(1)
		if kind == bus.SessionTake || kind == bus.SessionEnd { // an unknown outcome of the others changes nothing, and shows nothing
			l.unknowns++
			op.ClientId, op.Return, op.Output = 1000+l.unknowns, math.MaxInt64, finding{code: string(unknown)}
			l.ops = append(l.ops, op)
		}
	default:
		out := r.finding(kind, reply)
		count, _ := r.outcome.LoadOrStore(string(kind)+" "+out.code, new(atomic.Int64))
		count.(*atomic.Int64).Add(1)
		op.Output = out
		l.ops = append(l.ops, op)
	}
	filled = !l.full && (len(l.ops) >= maxOps || l.unknowns >= maxUnknown || reply != nil && reply.Ended && rand.N(10) == 0)
	l.full = l.full || filled
	last := l.closed && l.inHand == 0
	l.mu.Unlock()
	if last {
		r.check(l)
	}
	return filled
}

// replace opens another session in place of one whose history is full.
func (r *registry) replace(i int, l *sessionHistory) {
	r.mu.Lock()
	r.open[i] = r.newSessionHistory()
	r.mu.Unlock()
	l.mu.Lock()
	l.closed = true
	last := l.inHand == 0
	l.mu.Unlock()
	if last {
		r.check(l)
	}
}

func (r *registry) finding(kind bus.SessionOperation, reply *bus.SessionReply) finding {
	out := finding{code: string(reply.Refused)}
	entry := reply.SessionEntry
	if kind == bus.SessionSync {
		if len(reply.Sessions) == 0 {
			out.own = true
			return out
		}
		entry = reply.Sessions[0].SessionEntry
	}
	out.shown = owned{owner: byte(slices.Index(r.gateways, entry.Owner) + 1), epoch: entry.Epoch, ended: entry.Ended}
	return out
}

// check checks the history of l; all its operations have ended.
func (r *registry) check(l *sessionHistory) {
	l.mu.Lock()
	ops := l.ops
	l.mu.Unlock()
	r.checked.Add(1)
	result, how := porcupine.CheckOperationsVerbose(directoryModel, ops, checkTime)
	if result == porcupine.Ok {
		return
	}
	r.sys.illegal("history of session %s (%d operations): %s; see %s", l.peer, len(ops), result, r.picture(l, ops, how))
}

// picture writes the history and the checker's picture of it.
func (r *registry) picture(l *sessionHistory, ops []porcupine.Operation, how porcupine.LinearizationInfo) string {
	base := filepath.Join(r.sys.dir, "session-"+string(l.peer))
	if err := porcupine.VisualizePath(directoryModel, how, base+".html"); err != nil {
		r.sys.logf("no picture: %v", err)
	}
	slices.SortStableFunc(ops, func(x, y porcupine.Operation) int { return cmp.Compare(x.Call, y.Call) })
	var b strings.Builder
	for _, op := range ops {
		fmt.Fprintf(&b, "%9.4f to %9.4f  %s\n", float64(op.Call)/1e9, float64(op.Return)/1e9, directoryModel.DescribeOperation(op.Input, op.Output))
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

// TestDirectory_ServersAndInstancesFail_HistoriesAreLinearizable makes gateways take
// sessions from each other while NATS servers and room services are killed, frozen,
// cut off and slowed down.
func TestDirectory_ServersAndInstancesFail_HistoriesAreLinearizable(t *testing.T) {
	sys := newSystem(t, seed(), shape{nodes: 3, services: 3})
	r := newRegistry(sys)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.run(ctx)
	}()
	total := *duration / 2
	sys.inject(ctx, plan(sys.seed, total, append(strings.Split(*maskFlag, ","), "gateway")), new(stats))
	pause(ctx, time.Until(sys.began.Add(total)))
	stop()
	<-ended
	if r.checked.Load() == 0 || r.asked.Load() < 100 {
		t.Errorf("seed %d: the load did nothing: %v", sys.seed, r)
	}
	t.Logf("seed %d: %d violations; %v", sys.seed, sys.violations(), r)
}

// controlTime is how long correct room services are checked, as a control for those
// that are wrong on purpose, which are caught in about a second.
const controlTime = 15 * time.Second

// TestDirectory_OneServerNoFaults_HistoriesAreLinearizable is the control of the
// next test: the same system without the bug.
func TestDirectory_OneServerNoFaults_HistoriesAreLinearizable(t *testing.T) {
	sys := newSystem(t, seed(), shape{nodes: 1, services: 3})
	r := newRegistry(sys)
	ctx, stop := context.WithTimeout(context.Background(), controlTime)
	defer stop()
	r.run(ctx)
	if r.checked.Load() < 5 {
		t.Errorf("seed %d: the load did too little: %v", sys.seed, r)
	}
	t.Logf("seed %d: %d violations; %v", sys.seed, sys.violations(), r)
}

// TestDirectory_WritesWithoutRevision_AreFoundOut shows that the checker of sessions
// can refuse a history: the room services skip the revision check.
func TestDirectory_WritesWithoutRevision_AreFoundOut(t *testing.T) {
	sys := newSystem(t, seed(), shape{nodes: 1, services: 3, fault: "no-revision-check"})
	r := newRegistry(sys)
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
		t.Fatalf("seed %d: not caught within %v; %v", sys.seed, catchTime, r)
	}
	t.Logf("seed %d: found out after %v: %s", sys.seed, time.Since(sys.began).Round(time.Millisecond), sys.found())
}
