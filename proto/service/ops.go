package service

import (
	"cmp"
	"context"
	"errors"
	"flag"
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

// DefaultOpsListen is the default address for operators. Only this machine can reach
// it.
const DefaultOpsListen = "127.0.0.1:9090"

// OpsOff is the value of Ops.Listen that opens no address.
const OpsOff = "off"

// ReadyTimeout bounds how long a check for readiness may take.
const ReadyTimeout = time.Second

// Ops holds the settings of the server for operators.
type Ops struct {
	Listen string // host:port for metrics and health; "" and "off" open none
	Pprof  bool   // serves profiles on Listen too
}

// Flags binds the settings to fs. A program serves operators by default, so the flag's
// default is DefaultOpsListen where Listen is empty.
func (o *Ops) Flags(fs *flag.FlagSet) {
	fs.StringVar(&o.Listen, "ops-listen", cmp.Or(o.Listen, DefaultOpsListen), "`host:port` for metrics and health checks; off for none")
	fs.BoolVar(&o.Pprof, "ops-pprof", o.Pprof, "serve Go profiles on ops-listen")
}

// off reports whether no address is to be opened.
func (o Ops) off() bool { return o.Listen == "" || o.Listen == OpsOff }

// Check returns an error about a setting that cannot work, by the name of the
// flag.
func (o Ops) Check() error {
	if o.off() {
		return nil
	}
	return CheckAddress("ops-listen", o.Listen)
}

// OpsHandlers holds what the server for operators calls in its service. All its members
// must be safe for concurrent use.
type OpsHandlers struct {
	// Metrics serves /metrics.
	Metrics http.Handler
	// Hangs returns the name of what hangs, so that the process should be restarted,
	// or "" when nothing does. Nil means that nothing ever hangs. It serves /livez.
	Hangs func() string
	// Missing lists what keeps the service from being ready. Its context ends
	// after ReadyTimeout. It serves /readyz.
	Missing func(context.Context) []string
	// Notes lists what an operator should know although the service is ready. Nil means
	// nothing. /readyz?verbose shows them, one a line.
	Notes func() []string
}

// OpsServer serves operators on an address of its own. A nil OpsServer serves none. Its
// methods may be called by any goroutine.
type OpsServer struct {
	srv  *http.Server
	addr string
	done chan struct{}
}

// Serve starts to serve operators, or returns nil when o opens no address. When the
// default address is in use, by another instance on this machine, Serve logs a warning and
// returns nil too: the settings did not ask for that address.
func (o Ops) Serve(log *slog.Logger, h OpsHandlers) (*OpsServer, error) {
	if o.off() {
		return nil, nil
	}
	ln, err := net.Listen("tcp", o.Listen)
	if errors.Is(err, syscall.EADDRINUSE) && o.Listen == DefaultOpsListen {
		log.Warn("no metrics and no health checks: another program uses their address; choose one with ops-listen", "addr", o.Listen)
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ops-listen: %w", err)
	}
	s := &OpsServer{addr: ln.Addr().String(), done: make(chan struct{}), srv: &http.Server{
		Handler: h.mux(o.Pprof), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
	log.Info("serving operators", "addr", s.addr, "pprof", o.Pprof)
	go func() {
		defer close(s.done)
		if err := s.srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			log.Error("server for operators failed", "err", err)
		}
	}()
	return s, nil
}

// Addr returns the host:port that operators are served on, or "".
func (s *OpsServer) Addr() string {
	if s == nil {
		return ""
	}
	return s.addr
}

// Close ends s, after the requests that it is answering or 2 s, whichever is first.
func (s *OpsServer) Close() {
	if s == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*ReadyTimeout)
	defer cancel()
	if s.srv.Shutdown(ctx) != nil {
		s.srv.Close()
	}
	<-s.done
}

func (h *OpsHandlers) mux(profiles bool) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", h.Metrics)
	mux.HandleFunc("GET /livez", h.livez)
	mux.HandleFunc("GET /readyz", h.readyz)
	if profiles {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux
}

func (h *OpsHandlers) livez(w http.ResponseWriter, _ *http.Request) {
	hangs := ""
	if h.Hangs != nil {
		hangs = h.Hangs()
	}
	answer(w, "ok", hangs)
}

func (h *OpsHandlers) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), ReadyTimeout)
	defer cancel()
	problem := ""
	if missing := h.Missing(ctx); len(missing) > 0 {
		problem = "not ready: " + strings.Join(missing, "; ")
	}
	notes := ""
	if r.URL.Query().Has("verbose") && h.Notes != nil {
		for _, note := range h.Notes() {
			notes += "\n" + note
		}
	}
	if problem != "" {
		problem += notes
	}
	answer(w, "ready"+notes, problem)
}

// answer sends well with status 200, or the problem with status 503.
func answer(w http.ResponseWriter, well, problem string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if problem != "" {
		w.WriteHeader(http.StatusServiceUnavailable)
		well = problem
	}
	io.WriteString(w, well+"\n")
}
