package handshake

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"p2pconnector/gateway/internal/admission"
	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/proto"
)

// refusal is the reason why a handshake is not accepted. A refusal with a close code may
// help the client, so a page gets it over a WebSocket, where it can read it.
type refusal struct {
	status  int                 // of HTTP
	message string              // what is wrong and what to do
	code    proto.ErrorCode     // of the error frame; set with close
	close   proto.CloseCode     // 0: answered over HTTP, pages included
	reason  string              // of the close frame; "": the default reason of the code
	limit   admission.LimitName // that refused the handshake
}

// limited returns the refusal of a handshake that reached a limit. A refusal because of an
// address's rate is always answered over HTTP: a WebSocket would cost more than the limit
// saves.
func limited(l admission.LimitName) *refusal {
	no := &refusal{status: http.StatusServiceUnavailable, message: "Too many connections now. Connect again in a moment.", limit: l}
	switch l {
	case admission.ConnectsPerAddress:
		no.status, no.message = http.StatusTooManyRequests, "Too many new connections from your address. Connect again in a moment."
	case admission.TokenFailures:
		no.status, no.message = http.StatusTooManyRequests, "Too many access tokens from your address were refused. Get a fresh one and connect again in a moment."
	case admission.MaxPerAddress:
		no.status, no.message = http.StatusTooManyRequests, "Too many connections from your address. Close some, or connect again later."
		no.code, no.close, no.reason = proto.LimitExceeded, proto.CloseTryAgain, "too many connections from your address"
	case admission.MaxPerUser:
		no.status, no.message = http.StatusTooManyRequests, "Too many connections of your user. Close some, or connect again later."
		no.code, no.close, no.reason = proto.LimitExceeded, proto.CloseTryAgain, "too many connections of your user"
	}
	return no
}

// refuse answers a handshake that is not accepted. Browsers hide a refused upgrade from
// the page, so a page gets an error frame and a close code when the reason may help it.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, addr netip.Addr, d dialect.Dialect, no *refusal) {
	if no.limit != admission.NoLimit {
		h.cfg.Handshakes.Limited.Inc(no.limit)
	}
	if d != nil {
		h.refuseDialect(w, r, addr, d, no)
		return
	}
	if no.close != 0 && len(r.Header.Values("Origin")) > 0 && h.refuseSocket(w, r, addr, no) {
		return
	}
	h.refuseHTTP(w, no)
}

// refuseHTTP answers with an HTTP status.
func (h *Handler) refuseHTTP(w http.ResponseWriter, no *refusal) {
	h.cfg.Handshakes.Statuses.Inc(no.status)
	switch no.status {
	case http.StatusUpgradeRequired:
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Sec-WebSocket-Version", "13")
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		w.Header().Set("Retry-After", strconv.Itoa(1))
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.Header().Set("Connection", "close")
	http.Error(w, no.message, no.status)
}

// refuseDialect answers a handshake of a dialect that is not accepted. Clients of dialects
// may connect again at once when a handshake fails, so they get the reason over the
// WebSocket, or are held for a moment. The number of both is bounded.
func (h *Handler) refuseDialect(w http.ResponseWriter, r *http.Request, addr netip.Addr, d dialect.Dialect, no *refusal) {
	if no.status == http.StatusBadRequest || no.status == http.StatusUpgradeRequired {
		h.refuseHTTP(w, no)
		return
	}
	text, table := d.Refusal(reasonOf(no), no.message), h.refused
	if text == nil {
		table = h.held
	}
	s, err := table.Accept(w, addr)
	switch {
	case errors.Is(err, socket.ErrTooManyRefused):
		h.cfg.Handshakes.Unread.Inc()
		h.refuseHTTP(w, no)
	case errors.Is(err, net.ErrClosed): // the gateway is ending
	case err != nil:
		h.cfg.Logger.Debug("upgrade failed", "err", err)
		h.refuseHTTP(w, no)
	case text == nil:
		h.cfg.Handshakes.Statuses.Inc(no.status)
		s.Hold(r, minHold+rand.N(maxHold-minHold))
	default:
		h.cfg.Handshakes.Statuses.Inc(no.status)
		s.Refuse(r, "", text, 0, "")
	}
}

// How long clients of dialects are held.
const (
	minHold = time.Second
	maxHold = 3 * time.Second
)

// reasonOf returns the reason of a refusal in the words of dialects.
func reasonOf(no *refusal) dialect.Reason {
	switch {
	case no.limit == admission.MaxPerAddress || no.limit == admission.MaxConnections:
		return dialect.Full
	case no.status == http.StatusForbidden || no.status == http.StatusUnauthorized:
		return dialect.Forbidden
	}
	return dialect.NotNow
}

// refuseSocket accepts the WebSocket, sends one error frame and a close frame, and closes
// the connection. It returns false without an answer when too many such connections are
// open.
func (h *Handler) refuseSocket(w http.ResponseWriter, r *http.Request, addr netip.Addr, no *refusal) bool {
	sub, _ := chooseProtocol(r)
	text, reason := h.cfg.ErrorFrame(proto.Errorf(no.code, "%s", no.message)), no.reason
	if reason == "" {
		reason = no.close.Reason()
	}
	s, err := h.refused.Accept(w, addr)
	switch {
	case errors.Is(err, socket.ErrTooManyRefused):
		h.cfg.Handshakes.Unread.Inc()
		return false
	case errors.Is(err, net.ErrClosed):
		return true // the gateway is ending
	case err != nil:
		h.cfg.Logger.Debug("upgrade failed", "err", err)
		return false
	}
	h.cfg.Handshakes.Statuses.Inc(no.status)
	h.cfg.Connections.Closes.Inc(no.close)
	s.Refuse(r, sub, text, no.close, reason)
	return true
}
