package handshake

import (
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"p2pconnector/gateway/internal/admission"
	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/proto"
)

// Config says how handshakes are answered. All functions may be called concurrently.
type Config struct {
	Admission *admission.Controller
	Sockets   *socket.Server
	// Pages answers requests that are not handshakes.
	Pages http.Handler
	// Verify checks an access token; nil means that clients need none.
	Verify func(token string) (*auth.Access, error)
	// Dialects are the client protocols besides the gateway's own.
	Dialects []dialect.Dialect
	// Closed returns why the gateway accepts no clients now and what a client can do, or ""
	// when it accepts clients.
	Closed func() string
	// Open starts a connection that was accepted. It returns false when the gateway is
	// ending: then the Handler closes the connection and gives its place back.
	Open func(Accepted) bool
	// ErrorFrame encodes an error for a client.
	ErrorFrame func(*proto.Error) []byte

	MaxRefused  int // WebSockets that are open only until their page has read why it was refused; 0: socket.DefaultRefused
	Handshakes  *metrics.Handshakes
	Connections *metrics.Connections
	Logger      *slog.Logger
}

// Accepted is a WebSocket whose client may connect.
type Accepted struct {
	Conn       *socket.Conn
	Addr       netip.Addr     // that the connection counts for, as admission.Controller's ClientAddr
	Access     *auth.Access   // nil: everything is allowed
	Delta      bool           // the client asked for changes in place of full lists
	AcceptFrom *proto.Senders // whose frames the client accepts; nil: it does not say
	Leave      func()         // gives the place among all connections back; call it once

	Dialect dialect.Dialect // of the client; nil: the gateway's own protocol
	Request *http.Request   // with Dialect: the handshake, valid until Open returns
}

// Handler answers requests of clients. Its methods may be called concurrently.
type Handler struct {
	cfg     Config
	refused *socket.Refusals
	held    *socket.Refusals // clients of dialects that would connect again at once
	misfit  sync.Once        // logs the first client whose version of the protocol is not spoken here
}

// New returns a Handler.
func New(cfg Config) *Handler {
	if cfg.MaxRefused == 0 {
		cfg.MaxRefused = socket.DefaultRefused
	}
	return &Handler{cfg: cfg, refused: socket.NewRefusals(cfg.MaxRefused), held: socket.NewHolds(cfg.MaxRefused)}
}

// Refused returns the number of WebSockets that are open only until their page has read why
// it was refused.
func (h *Handler) Refused() int { return h.refused.Len() }

// Held returns the number of WebSockets that are open only to delay their clients' next
// handshake.
func (h *Handler) Held() int { return h.held.Len() }

// Shutdown closes the WebSockets that Refused and Held count, accepts no others, and returns
// when all of them have ended.
func (h *Handler) Shutdown() {
	h.refused.Shutdown()
	h.held.Shutdown()
}

// ServeHTTP answers WebSocket handshakes on / and /ws and on the paths of dialects, and
// serves pages otherwise. It refuses requests to hosts that are not allowed.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	socket := r.URL.Path == "/" || r.URL.Path == "/ws"
	upgrade := headerHas(r.Header, "Upgrade", "websocket")
	d := h.dialectOf(r.URL.Path)
	switch {
	case !h.cfg.Admission.AllowHost(r):
		h.refuseHTTP(w, &refusal{status: http.StatusMisdirectedRequest, message: "This server is not addressed by this host name. Its operator can allow it, with --allowed-hosts."})
	case upgrade && (socket || d != nil):
		h.handshake(w, r, d)
	case r.URL.Path == "/ws":
		h.refuseHTTP(w, &refusal{status: http.StatusUpgradeRequired, message: "This address speaks WebSocket. The documentation is at /."})
	default:
		h.page(w, r)
	}
}

// dialectOf returns the dialect of handshakes on a path; nil for the gateway's own protocol.
func (h *Handler) dialectOf(path string) dialect.Dialect {
	for _, d := range h.cfg.Dialects {
		if d.Accepts(path) {
			return d
		}
	}
	return nil
}

// page answers a request that is no handshake.
func (h *Handler) page(w http.ResponseWriter, r *http.Request) {
	for _, d := range h.cfg.Dialects {
		if d.ServeHTTP(w, r, h.cfg.Admission.AllowOrigin(r)) {
			return
		}
	}
	h.cfg.Pages.ServeHTTP(w, r)
}

// headerHas reports whether a comma-separated header contains token, ignoring case.
func headerHas(h http.Header, name, token string) bool {
	for _, line := range h.Values(name) {
		for v := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(v), token) {
				return true
			}
		}
	}
	return false
}

// handshake checks a handshake, answers it, and starts the connection. d is nil for the
// gateway's own protocol.
func (h *Handler) handshake(w http.ResponseWriter, r *http.Request, d dialect.Dialect) {
	addr := h.cfg.Admission.ClientAddr(r)
	if no := h.check(r, addr); no != nil {
		h.refuse(w, r, addr, d, no)
		return
	}
	a, no := h.authorise(r, addr, d)
	if no != nil {
		h.refuse(w, r, addr, d, no)
		return
	}
	var sub string
	var delta bool
	var from *proto.Senders
	if d == nil {
		sub, delta = chooseProtocol(r)
		if from, no = acceptFrom(r); no != nil {
			h.refuse(w, r, addr, nil, no)
			return
		}
		h.checkVersion(r)
	}
	user := ""
	if a != nil {
		user = a.User
	}
	leave, limit := h.cfg.Admission.Admit(addr, user)
	if limit != admission.NoLimit {
		h.refuse(w, r, addr, d, limited(limit))
		return
	}
	ws, err := h.cfg.Sockets.Upgrade(w, r, sub)
	if err != nil {
		leave()
		h.cfg.Logger.Debug("upgrade failed", "err", err)
		return
	}
	h.cfg.Handshakes.Statuses.Inc(http.StatusSwitchingProtocols)
	if !h.cfg.Open(Accepted{Conn: ws, Addr: addr, Access: a, Delta: delta, AcceptFrom: from, Leave: leave, Dialect: d, Request: r}) {
		ws.Abort()
		leave()
	}
}

// check returns why r is refused whoever sent it, or nil when it is not.
func (h *Handler) check(r *http.Request, addr netip.Addr) *refusal {
	key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-WebSocket-Key"))
	switch {
	case r.Method != http.MethodGet || !r.ProtoAtLeast(1, 1) || !headerHas(r.Header, "Connection", "upgrade"):
		return &refusal{status: http.StatusBadRequest, message: "Not a WebSocket handshake."}
	case r.Header.Get("Sec-WebSocket-Version") != "13":
		return &refusal{status: http.StatusUpgradeRequired, message: "Speak WebSocket version 13."}
	case err != nil || len(key) != 16:
		return &refusal{status: http.StatusBadRequest, message: "Sec-WebSocket-Key must be 16 bytes in base64."}
	}
	if why := h.cfg.Closed(); why != "" {
		return &refusal{status: http.StatusServiceUnavailable, message: why}
	}
	switch {
	case !h.cfg.Admission.AllowConnect(addr):
		return limited(admission.ConnectsPerAddress)
	case !h.cfg.Admission.AllowOrigin(r):
		return &refusal{
			status: http.StatusForbidden, code: proto.Unauthorised, close: proto.CloseOrigin,
			message: "This server does not take connections from pages of this origin. Its operator can allow it, with --allowed-origins.",
		}
	}
	return nil
}

// authorise checks the access token of a handshake. Both results are nil when the gateway
// requires no tokens.
func (h *Handler) authorise(r *http.Request, addr netip.Addr, d dialect.Dialect) (*auth.Access, *refusal) {
	if h.cfg.Verify == nil {
		return nil, nil
	}
	token := auth.RequestToken(r)
	if token == "" && d != nil {
		token = d.Token(r)
	}
	if token != "" && !h.cfg.Admission.AllowToken(addr) {
		return nil, limited(admission.TokenFailures)
	}
	a, err := h.cfg.Verify(token)
	if err == nil {
		return a, nil
	}
	if token != "" {
		h.cfg.Admission.TokenRefused(addr)
		h.cfg.Handshakes.Tokens.Inc()
	}
	h.cfg.Logger.Debug("access token refused", "err", err)
	no := &refusal{
		status: http.StatusUnauthorized, code: proto.Unauthorised, close: proto.CloseToken,
		message: "The access token is malformed, expired or not signed by a key of this server. Get a fresh one and connect again.",
	}
	if token == "" {
		no.message = "This server needs an access token. Connect again with one, for example as ?access_token= in the address."
	}
	return nil, no
}
