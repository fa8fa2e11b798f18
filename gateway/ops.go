package gateway

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

	"p2pconnector/proto"
)

// DefaultOpsListen is where a gateway shows its metrics and its health unless it
// is told otherwise: to this machine alone.
const DefaultOpsListen = "127.0.0.1:9090"

// opsOff is the flag's word for no such address.
const opsOff = "off"

// reachTimeout bounds how long /readyz waits for the room service.
const reachTimeout = time.Second

// opsServer answers operators on an address of their own.
type opsServer struct {
	srv  *http.Server
	done chan struct{}
}

// startOps begins to answer operators; nil when there is no address for it.
// When the default address is taken, by another instance on this machine, the
// gateway goes on without: nobody asked for it.
func (g *Gateway) startOps() (*opsServer, error) {
	addr := g.cfg.OpsListen
	if addr == "" || addr == opsOff {
		return nil, nil
	}
	ln, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) && addr == DefaultOpsListen {
		g.log.Warn("no metrics and no health checks: another program has their address; choose one with ops-listen", "addr", addr)
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ops-listen: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", g.metricsHandler())
	mux.HandleFunc("GET /livez", g.livez)
	mux.HandleFunc("GET /readyz", g.readyz)
	if g.cfg.OpsPprof {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	o := &opsServer{done: make(chan struct{}), srv: &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
	}}
	g.opsAddr.Store(new(ln.Addr().String()))
	g.log.Info("operators are served", "addr", ln.Addr().String(), "pprof", g.cfg.OpsPprof)
	go func() {
		defer close(o.done)
		if err := o.srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			g.log.Error("operators are served no more", "err", err)
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
func (g *Gateway) OpsAddr() string {
	if a := g.opsAddr.Load(); a != nil {
		return *a
	}
	return ""
}

// stuckAfter is how long a message may be handled before only a restart helps.
const stuckAfter = 30 * time.Second

// livez says whether the process is worth keeping. It is not when messages wait
// behind one that never ends.
func (g *Gateway) livez(w http.ResponseWriter, _ *http.Request) {
	if since := time.Duration(g.coarse.Load() - g.handledAt.Load()); len(g.inbox) > 0 && since > stuckAfter {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintf(w, "stuck: a message from NATS is being handled for %v\n", since.Round(time.Second))
		return
	}
	io.WriteString(w, "ok\n")
}

// readyz says whether clients should be sent here, and what is missing.
func (g *Gateway) readyz(w http.ResponseWriter, _ *http.Request) {
	missing := g.missing()
	if len(missing) == 0 {
		io.WriteString(w, "ready\n")
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusServiceUnavailable)
	io.WriteString(w, "not ready: "+strings.Join(missing, "; ")+"\n")
}

// missing lists what keeps the gateway from being ready.
func (g *Gateway) missing() (what []string) {
	if g.draining.Load() {
		what = append(what, "draining")
	}
	if !g.nc.IsConnected() {
		return append(what, "no connection to NATS")
	}
	// A sync of no rooms changes nothing and reads nothing.
	answered := make(chan bool, 1)
	g.requests.sendBefore(time.Now().Add(reachTimeout), proto.OpSync, &proto.Request{}, func(r *proto.Reply, err error) {
		answered <- err == nil && r.Error == nil
	})
	late := time.NewTimer(reachTimeout)
	defer late.Stop()
	ok := false
	select {
	case ok = <-answered:
	case <-late.C:
	}
	if !ok {
		what = append(what, "the room service does not answer")
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
