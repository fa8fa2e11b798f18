package loss

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"p2pconnector/e2e/kit/load"
	"p2pconnector/proto"
)

// overflow is a row in which the receivers' gateway gets, all at once, more messages
// than the 16,384 of its inbox: it is frozen for less time than NATS waits for it, while
// small frames arrive fast.
func overflow(moved string) row {
	return row{pairs: 50, rate: 30_000, duration: 4 * time.Second, size: 100, moved: moved, fault: freezeGateway, lasts: lasting[freezeGateway]}
}

// A frame that a gateway cannot take is reported, whether its peers have moved there or
// not.
func TestInbox_Overflow_IsReported(t *testing.T) {
	for _, moved := range []string{fresh, third} {
		t.Run(moved, func(t *testing.T) { check(t, overflow(moved)) })
	}
}

// invented is more gateways than any table has rows for.
const invented = 5000

// A client that relays to many invented gateways disables nothing for others: a frame
// that the receivers' gateway cannot take is still reported.
func TestInbox_OverflowAfterInventedGateways_IsReported(t *testing.T) {
	r := overflow(fresh)
	r.first = relayToInvented
	check(t, r)
}

// relayToInvented relays to a peer of each of many gateways that do not exist, from the
// gateway of the senders, and returns when that gateway has answered.
func relayToInvented(w *workload) {
	conn, _, err := new(peer).dial(w.t.Context(), w.addrs[senders])
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	sent := make(chan error, 1)
	waiting := make(chan struct{}, 256) // unread errors: more could fill the connection's queue
	go func() {
		for i := range invented {
			waiting <- struct{}{}
			text := fmt.Appendf(nil, `{"event":"Message","to":%q,"id":%d}`, proto.NewPeerID(proto.NewGatewayID()), i)
			if err := conn.Write(load.AppendFrame(nil, load.OpText, text)); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for refused := 0; refused < invented; {
		b, err := conn.Next()
		if err != nil {
			w.t.Fatalf("after %d of %d errors: %v", refused, invented, err)
		}
		if bytes.HasPrefix(b, errorHead) {
			refused++
			<-waiting
		}
	}
	if err := <-sent; err != nil {
		w.t.Fatal(err)
	}
}
