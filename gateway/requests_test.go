package gateway

import (
	"errors"
	"testing"

	"p2pconnector/proto"
)

// TestRequestsAtTheEnd: nobody waits for an answer that is not asked for again when
// it is lost: what is under way ends, and what comes later is refused.
func TestRequestsAtTheEnd(t *testing.T) {
	published := 0
	requests := newRequests("0123abcd", func(string, string, []byte) error { published++; return nil })
	var errs []error
	note := func(_ *proto.Reply, err error) { errs = append(errs, err) }
	requests.send(proto.OpSync, &proto.Request{}, note)
	requests.close()
	requests.send(proto.OpSync, &proto.Request{}, note)
	if len(errs) != 2 || !errors.Is(errs[0], errNoAnswer) || !errors.Is(errs[1], errEnding) {
		t.Errorf("answers: %v", errs)
	}
	if published != 1 || requests.len() != 0 {
		t.Errorf("%d requests were sent, %d are under way", published, requests.len())
	}
}
