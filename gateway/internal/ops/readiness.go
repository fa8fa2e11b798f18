package ops

import (
	"context"

	"p2pconnector/proto"
)

// roomsSilent is what is missing when the room service does not answer.
const roomsSilent = "the room service does not answer"

// Readiness knows what keeps the gateway from being ready. Its functions may be called
// concurrently, and so may its method.
type Readiness struct {
	// Hung names the loops that hang; "" when none does.
	Hung func() string
	// Draining reports whether the gateway sends its clients elsewhere.
	Draining func() bool
	// Connected reports whether the connection to NATS stands.
	Connected func() bool
	// AskRooms asks the room service whether rooms can be changed, and calls answer once:
	// with the error that the service answers, if any, or with err when it does not answer.
	AskRooms func(answer func(refused *proto.Error, err error))
	// Ready is closed when the gateway serves clients.
	Ready <-chan struct{}
}

// Missing lists what keeps the gateway from being ready. It waits for the room service
// until ctx ends.
func (r *Readiness) Missing(ctx context.Context) (what []string) {
	if hung := r.Hung(); hung != "" {
		return append(what, hung) // what follows may need what the loop holds
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

// rooms says what is wrong with the room service, or "".
func (r *Readiness) rooms(ctx context.Context) string {
	answered := make(chan string, 1)
	r.AskRooms(func(refused *proto.Error, err error) {
		switch {
		case err != nil:
			answered <- roomsSilent
		case refused != nil:
			answered <- "the room service says: " + refused.Message
		default:
			answered <- ""
		}
	})
	select {
	case problem := <-answered:
		return problem
	case <-ctx.Done():
		return roomsSilent
	}
}
