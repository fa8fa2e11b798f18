package natsbus

import (
	"errors"
	"testing"
	"time"

	"p2pconnector/proto/bus"
)

// After Close no request waits for a reply, because none is sent again when its reply is
// lost: pending requests are given up, and later ones are refused.
func TestRequests_Close_GivesUpAndRefuses(t *testing.T) {
	published := 0
	requests := NewRequests(RequestsConfig{
		Own: "0123abcd", Publish: func(string, string, []byte) error { published++; return nil },
	})
	var errs []error
	note := func(_ *bus.Reply, err error) { errs = append(errs, err) }
	deadline := time.Now().Add(time.Minute)
	requests.Send(deadline, bus.OpSync, &bus.Request{}, note)
	requests.Close()
	requests.Send(deadline, bus.OpSync, &bus.Request{}, note)
	if len(errs) != 2 || !errors.Is(errs[0], ErrNoAnswer) || !errors.Is(errs[1], ErrEnding) {
		t.Errorf("results: got %v, want %v and %v", errs, ErrNoAnswer, ErrEnding)
	}
	if published != 1 || requests.Len() != 0 {
		t.Errorf("got %d requests sent and %d waiting, want 1 and 0", published, requests.Len())
	}
}
