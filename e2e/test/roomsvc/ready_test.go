package roomsvc_test

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/e2e/natsbox"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc"
)

// slowly is a server that a client's data reaches late.
type slowly struct {
	*natsbox.Server
	late func() // called before the last subscription to requests is sent
}

func (s slowly) InProcessConn() (net.Conn, error) {
	c, err := s.Server.InProcessConn()
	return &slowConn{c, s.late}, err
}

type slowConn struct {
	net.Conn
	late func()
}

func (c *slowConn) Write(b []byte) (int, error) {
	last := bus.SessionOperations[len(bus.SessionOperations)-1]
	if bytes.Contains(b, []byte("SUB "+bus.SessionsSubject(last)+" ")) {
		c.late()
	}
	return c.Conn.Write(b)
}

// TestReady_Subscribed_ReceivesRequests: a room service that reports ready answers the first
// request.
func TestReady_Subscribed_ReceivesRequests(t *testing.T) {
	var svc *roomsvc.Service
	held := make(chan struct{})
	server := slowly{startNATS(t), sync.OnceFunc(func() {
		close(held)
		select {
		case <-svc.Ready():
			t.Error("got it ready before the server has its subscriptions, want it afterwards")
		case <-time.After(100 * time.Millisecond): // a service that does not wait is ready at once
		}
	})}
	svc, err := roomsvc.New(roomsvc.Config{NATSOptions: []nats.Option{nats.InProcessServer(server)}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- svc.Run(ctx) }()
	<-held
	<-svc.Ready()
	a := newRequester(t, server.Server)
	a.must(bus.OpCreate, bus.Request{Room: "r", Peer: a.peer()})
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
