package bus

import (
	"strings"

	"p2pconnector/proto"
)

// JetStream buckets. A key of RoomsBucket is a room's RoomToken; its value is the
// room as JSON. A key of SessionsBucket is a peer's SessionKey; its value is a
// SessionEntry. A key of NamesBucket is a NameKey; its value is a NameEntry.
const (
	RoomsBucket    = "rooms"
	SessionsBucket = "sessions"
	NamesBucket    = "names"
	KeysBucket     = "session_keys"
	// KeysKey is the one key of KeysBucket; its value is a KeySet.
	KeysKey = "current"
)

// BucketStream returns the name of a bucket's stream, which NATS's own
// key-value tools use too.
func BucketStream(bucket string) string { return "KV_" + bucket }

// BucketSubject returns the subject of a key of a bucket. The key must be a
// room's RoomToken, a peer's SessionKey, a NameKey, or a constant; "*" stands for every
// key of one token, SessionKeys for every SessionKey, NameKeys for every NameKey.
func BucketSubject(bucket, key string) string { return "$KV." + bucket + "." + key }

// SessionKeys stands for every key of SessionsBucket.
const SessionKeys = "*.*"

// SessionKey returns the key of a peer in SessionsBucket: its home, and the
// rest of its id.
func SessionKey(p proto.PeerID) (string, error) {
	if !p.Valid() {
		return "", proto.ErrPeerID
	}
	return string(p[:8]) + "." + string(p[9:]), nil
}

// ParseSessionKey is the inverse of SessionKey.
func ParseSessionKey(key string) (proto.PeerID, bool) {
	home, rest, ok := strings.Cut(key, ".")
	p := proto.PeerID(home + "-" + rest)
	return p, ok && p.Valid()
}
