package client

import (
	"context"

	"p2pconnector/proto"
)

// RoomOptions are the settings of a new room; all are optional.
type RoomOptions struct {
	Room     proto.RoomID `json:"room,omitempty"` // "" = the server draws one
	Name     string       `json:"name,omitempty"`
	Capacity int          `json:"capacity,omitempty"` // members; 0 = the server's limit
	Locked   bool         `json:"locked,omitempty"`
	Password string       `json:"password,omitempty"` // that others need to join; "" = none
	Metadata any          `json:"metadata,omitempty"`
}

// JoinOptions say how to join a room; all are optional.
type JoinOptions struct {
	Create   bool   // make the room if it is not there
	Password string // of the room; a room without one takes any
	Metadata any    // about this member
	Ask      bool   // wait to be admitted if the room is locked
}

// RoomUpdate is what Update changes; nil leaves a setting as it is.
type RoomUpdate struct {
	Name     *string `json:"name,omitempty"`
	Capacity *int    `json:"capacity,omitempty"`
	Locked   *bool   `json:"locked,omitempty"`
	Password *string `json:"-"` // "" = none
	Metadata any     `json:"metadata,omitempty"`
}

// Create makes a room with this client as creator and first member.
func (c *Client) Create(ctx context.Context, opts RoomOptions) (proto.RoomData, error) {
	return c.room(ctx, proto.CreateRoom, opts)
}

// Join joins a room. With opts.Ask, in a locked room, it returns when the creator or a
// moderator has admitted this client, or with the error of code Refused, Banned or Not_Found
// (the room has ended) when it is not admitted. While it waits, other goroutines may use the
// client; Join_Waiting in [Client.Frames] shows that it waits. When ctx ends first, Join
// withdraws, and leaves the room if it was admitted in that moment. The wait outlives a
// connection whose session resumes without loss; otherwise Join returns [ErrInterrupted]: call
// Leave, and ask again.
func (c *Client) Join(ctx context.Context, room proto.RoomID, opts JoinOptions) (proto.RoomData, error) {
	f, err := c.request(ctx, Out{Event: proto.JoinRoom, Data: struct {
		Room     proto.RoomID `json:"room"`
		Create   bool         `json:"create,omitempty"`
		Password string       `json:"password,omitempty"`
		Metadata any          `json:"metadata,omitempty"`
		Ask      bool         `json:"ask,omitempty"`
	}{room, opts.Create, opts.Password, opts.Metadata, opts.Ask}}, opts.Ask)
	if err != nil {
		return proto.RoomData{}, err
	}
	return f.RoomData()
}

// Leave leaves a room, or withdraws from its waiting room.
func (c *Client) Leave(ctx context.Context, room proto.RoomID) (proto.RoomData, error) {
	return c.room(ctx, proto.LeaveRoom, map[string]any{"room": room})
}

// End ends a room that this client created.
func (c *Client) End(ctx context.Context, room proto.RoomID) (proto.RoomData, error) {
	return c.room(ctx, proto.EndRoom, map[string]any{"room": room})
}

// Remove removes a member from a room that this client created or moderates, or refuses a
// peer that waits for it. In the latter case the result is that of a Waiting_Updated: see
// [Frame.RoomData].
func (c *Client) Remove(ctx context.Context, room proto.RoomID, client proto.PeerID) (proto.RoomData, error) {
	return c.room(ctx, proto.RemoveClient, map[string]any{"room": room, "client": client})
}

// Ban removes a member, or a peer that is none, from a room that this client created or
// moderates, and keeps it and its user out as long as the room lives.
func (c *Client) Ban(ctx context.Context, room proto.RoomID, client proto.PeerID) (proto.RoomData, error) {
	return c.room(ctx, proto.RemoveClient, map[string]any{"room": room, "client": client, "ban": true})
}

// Unban lifts a ban.
func (c *Client) Unban(ctx context.Context, room proto.RoomID, client proto.PeerID) (proto.RoomData, error) {
	return c.room(ctx, proto.UnbanClient, map[string]any{"room": room, "client": client})
}

// SetRole makes a member of a room that this client created a moderator, an ordinary member,
// or its creator in this client's place.
func (c *Client) SetRole(ctx context.Context, room proto.RoomID, client proto.PeerID, role proto.Role) (proto.RoomData, error) {
	return c.room(ctx, proto.SetRole, map[string]any{"room": room, "client": client, "role": role})
}

// Update changes the settings of a room that this client created or moderates.
func (c *Client) Update(ctx context.Context, room proto.RoomID, u RoomUpdate) (proto.RoomData, error) {
	var password any // absent, or null for none
	if u.Password != nil {
		if password = u.Password; *u.Password == "" {
			password = (*string)(nil)
		}
	}
	return c.room(ctx, proto.UpdateRoom, struct {
		Room     proto.RoomID `json:"room"`
		Password any          `json:"password,omitempty"`
		RoomUpdate
	}{room, password, u})
}

// UpdateMember replaces what the other members of a room see of this client. metadata is
// encoded as JSON; nil is nothing.
func (c *Client) UpdateMember(ctx context.Context, room proto.RoomID, metadata any) (proto.RoomData, error) {
	return c.room(ctx, proto.UpdateMember, map[string]any{"room": room, "metadata": metadata})
}

// Info returns a room that this client is a member of.
func (c *Client) Info(ctx context.Context, room proto.RoomID) (proto.RoomData, error) {
	return c.room(ctx, proto.RoomInfo, map[string]any{"room": room})
}

func (c *Client) room(ctx context.Context, e proto.Event, data any) (proto.RoomData, error) {
	f, err := c.Request(ctx, Out{Event: e, Data: data})
	if err != nil {
		return proto.RoomData{}, err
	}
	return f.RoomData()
}
