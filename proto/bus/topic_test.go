package bus

import (
	"strings"
	"testing"

	"p2pconnector/proto"
)

func TestTopicRoom_AnyTopic_IsARoomThatNoClientCanName(t *testing.T) {
	for _, topic := range []string{"", "a", "a.b *>", "\x00", "\xff", strings.Repeat("x", 1<<20), topicMark} {
		id := TopicRoom("yjs", topic)
		if !IsTopic(id) || !ValidRoom(id) || id.Valid() {
			t.Errorf("%.20q: got topic %v, room %v, for clients %v, want true, true, false", topic, IsTopic(id), ValidRoom(id), id.Valid())
		}
		if got, err := RoomFromToken(RoomToken(id)); got != id || err != nil {
			t.Errorf("%.20q: got %q, %v from its token, want %q", topic, got, err, id)
		}
	}
	if IsTopic("yjs") {
		t.Error("yjs: got a topic, want none")
	}
}

func TestTopicRoom_OtherNamespaceOrTopic_IsAnotherRoom(t *testing.T) {
	seen := make(map[proto.RoomID]string)
	for _, x := range [][2]string{{"yjs", "a"}, {"yjs", "b"}, {"nostr", "a"}, {"yjs", "a\x00"}} {
		id := TopicRoom(x[0], x[1])
		if other, ok := seen[id]; ok {
			t.Errorf("%q: got the room of %s, want another", x, other)
		}
		seen[id] = x[0] + " " + x[1]
	}
}

func TestTopicMember_OfAGateway_IsItsPeer(t *testing.T) {
	if p := TopicMember("00c0ffee"); !p.Valid() || p.Home() != "00c0ffee" {
		t.Errorf("got %q of %q, want a valid peer of 00c0ffee", p, p.Home())
	}
}
