package handshake

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strconv"

	"p2pconnector/gateway/internal/admission"
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
	}
	return no
}

// refuse answers a handshake that is not accepted. Browsers hide a refused upgrade from
// the page, so a page gets an error frame and a close code when the reason may help it.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, addr netip.Addr, no *refusal) {
	if no.limit != admission.NoLimit {
		h.cfg.Handshakes.Limited.Inc(no.limit)
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
