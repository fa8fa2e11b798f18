package client

import (
	"context"

	"p2pconnector/proto"
)

// Offer relays an offer.
func (c *Client) Offer(ctx context.Context, to proto.PeerID, data any) error {
	return c.Send(ctx, Out{Event: proto.Offer, To: to, Data: data})
}

// Answer relays an answer.
func (c *Client) Answer(ctx context.Context, to proto.PeerID, data any) error {
	return c.Send(ctx, Out{Event: proto.Answer, To: to, Data: data})
}

// Candidate relays a candidate.
func (c *Client) Candidate(ctx context.Context, to proto.PeerID, data any) error {
	return c.Send(ctx, Out{Event: proto.Candidate, To: to, Data: data})
}

// Message relays a message to one peer.
func (c *Client) Message(ctx context.Context, to proto.PeerID, data any) error {
	return c.Send(ctx, Out{Event: proto.Message, To: to, Data: data})
}

// MessageRoom relays a message to every other member of a room.
func (c *Client) MessageRoom(ctx context.Context, room proto.RoomID, data any) error {
	return c.Send(ctx, Out{Event: proto.Message, Room: room, Data: data})
}
