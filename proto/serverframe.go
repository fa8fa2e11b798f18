package proto

import (
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"
)

// ServerFrame is a frame that the server makes.
type ServerFrame struct {
	Type      FrameType
	Event     string          // an Event, or the ErrorCode of an error frame
	Data      json.RawMessage // an object
	Time      time.Time
	MessageID string // a UUID
	ID        []byte // correlation id to echo, as raw JSON; nil for none
}

// Append appends the frame as JSON.
func (f *ServerFrame) Append(dst []byte) []byte {
	dst = append(dst, `{"type":"`...)
	dst = append(dst, f.Type...)
	dst = append(dst, `","event":"`...)
	dst = append(dst, f.Event...)
	dst = append(dst, `","data":`...)
	if len(f.Data) == 0 {
		dst = append(dst, "{}"...)
	}
	dst = append(dst, f.Data...)
	dst = append(dst, `,"timestamp":"`...)
	dst = f.Time.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, `","message_id":"`...)
	dst = append(dst, f.MessageID...)
	dst = append(dst, '"')
	if len(f.ID) > 0 {
		dst = append(dst, `,"id":`...)
		dst = append(dst, f.ID...)
	}
	return append(dst, '}')
}

// ConnectData returns the `data` of the Offer that a Connect becomes.
func ConnectData(from PeerID, sdp, candidate []byte) json.RawMessage {
	b := make([]byte, 0, len(sdp)+len(candidate)+128)
	b = append(b, `{"event":"Offer","from":"`...)
	b = append(b, from...)
	b = append(b, `","data":{"sdp":`...)
	b = append(b, sdp...)
	b = append(b, `,"candidate":`...)
	b = append(b, candidate...)
	return append(b, "}}"...)
}

// Details is the `data` of Client_Details.
type Details struct {
	ID         PeerID          `json:"id"`
	Session    string          `json:"session,omitempty"`
	Resumed    bool            `json:"resumed"`
	Recovered  *bool           `json:"recovered,omitempty"` // only when resumed
	Rooms      []RoomID        `json:"rooms,omitempty"`     // that the session kept; only when resumed
	IceServers json.RawMessage `json:"ice_servers,omitempty"`
	Limits     Limits          `json:"limits"`
	AcceptFrom Senders         `json:"accept_from,omitzero"` // whose frames the peer accepts
	Heartbeat  int             `json:"heartbeat_seconds"`    // seconds between the server's pings
	Versions   []int           `json:"versions,omitempty"`   // of the protocol, that the server speaks
}

// ResumeData is the `data` of Resume.
type ResumeData struct {
	Session  string  `json:"session"`            // the newest session token
	Received *uint64 `json:"received,omitempty"` // text frames the client got on the connection that broke; nil when it does not know
}

// AuthenticateData is the `data` of Authenticate.
type AuthenticateData struct {
	Token string `json:"token"` // a fresh access token
}

// SessionData is the `data` of Session.
type SessionData struct {
	Session string `json:"session"`
}

// DrainingData is the `data` of Server_Draining.
type DrainingData struct {
	ReconnectAfterMS int64 `json:"reconnect_after_ms"` // milliseconds until close 1001
}

// AuthenticatedData is the `data` of Authenticated.
type AuthenticatedData struct {
	Expires time.Time `json:"expires"` // when the access token ends, and the connection with it
}

// IceServersData is the `data` of Ice_Servers.
type IceServersData struct {
	IceServers json.RawMessage `json:"ice_servers"` // RTCIceServer list
}

// RoomData is the `data` of every frame about a room.
type RoomData struct {
	Room     RoomID          `json:"room"`
	RoomID   RoomID          `json:"roomId,omitempty"` // Room_Created only
	Name     string          `json:"name"`
	Clients  []PeerID        `json:"clients,omitzero"` // after the change; nil in a delta
	Count    *int            `json:"count,omitempty"`  // in a delta
	Creator  PeerID          `json:"creator"`
	Capacity int             `json:"capacity,omitempty"`
	Locked   bool            `json:"locked,omitempty"`
	Password bool            `json:"password,omitempty"` // whether the room has one
	Metadata json.RawMessage `json:"metadata,omitempty"`
	Revision uint64          `json:"revision"`

	// What changed; in updates only.
	Client  PeerID            `json:"client,omitempty"`  // whom it is about
	Added   []PeerID          `json:"added,omitempty"`   // everyone who joined since the last update
	Removed []PeerID          `json:"removed,omitempty"` // everyone who left since
	Updated []PeerID          `json:"updated,omitempty"` // members whose information changed since; Member_Updated only
	Reason  Reason            `json:"reason,omitempty"`  // of Client's removal; in Room_Deleted only ReasonLost
	Reasons map[PeerID]Reason `json:"reasons,omitempty"` // of each in Removed, when they differ

	Members map[PeerID]MemberInfo `json:"members,omitempty"` // those that have a user name or metadata, or are moderators
	Banned  []Ban                 `json:"banned,omitempty"`  // Room_Info only; oldest first
	Waiting []Waiting             `json:"waiting,omitempty"` // Room_Info to the creator and moderators only; oldest first
}

// JoinWaitingData is the `data` of Join_Waiting. It shows nothing of the room, because its
// receiver is no member.
type JoinWaitingData struct {
	Room RoomID `json:"room"`
}

// WaitingData is the `data` of Waiting_Updated.
type WaitingData struct {
	Room     RoomID    `json:"room"`
	Revision uint64    `json:"revision"`
	Waiting  []Waiting `json:"waiting"` // oldest first; never nil
}

// Waiting is a peer that waits to be admitted to a room.
type Waiting struct {
	Client   PeerID          `json:"client"`
	User     string          `json:"user,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

// Reason says why a member left a room.
type Reason string

// Reasons of Client_Removed, and ReasonLost of Room_Deleted.
const (
	ReasonLeft         Reason = "left"
	ReasonRemoved      Reason = "removed"
	ReasonBanned       Reason = "banned" // removed, and may not join again
	ReasonDisconnected Reason = "disconnected"
	ReasonLost         Reason = "lost" // the server lost its rooms
)

// MemberInfo is what other members see of a member besides its id.
type MemberInfo struct {
	User      string          `json:"user,omitempty"`
	Metadata  json.RawMessage `json:"metadata,omitempty"`
	Moderator bool            `json:"moderator,omitempty"`
}

// Ban keeps a peer out of a room, and every peer of the same user.
type Ban struct {
	Client PeerID `json:"client"`
	User   string `json:"user,omitempty"`
}

// Keeps reports whether the ban keeps a peer of a user out. user is "" when the peer has no
// user name.
func (b Ban) Keeps(p PeerID, user string) bool {
	return b.Client == p || b.User != "" && b.User == user
}

// Role is what a member may do in a room.
type Role string

// Roles, as Set_Role gives them.
const (
	RoleCreator   Role = "creator"
	RoleModerator Role = "moderator"
	RoleMember    Role = "member"
)

// Valid reports whether r is a role.
func (r Role) Valid() bool { return r == RoleCreator || r == RoleModerator || r == RoleMember }

// AppendCloseReason appends the payload of a close frame: code, and reason cut
// to what a control frame holds.
func AppendCloseReason(dst []byte, code CloseCode, reason string) []byte {
	dst = append(dst, byte(code>>8), byte(code))
	if len(reason) > maxCloseReason {
		end := maxCloseReason
		for end > 0 && !utf8.RuneStart(reason[end]) {
			end-- // half a character would make the close frame itself invalid
		}
		reason = reason[:end]
	}
	return append(dst, reason...)
}

// maxCloseReason is what RFC 6455 leaves of a control frame for the reason, in
// bytes.
const maxCloseReason = 123

// String implements fmt.Stringer.
func (c CloseCode) String() string { return strconv.Itoa(int(c)) }
