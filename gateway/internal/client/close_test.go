package client

import (
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/socket/sockettest"
	"p2pconnector/proto"
)

// A close frame of the client that answers the server's own does not end its session.
func TestReadEnded_AnswerToOurClose_KeepsSession(t *testing.T) {
	for name, c := range map[string]struct {
		ours bool
		want bool // the session stays
	}{
		"the client begins": {false, false},
		"the server begins": {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := testGateway(t, config{})
				raw := sockettest.NewNet(false)
				conn, _ := accepted(g, raw)
				s := conn.Session
				if c.ours {
					conn.Socket.Close(proto.CloseGoingAway, "", false)
				}
				raw.Receive(sockettest.ClientFrame(sockettest.ClientClose, proto.AppendCloseReason(nil, proto.CloseNormal, ""))) // as gws answers any code
				go func() { time.Sleep(time.Millisecond); raw.Close() }()
				conn.serve()
				if got := s.Live(); got != c.want {
					t.Errorf("the session lives: got %v, want %v", got, c.want)
				}
				g.conns.wg.Wait()
			})
		})
	}
}
