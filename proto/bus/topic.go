package bus

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"p2pconnector/proto"
)

// topicMark begins the id of a topic's room. It is a non-character, which stands in the id
// of no other room: no client can name a topic's room.
const topicMark = "\ufdd0"

// TopicRoom returns the room whose members are the gateways with subscribers of a topic.
// Topics of different namespaces have different rooms. The id is a digest, because a topic
// may be any text of any length.
func TopicRoom(namespace, topic string) proto.RoomID {
	sum := sha256.Sum256([]byte(namespace + "\x00" + topic))
	return proto.RoomID(topicMark + namespace + "." + base64.RawURLEncoding.EncodeToString(sum[:]))
}

// IsTopic reports whether r can be the room of a topic.
func IsTopic(r proto.RoomID) bool {
	return strings.HasPrefix(string(r), topicMark) && ValidRoom(r)
}

// TopicMember returns the peer as which gateway g is a member of the rooms of topics. It has
// no session, and gets no frames but publications.
func TopicMember(g proto.GatewayID) proto.PeerID {
	return proto.PeerID(g) + "-0000-8000-8000-000000000000"
}
