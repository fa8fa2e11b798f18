package room

import (
	"fmt"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// maxOpBytes bounds an operation's id.
const maxOpBytes = 64

// Check refuses a request that is invalid whatever the room's state is, and
// fills in what the request leaves open.
func Check(kind bus.Operation, r *bus.Request, lim Limits) *proto.Error {
	if r.Room == "" {
		return proto.Missing("room", "data.room is missing. Name the room.")
	}
	if makes := kind == bus.OpCreate || kind == bus.OpJoin; makes && !r.Room.Valid() && !joinsTopic(kind, r) || !bus.ValidRoom(r.Room) {
		return proto.Invalid("room", fmt.Sprintf("data.room must be 1 to %d bytes of text without control characters, direction marks and non-characters.", proto.MaxRoomIDBytes))
	}
	if len(r.Op) > maxOpBytes {
		return proto.Invalid("op", fmt.Sprintf("op must not be longer than %d bytes.", maxOpBytes))
	}
	if err := checkWho(kind, r); err != nil {
		return err
	}
	if err := checkPassword(kind, r.Password); err != nil {
		return err
	}
	switch kind {
	case bus.OpCreate:
		return checkSettings(r, lim, proto.MaxMetadataBytes)
	case bus.OpJoin:
		return checkSettings(r, lim, proto.MaxMemberMetadata)
	case bus.OpUpdate:
		if r.Name == nil && r.Capacity == nil && r.Locked == nil && r.Password == nil && r.Metadata == nil {
			return proto.Missing("name", "Nothing to change: give data.name, data.capacity, data.locked, data.password or data.metadata.")
		}
		return checkSettings(r, lim, proto.MaxMetadataBytes)
	case bus.OpMember:
		if r.Metadata == nil {
			return proto.Missing("metadata", "data.metadata is missing. Give the member's new metadata, or null for none.")
		}
		if r.Peer == "" && !r.Client.Valid() {
			return proto.Missing("client", "client is missing. Name the member whose metadata is to be changed.")
		}
		return checkSettings(r, lim, proto.MaxMemberMetadata)
	case bus.OpRemove, bus.OpUnban, bus.OpAdmit:
		return checkClient(r)
	case bus.OpRole:
		if !r.Role.Valid() {
			return proto.Invalid("role", "data.role must be creator, moderator or member.")
		}
		return checkClient(r)
	case bus.OpLeave:
		switch r.Reason {
		case "", proto.ReasonLeft, proto.ReasonDisconnected:
		default:
			return proto.Invalid("reason", "reason must be left or disconnected.")
		}
	}
	return nil
}

// checkClient checks the client that a request is about.
func checkClient(r *bus.Request) *proto.Error {
	if r.Client == "" {
		return proto.Missing("client", "data.client is missing. Name the client that this is about.")
	}
	if r.Ban && !r.Client.Valid() {
		return proto.Invalid("client", "data.client is not the id of a peer.")
	}
	return nil
}

// joinsTopic reports whether a gateway joins a topic's room. Nobody else may make one.
func joinsTopic(kind bus.Operation, r *bus.Request) bool {
	return kind == bus.OpJoin && bus.IsTopic(r.Room) && r.Gateway.Valid() && r.Peer == bus.TopicMember(r.Gateway)
}

// checkWho checks the requester. It sets Gateway to the home of the peer when
// the request names none.
func checkWho(kind bus.Operation, r *bus.Request) *proto.Error {
	if r.Peer == "" {
		switch kind {
		case bus.OpCreate, bus.OpJoin, bus.OpLeave, bus.OpResume:
			return proto.Missing("peer", "peer is missing. Name the peer that this is about.")
		}
		return nil // a back end
	}
	if !r.Peer.Valid() {
		return proto.Invalid("peer", "peer is not the id of a peer.")
	}
	if r.Gateway == "" {
		r.Gateway = r.Peer.Home()
	}
	if !r.Gateway.Valid() {
		return proto.Invalid("gateway", "gateway is not the id of a gateway.")
	}
	if r.Epoch > bus.MaxEpoch {
		return proto.Invalid("epoch", fmt.Sprintf("epoch must not be above %d.", uint64(bus.MaxEpoch)))
	}
	if len(r.User) > proto.MaxUserBytes {
		return proto.Invalid("user", fmt.Sprintf("user must not be longer than %d bytes.", proto.MaxUserBytes))
	}
	return nil
}

func checkSettings(r *bus.Request, lim Limits, metadata int) *proto.Error {
	if r.Name != nil && len(*r.Name) > proto.MaxRoomNameBytes {
		return proto.Invalid("name", fmt.Sprintf("data.name must not be longer than %d bytes. Shorten it.", proto.MaxRoomNameBytes))
	}
	if r.Name != nil && !proto.PlainText(*r.Name) {
		return proto.Invalid("name", "data.name must be text without control characters, direction marks and non-characters.")
	}
	if len(r.Metadata) > metadata {
		return proto.Invalid("metadata", fmt.Sprintf("data.metadata must not be longer than %d bytes as JSON. Shorten it.", metadata))
	}
	if r.Capacity == nil {
		return nil
	}
	if *r.Capacity < 0 {
		return proto.Invalid("capacity", "data.capacity must be a number of members, or 0 for the server's limit.")
	}
	if *r.Capacity > lim.Members {
		e := proto.Errorf(proto.LimitExceeded, "data.capacity is above the limit of %d members. Give a smaller one.", lim.Members)
		e.Field = "capacity"
		return e
	}
	return nil
}
