package auth

import (
	"path"
	"slices"
	"time"

	"p2pconnector/proto"
)

// Grant is one thing that an access token may allow: a value of its claim p2p.can.
type Grant string

// All grants.
const (
	CanCreate  Grant = "create"  // make rooms
	CanJoin    Grant = "join"    // enter rooms
	CanMessage Grant = "message" // send frames to peers and rooms, and change the own metadata in a room
	CanRemove  Grant = "remove"  // remove other members from a room, lift bans, and admit those that wait
	CanEnd     Grant = "end"     // end a room
	CanUpdate  Grant = "update"  // change a room's name, capacity, lock and metadata, and roles in it
)

// Grants lists all grants.
func Grants() []Grant { return []Grant{CanCreate, CanJoin, CanMessage, CanRemove, CanEnd, CanUpdate} }

// eventGrants are the grants that room events need whoever sends them, besides create and
// join. This package does not decide whether the sender is the room's creator.
var eventGrants = map[proto.Event]Grant{
	proto.RemoveClient: CanRemove, proto.UnbanClient: CanRemove, proto.AdmitClient: CanRemove, proto.SetRole: CanUpdate, proto.EndRoom: CanEnd, proto.UpdateRoom: CanUpdate,
	proto.UpdateMember: CanMessage, // it reaches every member, as a message does
}

// Access is what an access token allows its bearer. A nil *Access allows everything and
// never expires. An Access is immutable, so its methods may be called concurrently.
type Access struct {
	User    string    // claim sub; "" when the token names no user
	Expires time.Time // by the time of day
	Rooms   []string  // patterns of path.Match; nil: all rooms; empty: none
	Can     []Grant   // nil: all grants; empty: none
}

// May reports whether the token has the grant for room, which is "" for frames to a peer.
func (a *Access) May(g Grant, room proto.RoomID) bool {
	if a == nil {
		return true
	}
	return (a.Can == nil || slices.Contains(a.Can, g)) && (room == "" || a.Covers(room))
}

// Covers reports whether the token's patterns match room.
func (a *Access) Covers(room proto.RoomID) bool {
	return a == nil || a.Rooms == nil || slices.ContainsFunc(a.Rooms, func(pattern string) bool {
		ok, err := path.Match(pattern, string(room))
		return err == nil && ok
	})
}

// Missing returns the grant that the token lacks for a room event, or "" when it allows
// the event. create is true when a join may make the room, and member when the bearer is in
// the room: a member may leave a room that a later token does not cover.
func (a *Access) Missing(event proto.Event, room proto.RoomID, create, member bool) Grant {
	create = create || event == proto.CreateRoom
	needs := eventGrants[event]
	switch {
	case a == nil, event == proto.LeaveRoom && member:
		return ""
	case !a.Covers(room):
		return CanJoin
	case create && !a.May(CanCreate, room):
		return CanCreate
	case event == proto.JoinRoom && !a.May(CanJoin, room):
		return CanJoin
	case needs != "" && !a.May(needs, room):
		return needs
	}
	return ""
}

// Expired reports whether the token has expired at now, a time of day.
func (a *Access) Expired(now time.Time) bool { return a != nil && now.After(a.Expires) }
