package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"p2pconnector/e2e/kit/load"
)

// probePause is the time between two frames of an honest pair.
const probePause = 20 * time.Millisecond

// lateTime is how long the last frames of an honest pair may take before they count as
// lost.
const lateTime = 10 * time.Second

// probe is an honest pair: one sends small frames to the other, all the time.
type probe struct {
	from, to *client

	mu      sync.Mutex
	sent    []time.Time     // by number
	took    []time.Duration // by number; 0: it has not arrived
	settled int             // frames that arrived, or whose sender got an error
	refused int             // frames whose sender got an error
}

// listen hands the frames of both connections to the probe.
func (p *probe) listen() {
	p.from.Feed(p)
	p.to.Feed(p)
}

// maxProbe is longer than a frame of a probe, or an error about one, in bytes.
const maxProbe = 600

// Frame implements load.Sink.
func (p *probe) Frame(c *load.Conn, _ int64, payload []byte) {
	if len(payload) > maxProbe {
		return
	}
	var f struct {
		Type string `json:"type"`
		ID   *int   `json:"id"`
	}
	if json.Unmarshal(payload, &f) != nil || f.ID == nil {
		return // not about a frame of the pair
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch n := *f.ID; {
	case n >= len(p.sent) || p.took[n] != 0:
	case c == p.to.Conn:
		p.took[n] = max(time.Since(p.sent[n]), 1)
		p.settled++
	case f.Type == "error":
		p.settled++
		p.refused++
	}
}

// Batch implements load.Sink.
func (p *probe) Batch(*load.Conn) {}

// talk sends frames until ctx ends, or the sender's connection.
func (p *probe) talk(ctx context.Context) {
	tick := time.NewTicker(probePause)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		p.mu.Lock()
		n := len(p.sent)
		p.sent, p.took = append(p.sent, time.Now()), append(p.took, 0)
		p.mu.Unlock()
		frame := fmt.Appendf(nil, `{"event":"Message","to":%q,"id":%d,"data":"probe"}`, p.to.details.ID, n)
		if p.from.Write(load.AppendFrame(nil, load.OpText, frame)) != nil {
			return // the frame counts as lost
		}
	}
}

// felt is what an honest pair had of a part of a trial.
type felt struct {
	took    latencies // of the frames that arrived
	lost    int       // neither delivered nor refused
	refused int
}

// settle waits for the last frames. It returns how the frames from number first on fared,
// and the times of those before.
func (p *probe) settle(ctx context.Context, first int) (before latencies, f felt) {
	for end := time.Now().Add(lateTime); time.Now().Before(end); {
		p.mu.Lock()
		done := p.settled == len(p.sent)
		p.mu.Unlock()
		if done || wait(ctx, probePause) != nil {
			break
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	f.refused, f.lost = p.refused, len(p.sent)-p.settled
	f.took = arrived(p.took[first:])
	return arrived(p.took[:first]), f
}

// arrived returns the times of the frames that have arrived, sorted.
func arrived(took []time.Duration) (l latencies) {
	for _, d := range took {
		if d > 0 {
			l = append(l, d)
		}
	}
	slices.Sort(l)
	return l
}

// count returns the number of frames sent so far.
func (p *probe) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.sent)
}
