package single

import (
	"context"
	"errors"
	"fmt"

	"p2pconnector/proto/service"
)

// part is a running service.
type part struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error // after done
}

// instance is the common interface of a gateway and a room service.
type instance interface {
	service.Runner
	Ready() <-chan struct{}
}

// launch runs svc until its stop, regardless of ctx, and returns when it is
// ready. It reports an end without a stop to fail.
func launch(ctx context.Context, name string, svc instance, fail context.CancelCauseFunc) (*part, error) {
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &part{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		err := svc.Run(run)
		switch {
		case err != nil && !errors.Is(err, context.Canceled):
			p.err = fmt.Errorf("%s: %w", name, err)
		case run.Err() == nil:
			p.err = fmt.Errorf("%s: ended by itself", name)
		}
		if p.err != nil {
			fail(p.err)
		}
	}()
	select {
	case <-svc.Ready():
		return p, nil
	case <-ctx.Done():
		err := p.stop()
		if err == nil {
			err = fmt.Errorf("%s: stopped while it started: %w", name, context.Cause(ctx))
		}
		return nil, err
	}
}

// stop ends the service and returns the error of its run.
func (p *part) stop() error {
	p.cancel()
	<-p.done
	return p.err
}
