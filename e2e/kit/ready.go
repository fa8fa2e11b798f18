package kit

import (
	"context"
	"time"

	"github.com/coder/websocket"
	"github.com/nats-io/nats.go"
)

// answers returns when a gateway sends the first frame on a new connection.
func answers(ctx context.Context, url string) error {
	return poll(ctx, func() bool {
		tctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		conn, _, err := websocket.Dial(tctx, url, nil)
		if err != nil {
			return false
		}
		_, _, err = conn.Read(tctx)
		conn.Close(websocket.StatusNormalClosure, "")
		return err == nil
	})
}

// roomServices returns when as many room services answer as should run.
func (s *Stack) roomServices(ctx context.Context, nc *nats.Conn) error {
	want := 0
	for _, svc := range s.rooms {
		if p, ok := svc.(*process); ok && p.cmd != nil {
			want++
		}
	}
	return poll(ctx, func() bool { return countServices(nc) >= want })
}

// countServices counts the instances that answer the ping of nats.go/micro.
func countServices(nc *nats.Conn) int {
	inbox := nc.NewRespInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return 0
	}
	defer sub.Unsubscribe()
	if nc.PublishRequest("$SRV.PING", inbox, nil) != nil {
		return 0
	}
	n := 0
	for {
		m, err := sub.NextMsg(100 * time.Millisecond)
		if err != nil {
			return n
		}
		if len(m.Data) > 0 {
			n++
		}
	}
}

func poll(ctx context.Context, ok func() bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}
