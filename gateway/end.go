package gateway

import (
	"context"
	"fmt"
	"time"
)

// How long the parts of an end may take when something hangs.
const (
	drainSlack   = time.Second     // for a drain to notice that its window is over
	endPatience  = 5 * time.Second // for everything after the window, drainSlack included
	lastPatience = time.Second     // for the last lease of a gateway that does not end
)

// Run serves until ctx ends, then drains and returns when everything it started has
// ended. When something hangs it returns an error endPatience after the drain window and
// leaves behind what hangs: the process should exit.
func (g *Gateway) Run(ctx context.Context) error {
	return g.runInTime(ctx, make(chan struct{}))
}

// runInTime is Run that closes ended when all has ended, in time or not.
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
	return fmt.Errorf("still running %v after it was asked to end; exit now, what it still does is lost (%s)", bound, g.hangs())
}

// hangs says for an error what is known of what hangs.
func (g *Gateway) hangs() string {
	if what := g.watchdog.Problem(); what != "" {
		return what
	}
	return "no loop was found to hang"
}

// sayEnded publishes the last lease of a gateway that something keeps from ending, so
// that others need not wait for it.
func (g *Gateway) sayEnded() {
	select {
	case <-g.ready:
	default:
		return // nobody knows it yet
	}
	said := make(chan struct{})
	go func() {
		defer close(said)
		g.publishLease(true)
		_ = g.bus.Flush(lastPatience) // without NATS nobody hears it
	}()
	late := time.NewTimer(lastPatience)
	defer late.Stop()
	select {
	case <-said:
	case <-late.C:
	}
}

// drainInTime drains, and returns when that is done or should have been: a drain waits
// for the locks of sessions, and its log may hang. Then it is left behind, and the error
// says so.
func (g *Gateway) drainInTime() error {
	window, end := context.WithTimeout(context.Background(), g.cfg.DrainWindow)
	defer end()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		g.drain(window)
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
