package bus

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"

	"p2pconnector/proto"
)

// OpID names one room operation for as long as it may be retried.
type OpID string

// NewOpID names the n-th operation of gateway g.
func NewOpID(g proto.GatewayID, n uint64) OpID {
	return OpID(string(g) + "-" + strconv.FormatUint(n, 36))
}

// RoomToken returns a room's id as one subject token and KV key: base64url without padding.
func RoomToken(r proto.RoomID) string { return base64.RawURLEncoding.EncodeToString([]byte(r)) }

// RoomFromToken is the inverse of RoomToken. Its error is ErrRoomID for a token that no
// valid room id has.
func RoomFromToken(token string) (proto.RoomID, error) {
	if !validToken(token) {
		return "", proto.ErrRoomID
	}
	b, err := strictBase64.DecodeString(token)
	return proto.RoomID(b), err
}

var (
	strictBase64  = base64.RawURLEncoding.Strict()
	maxTokenBytes = base64.RawURLEncoding.EncodedLen(proto.MaxRoomIDBytes)
)

// validToken reports whether token is the RoomToken of a valid room id. It does not
// allocate.
func validToken(token string) bool {
	if len(token) == 0 || len(token) > maxTokenBytes || strings.ContainsAny(token, "\r\n") { // encoding/base64 skips line breaks
		return false
	}
	var text, id [(proto.MaxRoomIDBytes*4 + 2) / 3]byte
	n, err := strictBase64.Decode(id[:], text[:copy(text[:], token)])
	return err == nil && utf8.Valid(id[:n]) && bytes.IndexFunc(id[:n], control) < 0
}

// ValidRoom reports whether r may be the id of a room that exists. It takes all that
// proto.RoomID.Valid takes, and what that took before it refused all marks and controls:
// a relay that cannot be read would hold up those behind it.
func ValidRoom(r proto.RoomID) bool {
	return len(r) > 0 && len(r) <= proto.MaxRoomIDBytes && utf8.ValidString(string(r)) && strings.IndexFunc(string(r), control) < 0
}

// control reports whether c could never stand in a room's id.
func control(c rune) bool { return c < 0x20 || c == 0x7f }
