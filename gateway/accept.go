package gateway

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"p2pconnector/proto"
)

// ServeHTTP answers WebSocket upgrades on / and /ws, and pages otherwise.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	socket := r.URL.Path == "/" || r.URL.Path == "/ws"
	switch {
	case socket && headerHas(r.Header, "Upgrade", "websocket"):
		g.accept(w, r)
	case r.URL.Path == "/ws":
		g.refuseUpgrade(w, http.StatusUpgradeRequired, "This address speaks WebSocket. The documentation is at /.")
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
	if status, why := g.checkHandshake(r); status != 0 {
		g.refuseUpgrade(w, status, why)
		return
	}
	a, err := g.authorise(r)
	if err != nil {
		g.log.Debug("access token refused", "err", err)
		g.refuseUpgrade(w, http.StatusUnauthorized, "This server needs an access token: it is missing, malformed, expired or not signed by a known key.")
		return
	}
	leave, status := g.admission.admit(r)
	if status != 0 {
		g.refuseUpgrade(w, status, "Too many connections now. Connect again in a moment.")
		return
	}
	c, ws, err := g.upgrade(w, r)
	if err != nil {
		leave()
		g.log.Debug("upgrade failed", "err", err)
		return
	}
	g.stats.upgrade(http.StatusSwitchingProtocols)
	s := &session{g: g, id: proto.NewPeerID(g.id)}
	if a != nil {
		s.user = a.user
		c.access.Store(a)
	}
	c.session, c.leave = s, leave
	if !g.conns.add(c) {
		c.hang()
		leave()
		return
	}
	g.sessions.put(s)
	s.mu.Lock()
	s.attachLocked(c, g.detailsLocked(s, nil, c, nil), nil)
	s.mu.Unlock()
	g.stats.accepted.Add(1)
	c.logBegin()
	go g.serve(c, ws)
}

// checkHandshake returns the status to refuse r with, or 0.
func (g *Gateway) checkHandshake(r *http.Request) (int, string) {
	key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-WebSocket-Key"))
	switch {
	case r.Method != http.MethodGet || !r.ProtoAtLeast(1, 1) || !headerHas(r.Header, "Connection", "upgrade"):
		return http.StatusBadRequest, "Not a WebSocket handshake."
	case r.Header.Get("Sec-WebSocket-Version") != "13":
		return http.StatusUpgradeRequired, "Speak WebSocket version 13."
	case err != nil || len(key) != 16:
		return http.StatusBadRequest, "Sec-WebSocket-Key must be 16 bytes in base64."
	case !g.origins.allow(r):
		return http.StatusForbidden, "This server does not take connections from pages of this origin. Its operator can allow it, with --allowed-origins."
	case g.draining.Load():
		return http.StatusServiceUnavailable, "This gateway is going away. Connect again: another one will answer."
	case !g.nc.IsConnected():
		return http.StatusServiceUnavailable, "This gateway has no connection to its bus now. Connect again in a moment."
	}
	return 0, ""
}

// authorise checks the access token of a handshake; nil when none is needed.
func (g *Gateway) authorise(r *http.Request) (*access, error) {
	if g.verifier == nil {
		return nil, nil
	}
	return g.verifier.verify(tokenOf(r))
}

// refuseUpgrade answers a handshake that is not accepted.
func (g *Gateway) refuseUpgrade(w http.ResponseWriter, status int, why string) {
	g.stats.upgrade(status)
	switch status {
	case http.StatusUpgradeRequired:
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Sec-WebSocket-Version", "13")
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		w.Header().Set("Retry-After", strconv.Itoa(1))
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.Header().Set("Connection", "close")
	http.Error(w, why, status)
}
