package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"p2pconnector/e2e/kit/raw"
	"p2pconnector/proto"
)

// pairPause is the time between two frames of the control pair, well below what
// a client may send.
const pairPause = 10 * time.Millisecond

// pair is two well-behaved peers; one sends, the other receives.
type pair struct {
	from, to *raw.Conn
	toID     proto.PeerID
	wg       sync.WaitGroup

	mu   sync.Mutex
	sent []time.Time     // by number
	took []time.Duration // by number, for those that arrived; 0: not yet
	got  int
	err  error         // why a connection ended, or an unexpected frame
	came chan struct{} // something has changed
}

// newPair connects two peers.
func newPair(ctx context.Context, srv *server) (*pair, error) {
	p := &pair{came: make(chan struct{}, 1)}
	var err error
	if p.from, _, err = connect(ctx, srv, "203.0.113.1"); err != nil {
		return nil, err
	}
	if p.to, p.toID, err = connect(ctx, srv, "203.0.113.2"); err != nil {
		p.from.Close()
		return nil, err
	}
	p.wg.Go(func() { p.read(p.from, false) })
	p.wg.Go(func() { p.read(p.to, true) })
	return p, nil
}

// connect dials as a well-behaved peer, behind a proxy that states its address.
func connect(ctx context.Context, srv *server, address string) (*raw.Conn, proto.PeerID, error) {
	token, err := srv.token("control")
	if err != nil {
		return nil, "", err
	}
	c, _, err := raw.Dial(ctx, srv.addr, "/", http.Header{"Authorization": {"Bearer " + token}, "X-Forwarded-For": {address}})
	if err != nil {
		return nil, "", err
	}
	b, err := c.Next()
	var f struct {
		Data proto.Details `json:"data"`
	}
	if err == nil {
		err = json.Unmarshal(b, &f)
	}
	if err != nil {
		c.Close()
		return nil, "", err
	}
	return c, f.Data.ID, nil
}

func (p *pair) read(c *raw.Conn, receives bool) {
	for {
		b, err := c.Next()
		var f struct {
			Event string `json:"event"`
			ID    int    `json:"id"`
		}
		if err == nil {
			err = json.Unmarshal(b, &f)
		}
		if err == nil && (!receives || f.Event != string(proto.Message)) {
			err = fmt.Errorf("unexpected: %.200s", b)
		}
		p.note(f.ID, err)
		if err != nil {
			return
		}
	}
}

func (p *pair) note(n int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err != nil:
		p.err = errors.Join(p.err, err)
	case n != p.got:
		p.err = errors.Join(p.err, fmt.Errorf("frame %d came, %d was expected", n, p.got))
	default:
		p.took = append(p.took, time.Since(p.sent[n]))
		p.got++
	}
	select {
	case p.came <- struct{}{}:
	default:
	}
}

// talk sends frames for a time, waits for the last of them, and returns how long
// each took.
func (p *pair) talk(ctx context.Context, d time.Duration) (latencies, error) {
	tick := time.NewTicker(pairPause)
	defer tick.Stop()
	p.mu.Lock()
	first := len(p.sent)
	p.mu.Unlock()
	for end := time.Now().Add(d); time.Now().Before(end); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		p.mu.Lock()
		n := len(p.sent)
		p.sent = append(p.sent, time.Now())
		p.mu.Unlock()
		frame := fmt.Appendf(nil, `{"event":"Message","to":%q,"id":%d,"data":{"text":"control"}}`, p.toID, n)
		if _, err := p.from.Write(raw.Encode(raw.Fin|raw.Text, frame)); err != nil {
			return nil, err
		}
	}
	return p.collect(ctx, first)
}

// lossTime is how long the last frames may take before they count as lost.
const lossTime = 30 * time.Second

func (p *pair) collect(ctx context.Context, first int) (latencies, error) {
	late := time.NewTimer(lossTime)
	defer late.Stop()
	for {
		p.mu.Lock()
		if p.err != nil || p.got == len(p.sent) {
			took := latencies(slices.Clone(p.took[min(first, len(p.took)):]))
			err := p.err
			p.mu.Unlock()
			slices.Sort(took)
			return took, err
		}
		p.mu.Unlock()
		select {
		case <-p.came:
		case <-late.C:
			return nil, fmt.Errorf("control frames are lost: %d were sent, %d came", len(p.sent), p.got)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (p *pair) close() {
	p.from.Close()
	p.to.Close()
	p.wg.Wait()
}

// latencies is sorted.
type latencies []time.Duration

// at returns the quantile q, from 0 to 1.
func (l latencies) at(q float64) time.Duration {
	if len(l) == 0 {
		return 0
	}
	return l[int(q*float64(len(l)-1))]
}
