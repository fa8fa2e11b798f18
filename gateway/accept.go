package gateway

import (
	"encoding/base64"
	"net/http"
	"net/netip"
	"strings"

	"p2pconnector/gateway/internal/admission"
	"p2pconnector/gateway/internal/auth"
	"p2pconnector/proto"
)

// ServeHTTP answers WebSocket upgrades on / and /ws, and pages otherwise.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	socket := r.URL.Path == "/" || r.URL.Path == "/ws"
	switch {
	case socket && headerHas(r.Header, "Upgrade", "websocket"):
		g.accept(w, r)
	case r.URL.Path == "/ws":
		g.refuseHTTP(w, &refusal{status: http.StatusUpgradeRequired, message: "This address speaks WebSocket. The documentation is at /."})
	default:
		g.pages.ServeHTTP(w, r)
	}
}

// headerHas reports whether a comma-separated header holds token, in any case.
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

// accept checks a handshake, answers it, and starts the connection.
func (g *Gateway) accept(w http.ResponseWriter, r *http.Request) {
	addr := g.admission.ClientAddr(r)
	if no := g.checkHandshake(r, addr); no != nil {
		g.refuse(w, r, addr, no)
		return
	}
	a, no := g.authorise(r)
	if no != nil {
		g.refuse(w, r, addr, no)
		return
	}
	leave, limit := g.admission.Admit(addr)
	if limit != admission.NoLimit {
		g.refuse(w, r, addr, limited(limit))
		return
	}
	sub, delta := chooseProtocol(r)
	ws, err := g.sockets.Upgrade(w, r, sub)
	if err != nil {
		leave()
		g.log.Debug("upgrade failed", "err", err)
		return
	}
	g.metrics.Handshakes.Statuses.Inc(http.StatusSwitchingProtocols)
	c, s := newConn(g, ws, delta), newSession(g)
	if a != nil {
		s.user = a.User
		c.access.Store(a)
	}
	c.session, c.leave = s, leave
	if !g.conns.add(c) {
		ws.Abort()
		leave()
		return
	}
	g.sessions.put(s)
	s.mu.Lock()
	s.attachLocked(c, nil, nil, nil)
	s.mu.Unlock()
	g.metrics.Connections.Accepted.Inc()
	c.logBegin()
	if g.draining.Load() { // it began meanwhile, and may not know of this one
		c.ws.Close(proto.CloseGoingAway, proto.CloseGoingAway.Reason(), false)
	}
	go c.serve()
}

// checkHandshake returns why r is refused, whoever it comes from; nil when it is not.
func (g *Gateway) checkHandshake(r *http.Request, addr netip.Addr) *refusal {
	key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-WebSocket-Key"))
	switch {
	case r.Method != http.MethodGet || !r.ProtoAtLeast(1, 1) || !headerHas(r.Header, "Connection", "upgrade"):
		return &refusal{status: http.StatusBadRequest, message: "Not a WebSocket handshake."}
	case r.Header.Get("Sec-WebSocket-Version") != "13":
		return &refusal{status: http.StatusUpgradeRequired, message: "Speak WebSocket version 13."}
	case err != nil || len(key) != 16:
		return &refusal{status: http.StatusBadRequest, message: "Sec-WebSocket-Key must be 16 bytes in base64."}
	case g.draining.Load():
		return &refusal{status: http.StatusServiceUnavailable, message: "This gateway is going away. Connect again: another one will answer."}
	case !g.nc.IsConnected():
		return &refusal{status: http.StatusServiceUnavailable, message: "This gateway has no connection to its bus now. Connect again in a moment."}
	case !g.admission.AllowConnect(addr):
		return limited(admission.ConnectsPerAddress)
	case !g.admission.AllowOrigin(r):
		return &refusal{
			status: http.StatusForbidden, code: proto.Unauthorised, close: proto.CloseOrigin,
			message: "This server does not take connections from pages of this origin. Its operator can allow it, with --allowed-origins.",
		}
	}
	return nil
}

// authorise checks the access token of a handshake; both are nil when none is needed.
func (g *Gateway) authorise(r *http.Request) (*auth.Access, *refusal) {
	if g.verifier == nil {
		return nil, nil
	}
	token := auth.RequestToken(r)
	a, err := g.verifier.Verify(token)
	if err == nil {
		return a, nil
	}
	g.log.Debug("access token refused", "err", err)
	no := &refusal{
		status: http.StatusUnauthorized, code: proto.Unauthorised, close: proto.CloseToken,
		message: "The access token is malformed, expired or not signed by a key of this server. Get a fresh one and connect again.",
	}
	if token == "" {
		no.message = "This server needs an access token. Connect again with one, for example as ?access_token= in the address."
	}
	return nil, no
}
