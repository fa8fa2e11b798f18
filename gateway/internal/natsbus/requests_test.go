package natsbus

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"p2pconnector/proto"
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

// Only a refusal that may pass is worth another request.
func TestAskNames_Refused_IsRepeatedOnlyWhenUnavailable(t *testing.T) {
	for code, again := range map[proto.ErrorCode]bool{proto.Unavailable: true, proto.LimitExceeded: false} {
		var requests *Requests
		asked := 0
		requests = NewRequests(RequestsConfig{
			Own: "0123abcd", Ended: make(chan struct{}),
			Publish: func(_, reply string, _ []byte) error {
				asked++
				data, err := json.Marshal(bus.NameReply{Error: proto.Errorf(code, "no")})
				if err != nil {
					t.Fatal(err)
				}
				in, _ := bus.ParseInbound(reply)
				requests.Answered(in.First, Message{Data: data})
				return nil
			},
		})
		_, err := requests.AskNames(bus.NameGet, &bus.NameRequest{}, 2*firstBackoff)
		if refused, ok := errors.AsType[*proto.Error](err); !ok || refused.Code != code || (asked > 1) != again {
			t.Errorf("%s: got %v after %d requests, want that code, and more than one request: %v", code, err, asked, again)
		}
	}
}

// TestRequests_AtTheEdge_RefuseOneMore: 65,536 requests and questions may wait. One more is
// refused without being sent, so that its caller may send it again.
func TestRequests_AtTheEdge_RefuseOneMore(t *testing.T) {
	const most = 65_536
	published := 0
	requests := NewRequests(RequestsConfig{
		Own: "0123abcd", Publish: func(string, string, []byte) error { published++; return nil },
	})
	deadline := time.Now().Add(time.Minute)
	var refused error
	note := func(_ *bus.Reply, err error) { refused = err }
	for range most - 1 {
		requests.Send(deadline, bus.OpSync, &bus.Request{}, note)
	}
	if _, _, err := requests.question("question", nil); err != nil || refused != nil {
		t.Fatalf("at the edge: got %v and %v, want no error", err, refused)
	}
	requests.Send(deadline, bus.OpSync, &bus.Request{}, note)
	if x, ok := errors.AsType[notSent](refused); !ok || !x.NotSent() || published != most {
		t.Errorf("one more: got %v, %d sent, want an error that says that it was not sent, and %d", refused, published, most)
	}
	if _, _, err := requests.question("question", nil); err == nil || published != most {
		t.Errorf("one more question: got %v, %d sent, want an error and %d", err, published, most)
	}
}
