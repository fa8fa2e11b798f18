package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"p2pconnector/e2e/cmd/bench/internal/stats"
	"p2pconnector/e2e/kit/load"
)

const (
	trackerSwarms = 16
	trackerPeers  = 8 // of a swarm
	trackerOffers = 5 // of an announce, as clients make
	trackerOffer  = 1500
	// trackerPackage is the measured version.
	trackerPackage = "bittorrent-tracker@11.2.3"
)

// trackerGateways are the numbers of gateways that the row measures. The server of
// bittorrent-tracker is one process.
var trackerGateways = []int{1, 2}

func trackerSteps(b *bench) int {
	n := 0
	for _, gateways := range trackerGateways {
		if b.wantsCase(scalingCase(gateways)) {
			n++
		}
	}
	if n > 0 && b.wantsSystem(npmTracker) {
		n++
	}
	return n * b.opt.rounds
}

// trackerRow measures announces at full speed: each connection announces again when it has its
// reply. The systems take turns.
func trackerRow(ctx context.Context, b *bench) error {
	var all []*trackerLoad
	defer func() {
		for _, l := range all {
			l.fleet.close()
			l.fleet.sys.stop()
		}
	}()
	for _, n := range trackerGateways {
		starters := []starter{{ours, func(ctx context.Context) (*system, error) {
			s, err := b.startOurs(ctx, layout{gateways: n, rooms: 1})
			if err == nil {
				s.target, s.hello = func(int) string { return "/announce" }, nil
			}
			return s, err
		}}}
		if n == 1 {
			starters = append(starters, starter{npmTracker, b.startTracker})
		}
		if !b.wantsCase(scalingCase(n)) {
			continue
		}
		systems, err := b.startAll(ctx, "tracker", starters...)
		if err != nil {
			return err
		}
		for i, s := range systems {
			f, err := connect(ctx, s, trackerSwarms*trackerPeers, 64<<10)
			if err != nil {
				stopAll(systems[i:])
				return err
			}
			all = append(all, newTrackerLoad(f, scalingCase(n)))
		}
	}
	for round := range b.opt.rounds {
		for _, l := range all {
			b.show.step("tracker", l.kase, l.fleet.sys.name, round)
			if err := l.measure(ctx, b); err != nil {
				return fmt.Errorf("%s, %s: %w", l.kase, l.fleet.sys.name, err)
			}
		}
	}
	return nil
}

// trackerScript runs the server without the package's program, which also loads the client,
// which needs a native library.
const trackerScript = `const { default: Server } = await import(process.argv[1]);
new Server({ http: false, udp: false, ws: true, stats: false }).listen(Number(process.argv[2]), process.argv[3]);`

// startTracker runs the server of bittorrent-tracker.
func (b *bench) startTracker(ctx context.Context) (*system, error) {
	program, err := b.npxPath(ctx, trackerPackage, "bittorrent-tracker")
	if err != nil {
		return nil, err
	}
	module := filepath.Join(filepath.Dir(program), "..", "server.js")
	s, p, err := b.launchNode(npmTracker, npmTracker, func(host, port string) []string {
		return []string{"--input-type=module", "-e", trackerScript, module, port, host}
	})
	if err != nil {
		return nil, err
	}
	s.target = func(int) string { return "/announce" }
	if err := s.answers(ctx, p, 0); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// trackerLoad announces for the connections of a fleet.
type trackerLoad struct {
	fleet  *fleet
	kase   string
	frames [][]byte // by connection
	on     atomic.Bool
	sent   []atomic.Int64         // when, by connection
	count  atomic.Uint64          // replies
	offers atomic.Uint64          // that members got
	odd    atomic.Pointer[string] // an unexpected frame
	hist   atomic.Pointer[stats.Hist]
}

func newTrackerLoad(f *fleet, kase string) *trackerLoad {
	l := &trackerLoad{fleet: f, kase: kase, sent: make([]atomic.Int64, len(f.conns))}
	l.hist.Store(new(stats.Hist))
	sdp := strings.Repeat(`a=candidate:1 1 udp 2113937151 192.0.2.1 54400 typ host\r\n`, trackerOffer/57)
	var offers []string
	for i := range trackerOffers {
		offers = append(offers, fmt.Sprintf(`{"offer":{"type":"offer","sdp":"v=0\r\n%s"},"offer_id":"offer-%014d"}`, sdp, i))
	}
	for i := range f.conns {
		l.frames = append(l.frames, load.AppendFrame(nil, load.OpText, fmt.Appendf(nil,
			`{"numwant":5,"uploaded":0,"downloaded":0,"left":1000,"event":"update","action":"announce","info_hash":"swarm-%014d","peer_id":"-WW0208-%012d","offers":[%s]}`,
			i%trackerSwarms, i, strings.Join(offers, ","))))
	}
	return l
}

// Frame implements load.Sink.
func (l *trackerLoad) Frame(c *load.Conn, now int64, payload []byte) {
	switch {
	case bytes.HasPrefix(payload, []byte(`{"action":"announce","offer":`)):
		l.offers.Add(1)
	case bytes.HasPrefix(payload, []byte(`{"complete":`)):
		l.hist.Load().Add(time.Duration(now - l.sent[c.At].Load()))
		l.count.Add(1)
		if l.on.Load() {
			_ = l.announce(c) // the end of the measurement finds a broken connection
		}
	default:
		text := fmt.Sprintf("%.300s", payload)
		l.odd.Store(&text)
	}
}

// Batch implements load.Sink.
func (l *trackerLoad) Batch(*load.Conn) {}

func (l *trackerLoad) announce(c *load.Conn) error {
	l.sent[c.At].Store(load.Clock())
	return c.Write(l.frames[c.At])
}

func (l *trackerLoad) measure(ctx context.Context, b *bench) error {
	l.fleet.feed(l)
	l.on.Store(true)
	for _, c := range l.fleet.conns {
		if err := l.announce(c); err != nil {
			return err
		}
	}
	if err := pause(ctx, b.opt.warm); err != nil {
		return err
	}
	times := new(stats.Hist)
	l.hist.Store(times)
	n, offers := l.count.Load(), l.offers.Load()
	u, err := b.watch(l.fleet.sys.procs, func() error { return pause(ctx, b.opt.window) })
	n, offers = l.count.Load()-n, l.offers.Load()-offers
	l.on.Store(false)
	if err != nil {
		return err
	}
	if err := pause(ctx, 200*time.Millisecond); err != nil { // the last ones arrive
		return err
	}
	l.fleet.feed(nil)
	if err := l.fleet.broken(); err != nil {
		return err
	}
	if odd := l.odd.Load(); odd != nil {
		b.book.note("tracker", fmt.Sprintf("%s, %s: %v", l.kase, l.fleet.sys.name, oddFrame(*odd)))
	}
	if n == 0 {
		return fmt.Errorf("no announce was answered")
	}
	name := l.fleet.sys.name
	b.book.add("tracker", l.kase, name, "rate", perSecond, float64(n)/u.wall.Seconds())
	b.book.add("tracker", l.kase, name, "cpu", microsec, perItem(u.servers, n))
	b.book.add("tracker", l.kase, name, "of it NATS", microsec, perItem(u.bus, n))
	b.book.add("tracker", l.kase, name, "offers each", count, float64(offers)/float64(n))
	b.book.add("tracker", l.kase, name, "p50", microsec, micros(times.Quantile(0.5)))
	b.book.add("tracker", l.kase, name, "load cpu", microsec, perItem(u.load, n))
	return nil
}
