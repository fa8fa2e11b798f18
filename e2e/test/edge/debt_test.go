package edge_test

import (
	"fmt"
	"strings"
	"testing"

	"p2pconnector/gateway"
	"p2pconnector/proto"
)

// TestEgress_ClosedForFlooding_NextConnectionIsInDebt: a client that connects again as soon
// as it has the close frame, while its old connection is still open, does not get a full
// budget: not for messages, and not for Room_Info.
func TestEgress_ClosedForFlooding_NextConnectionIsInDebt(t *testing.T) {
	e := start(t, func(c *gateway.Config) { c.EgressPerSecond = 10_000 }) // 40,000 at once
	e.room(t, 4)
	join := func() *client {
		c := e.open(t, "/", nil)
		c.send(`{"event":"Join_Room","data":{"room":"r"}}`)
		c.expect(string(proto.ClientAdded))
		return c
	}
	debtor := join()
	for range 600 { // the first leaves a debt of 160,000 bytes, the others are refused
		if _, err := debtor.Write(text(fmt.Sprintf(`{"event":"Message","room":"r","data":%q}`, strings.Repeat("x", 50_000)))); err != nil {
			break // the server reads no more
		}
	}
	end, err := debtor.Until()
	if err != nil || end.Code != proto.ClosePolicy {
		t.Fatalf("the client that ignored refusals: got close %v, error %v, want %v", end.Code, err, proto.ClosePolicy)
	}
	next := join()
	for _, frame := range []string{`{"event":"Message","room":"r"}`, `{"event":"Room_Info","data":{"room":"r"}}`} {
		next.send(frame)
		if f := next.expect(string(proto.RateLimited)); f.data(t).RetryAfterMS < 3000 {
			t.Errorf("%s: got %s, want a refusal until the debt is paid", frame, f.raw)
		}
	}
}
