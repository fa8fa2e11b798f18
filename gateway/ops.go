package gateway

import (
	"context"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/service"
)

// startOps starts to serve operators, where the settings say so.
func (g *Gateway) startOps() (*service.OpsServer, error) {
	ops, err := g.cfg.Ops.Serve(g.log, service.OpsHandlers{
		Metrics: g.metricsHandler(), Hangs: g.watchdog.complaint, Missing: g.missing,
	})
	g.operators.Store(ops)
	return ops, err
}

// OpsAddr returns the host:port that operators are served on, or "". It may be
// called after Ready.
func (g *Gateway) OpsAddr() string { return g.operators.Load().Addr() }

// roomsSilent is what is missing when the room service does not answer.
const roomsSilent = "the room service does not answer"

// missing lists what keeps the gateway from being ready. It waits for the room service
// until ctx ends.
func (g *Gateway) missing(ctx context.Context) (what []string) {
	if hung := g.watchdog.complaint(); hung != "" {
		return append(what, hung) // what follows may need what the loop holds
	}
	if g.draining.Load() {
		what = append(what, "draining")
	}
	if !g.nc.IsConnected() {
		return append(what, "no connection to NATS")
	}
	// A sync of no rooms changes nothing and reads nothing: it asks whether rooms can
	// be changed.
	answered := make(chan string, 1)
	g.requests.Send(time.Now().Add(service.ReadyTimeout), proto.OpSync, &proto.Request{}, func(r *proto.Reply, err error) {
		switch {
		case err != nil:
			answered <- roomsSilent
		case r.Error != nil:
			answered <- "the room service says: " + r.Error.Message
		default:
			answered <- ""
		}
	})
	rooms := roomsSilent
	select {
	case rooms = <-answered:
	case <-ctx.Done():
	}
	if rooms != "" {
		what = append(what, rooms)
	}
	select {
	case <-g.ready:
	default:
		if len(what) == 0 {
			what = append(what, "starting")
		}
	}
	return what
}
