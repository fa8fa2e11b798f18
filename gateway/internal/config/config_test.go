package config

import (
	"strings"
	"testing"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/service"
)

func TestCheck_SeveralWrongSettings_ReportsAll(t *testing.T) {
	c := Config{
		Listen: "nowhere", ID: "x", Ops: service.Ops{Listen: "nowhere"},
		NATS: service.NATS{URL: "nats://", Creds: "no/such/file", Cert: "c.pem", CA: "no/such/file"}, TLSKey: "k.pem",
		MaxMessageBytes: 1, MaxRooms: -1, MaxRoomMembers: -1, MaxRoomIDBytes: 1, MaxRoomNameBytes: -1, MaxMetadataBytes: 1, MaxMemberMetadata: 1,
		DrainWindow: -1, SessionGrace: time.Hour, AcceptFrom: proto.AcceptNobody + 1, MessageBurst: -1, BytesPerSecond: 1023, EgressPerSecond: 1, RoomEgressPerSecond: 1, TotalEgressPerSecond: 1, TokenKey: "k", TokenJWKS: "u", TURNTTL: 1, SessionKey: ",",
		QueueBytes: 1, ReplayFrames: -1, ReplayBytes: 1, RoomQueueFrames: -1, LinkWindowBytes: 1, ControlPerSecond: -1, MaxRefusedPages: -1, PeerJSWaitBytes: 1,
		MaxNameLookups: -1, MaxKnownNames: -1, WebTorrentMaxSwarms: -1, WebTorrentMaxTotal: -1, NostrMaxSubs: -1,
	}
	c = c.WithDefaults()
	err := c.Check()
	if err == nil {
		t.Fatal("got no error, want one for each setting")
	}
	for _, want := range []string{
		"nats-url", "nats-creds", "nats-cert, nats-key", "nats-ca", "ops-listen", "tls-cert, tls-key", "max-message-bytes", "max-rooms", "max-room-members",
		"max-room-id-bytes", "max-room-name-bytes", "max-metadata-bytes", "max-member-metadata-bytes", "drain-window", "session-grace",
		"accept-from", "listen", "id", "message-burst", "bytes-per-second", "egress-bytes-per-second", "room-egress-bytes-per-second", "total-egress-bytes-per-second", "token-key, token-jwks", "turn-ttl", "session-key",
		"queue-bytes", "replay-frames", "replay-bytes", "room-queue-frames", "link-window-bytes", "control-frames-per-second", "max-refused-pages", "peerjs-wait-bytes",
		"max-name-lookups", "max-known-names", "webtorrent-max-swarms", "webtorrent-max-total-peers", "nostr-max-subscriptions",
	} {
		if !strings.Contains("\n"+err.Error(), "\n"+want+": ") {
			t.Errorf("got\n%v\nwant a line that begins with %s", err, want)
		}
	}
}

func TestCheck_MaxBufferBytes_HasALeast(t *testing.T) {
	for value, ok := range map[int]bool{MinBufferBytes - 1: false, -1: false, MinBufferBytes: true, 0: true} {
		cfg := Config{MaxBufferBytes: value}.WithDefaults()
		if err := cfg.Check(); (err == nil) != ok {
			t.Errorf("setting %d: got error %v, want one: %v", value, err, !ok)
		}
	}
}

// TestBufferLimit_Setting_WinsOverTheMemory: the setting is the budget, and without it some
// part of the memory is.
func TestBufferLimit_Setting_WinsOverTheMemory(t *testing.T) {
	if got, from := (&Config{MaxBufferBytes: MinBufferBytes}).BufferLimit(); got != MinBufferBytes || from != "max-buffer-bytes" {
		t.Errorf("got %d bytes from %s, want %d from the setting", got, from, MinBufferBytes)
	}
	if got, _ := new(Config).BufferLimit(); got < MinBufferBytes {
		t.Errorf("derived: got %d bytes, want at least %d", got, MinBufferBytes)
	}
}

// TestCheck_MaxMessageBytes_AtMostHalfAQueue: a queue must hold two messages of the largest size.
func TestCheck_MaxMessageBytes_AtMostHalfAQueue(t *testing.T) {
	for message, ok := range map[int]bool{50_000: true, 50_001: false} {
		c := Config{QueueBytes: 100_000, MaxMessageBytes: message}.WithDefaults()
		if err := c.Check(); (err == nil) != ok {
			t.Errorf("messages of %d bytes, a queue of 100,000: got error %v, want one: %v", message, err, !ok)
		}
	}
}
