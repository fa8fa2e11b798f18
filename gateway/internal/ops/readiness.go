package ops

import (
	"context"

	"p2pconnector/proto"
)

// roomsUnanswered is the problem that Missing lists when the room service does not answer.
const roomsUnanswered = "the room service does not answer"

// Readiness determines what keeps the gateway from being ready. Its functions must be safe
// for concurrent calls; then its method is too.
type Readiness struct {
	// Hung returns the names of the loops that hang, or "" when none does.
	Hung func() string
	// Draining reports whether the gateway sends its clients to other gateways.
	Draining func() bool
	// Connected reports whether the gateway is connected to NATS.
	Connected func() bool
	// AskRooms asks the room service whether rooms can be changed, and calls answer once:
	// with the error in the service's answer, if any, or with err when it does not answer.
	AskRooms func(answer func(refused *proto.Error, err error))
	// Ready is closed when the gateway serves clients.
	Ready <-chan struct{}
}

// Missing lists what keeps the gateway from being ready. It waits for the room service
// until ctx ends.
func (r *Readiness) Missing(ctx context.Context) (what []string) {
	if hung := r.Hung(); hung != "" {
		return append(what, hung) // the checks below may need a lock that the loop holds
	}
	if r.Draining() {
		what = append(what, "draining")
	}
	if !r.Connected() {
		return append(what, "no connection to NATS")
	}
	if problem := r.rooms(ctx); problem != "" {
		what = append(what, problem)
	}
	select {
	case <-r.Ready:
	default:
		if len(what) == 0 {
			what = append(what, "starting")
		}
	}
	return what
}

// rooms returns what is wrong with the room service, or "" when it works.
func (r *Readiness) rooms(ctx context.Context) string {
	answered := make(chan string, 1)
	r.AskRooms(func(refused *proto.Error, err error) {
		switch {
		case err != nil:
			answered <- roomsUnanswered
		case refused != nil:
			answered <- "the room service answers: " + refused.Message
		default:
			answered <- ""
		}
	})
	select {
	case problem := <-answered:
		return problem
	case <-ctx.Done():
		return roomsUnanswered
	}
}
