package roomsvc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"syscall"
	"time"
)

// DefaultOpsListen is where a room service shows its metrics and its health unless it
// is told otherwise: to this machine alone.
const DefaultOpsListen = "127.0.0.1:9090"

// opsOff is the flag's word for no such address.
const opsOff = "off"

// reachTimeout bounds how long /readyz waits for JetStream.
const reachTimeout = time.Second

// opsServer answers operators on an address of their own.
type opsServer struct {
	srv  *http.Server
	done chan struct{}
}

// startOps begins to answer operators; nil when there is no address for it.
// When the default address is taken, by another instance on this machine, the
// service goes on without: nobody asked for it.
func (s *Service) startOps() (*opsServer, error) {
	addr := s.cfg.OpsListen
	if addr == "" || addr == opsOff {
		return nil, nil
	}
	ln, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) && addr == DefaultOpsListen {
		s.cfg.Logger.Warn("no metrics and no health checks: another program has their address; choose one with ops-listen", "addr", addr)
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ops-listen: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metricsHandler())
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", s.readyz)
	if s.cfg.OpsPprof {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	o := &opsServer{done: make(chan struct{}), srv: &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelDebug),
	}}
	s.opsAddr.Store(new(ln.Addr().String()))
	s.cfg.Logger.Info("operators are served", "addr", ln.Addr().String(), "pprof", s.cfg.OpsPprof)
	go func() {
		defer close(o.done)
		if err := o.srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			s.cfg.Logger.Error("operators are served no more", "err", err)
		}
	}()
	return o, nil
}

// close ends o, what it answers at this moment included.
func (o *opsServer) close() {
	if o == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*reachTimeout)
	defer cancel()
	if o.srv.Shutdown(ctx) != nil {
		o.srv.Close()
	}
	<-o.done
}

// OpsAddr returns the host:port that operators are served on, or "". It may be
// called after Ready.
func (s *Service) OpsAddr() string {
	if a := s.opsAddr.Load(); a != nil {
		return *a
	}
	return ""
}

// readyz says whether requests are answered, and what is missing.
func (s *Service) readyz(w http.ResponseWriter, r *http.Request) {
	missing := s.missing(r.Context())
	if len(missing) == 0 {
		io.WriteString(w, "ready\n")
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusServiceUnavailable)
	io.WriteString(w, "not ready: "+strings.Join(missing, "; ")+"\n")
}

// missing lists what keeps the service from being ready.
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
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	if _, err := s.rooms.read(ctx, barrierKey); err != nil {
		what = append(what, "JetStream does not answer")
	}
	return what
}
