package gateway

import (
	"context"
	"fmt"
	"time"
)

// How long the parts of a shutdown may take when something hangs.
const (
	drainSlack   = time.Second     // for a drain to notice that its window is over
	endPatience  = 5 * time.Second // for everything after the window, drainSlack included
	lastPatience = time.Second     // for the last lease of a gateway that does not end
)

// Run serves until ctx ends, then drains and returns when everything it started has
// ended. When something hangs, Run leaves it running and returns an error endPatience
// after the drain window: the process should exit.
func (g *Gateway) Run(ctx context.Context) error {
	return g.runInTime(ctx, make(chan struct{}))
}

// runInTime is Run; it also closes ended when everything has ended, in time or not.
func (g *Gateway) runInTime(ctx context.Context, ended chan struct{}) error {
	var result error
	go func() {
		defer close(ended)
		result = g.run(ctx)
	}()
	select {
	case <-ended:
		return result
	case <-ctx.Done():
	}
	bound := g.cfg.DrainWindow + endPatience
	late := time.NewTimer(bound)
	defer late.Stop()
	select {
	case <-ended:
		return result
	case <-late.C:
	}
	g.sayEnded()
	return fmt.Errorf("still running %v after shutdown began; exit now, unfinished work is lost (%s)", bound, g.hangs())
}

// hangs returns, for an error text, which loops hang as far as the watchdog knows.
func (g *Gateway) hangs() string {
	if what := g.loops.watchdog.Problem(); what != "" {
		return what
	}
	return "the watchdog found no hung loop"
}

// sayEnded publishes the last lease of a gateway that cannot end because something hangs,
// so that other gateways need not wait for it.
func (g *Gateway) sayEnded() {
	select {
	case <-g.ready:
	default:
		return // other gateways do not know this gateway yet
	}
	said := make(chan struct{})
	go func() {
		defer close(said)
		g.heartbeat.Publish(true)
		_ = g.bus.Flush(lastPatience) // without NATS nobody receives it
	}()
	late := time.NewTimer(lastPatience)
	defer late.Stop()
	select {
	case <-said:
	case <-late.C:
	}
}

// drainInTime drains, and returns when the drain is done or its time is over. A drain can
// hang, because it waits for the locks of sessions and because its log may block. Then
// drainInTime leaves it running and returns an error.
func (g *Gateway) drainInTime() error {
	window, end := context.WithTimeout(context.Background(), g.cfg.DrainWindow)
	defer end()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		g.drain.Run(window)
	}()
	late := time.NewTimer(g.cfg.DrainWindow + drainSlack)
	defer late.Stop()
	select {
	case <-drained:
		return nil
	case <-late.C:
		return fmt.Errorf("the drain hangs; exit now, sessions that have not moved are lost (%s)", g.hangs())
	}
}
