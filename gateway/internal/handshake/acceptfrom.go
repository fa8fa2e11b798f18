package handshake

import (
	"net/http"

	"p2pconnector/proto"
)

// acceptFrom returns whose frames the client accepts; nil when it does not say. It refuses a
// value that it does not know: in its place the client would get frames that it does not
// want.
func acceptFrom(r *http.Request) (*proto.Senders, *refusal) {
	q := r.URL.Query()
	if !q.Has(proto.QueryAcceptFrom) {
		return nil, nil
	}
	s := new(proto.Senders)
	if err := s.UnmarshalText([]byte(q.Get(proto.QueryAcceptFrom))); err != nil {
		return nil, &refusal{
			status: http.StatusBadRequest, code: proto.InvalidMessage, close: proto.ClosePolicy, reason: "bad " + proto.QueryAcceptFrom,
			message: "The " + proto.QueryAcceptFrom + " of the address is not known. Connect again with anyone, rooms or nobody.",
		}
	}
	return s, nil
}
