package natsbus

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// AskGateway asks a gateway up to askAttempts times, and waits askTimeout for each answer.
const (
	askAttempts = 3
	askTimeout  = time.Second
)

// PublishLease publishes the lease of x.Gateway to all gateways.
func (c *Conn) PublishLease(x bus.Lease) error {
	subject, err := bus.LeaseSubject(x.Gateway)
	if err != nil {
		return err
	}
	return c.Publish(subject, encode(x))
}

// NotifyGateway sends a gateway a message about a session. The message is not acknowledged.
func (c *Conn) NotifyGateway(to proto.GatewayID, m bus.SessionMessage) error {
	subject, err := bus.SessionSubject(to, m.Peer)
	if err != nil {
		return err
	}
	return c.Publish(subject, encode(m))
}

// AskGateway asks a gateway about a session, and asks again when there is no answer. The
// error is ErrNoResponders when the gateway is gone.
func (c *Conn) AskGateway(to proto.GatewayID, m bus.SessionMessage) (*bus.Handoff, error) {
	nc := c.nc.Load()
	if nc == nil {
		return nil, ErrNotConnected
	}
	subject, err := bus.SessionSubject(to, m.Peer)
	if err != nil {
		return nil, err
	}
	data := encode(m)
	for range askAttempts {
		var answer *nats.Msg
		answer, err = nc.Request(subject, data, askTimeout)
		if errors.Is(err, ErrNoResponders) {
			return nil, err
		}
		if err == nil {
			h := new(bus.Handoff)
			if err = json.Unmarshal(answer.Data, h); err == nil {
				return h, nil
			}
		}
	}
	return nil, fmt.Errorf("ask gateway %s about a session: %w", to, err)
}
