package natsbus

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// A Conn may be used before it is connected: nothing is sent, and callers get an error.
func TestConn_BeforeConnect_SendsNothing(t *testing.T) {
	own := proto.NewGatewayID()
	c := New(Config{
		ID: own, Logger: slog.New(slog.DiscardHandler), Connected: func(bool) {}, Lease: func(Message) {}, Settings: func(Message) {},
	})
	_, asked := c.AskGateway(own, bus.SessionMessage{Peer: proto.NewPeerID(own)})
	for what, err := range map[string]error{
		"publish": c.Publish("a", nil), "publish a request": c.PublishRequest("a", "b", nil),
		"publish a message": c.PublishMessage(Message{Subject: "a"}), "publish a lease": c.PublishLease(bus.Lease{Gateway: own}),
		"notify a gateway": c.NotifyGateway(own, bus.SessionMessage{Peer: proto.NewPeerID(own)}),
		"ask a gateway":    asked, "flush": c.Flush(time.Second),
	} {
		if !errors.Is(err, ErrNotConnected) {
			t.Errorf("%s: got %v, want %v", what, err, ErrNotConnected)
		}
	}
	if c.Connected() || c.Stats() != (Stats{}) {
		t.Errorf("got connected %v with %+v, want neither", c.Connected(), c.Stats())
	}
	c.LeaveBackEnds()
	c.Close()
}
