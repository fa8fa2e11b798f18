package handshake

import (
	"net/http"
	"slices"
	"strconv"

	"p2pconnector/proto"
)

// checkVersion logs a client that speaks a version of the protocol that this gateway does
// not speak. The client is served all the same, because most of what it does will work, and
// it learns the gateway's versions from Client_Details. Only the first is logged: clients
// choose what they name.
func (h *Handler) checkVersion(r *http.Request) {
	text := r.URL.Query().Get(proto.QueryVersion)
	version, err := strconv.Atoi(text)
	if text == "" || err == nil && slices.Contains(proto.Versions(), version) {
		return
	}
	h.misfit.Do(func() {
		h.cfg.Logger.Warn("a client speaks a version of the protocol that this gateway does not speak; upgrade the older one",
			"client", proto.Quote(text), "gateway", proto.Versions())
	})
}
