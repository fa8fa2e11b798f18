package roomsvc

import (
	"context"

	"p2pconnector/proto/service"
	"p2pconnector/roomsvc/internal/metrics"
)

// startOps starts to serve operators, where the settings say so.
func (s *Service) startOps() (*service.OpsServer, error) {
	ops, err := s.cfg.Ops.Serve(s.cfg.Logger, service.OpsHandlers{Metrics: metrics.Handler(s.metrics, s.snapshot), Missing: s.missing, Notes: s.shared.Notes})
	s.ops.Store(ops)
	return ops, err
}

// OpsAddr returns the host:port that operators are served on, or "". It may be
// called after Ready.
func (s *Service) OpsAddr() string { return s.ops.Load().Addr() }

// missing lists what keeps the service from being ready. It waits for JetStream until
// ctx ends.
func (s *Service) missing(ctx context.Context) (what []string) {
	if s.ending.Load() {
		what = append(what, "ending")
	}
	if !s.nc.IsConnected() {
		return append(what, "no connection to NATS")
	}
	select {
	case <-s.ready:
	default:
		return append(what, "waiting for JetStream")
	}
	if err := s.roomStore.Ping(ctx); err != nil {
		what = append(what, "JetStream does not answer")
	}
	if err := s.buckets.Down(); err != nil {
		what = append(what, "rooms cannot be changed "+err.Error())
	}
	return what
}
