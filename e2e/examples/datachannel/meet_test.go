package main

import (
	"context"
	"testing"

	"p2pconnector/e2e/kit"
)

// Two WebRTC peers on different gateways find each other through the connector
// alone and exchange 1 MiB.
func TestDataChannel_TwoPeers_ExchangeMessages(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), kit.Patience)
	defer cancel()
	const size = 1 << 20
	r, err := meet(ctx, s.URL(0), s.URL(1), size)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", r)
	if r.Bytes != size || r.Sent != r.Received {
		t.Errorf("sent %d bytes, %s; received %d, %s", size, r.Sent, r.Bytes, r.Received)
	}
}
