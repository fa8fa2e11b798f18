package config

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/google/uuid"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/egress"
	"p2pconnector/proto"
	"p2pconnector/proto/service"
)

var peerJSKey = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// MinBufferBytes is the least max-buffer-bytes: less would hold the large frames of no room.
const MinBufferBytes = 16 << 20

// minByteRate is the lowest limit on bytes a second. Below it a client could not even receive
// the answers that it needs.
const minByteRate = 1024

// Check returns an error for every setting that cannot work, by the name of its flag. c
// has its defaults.
func (c *Config) Check() error {
	errs := []error{
		c.NATS.Check(),
		c.Ops.Check(),
		service.CheckPair("tls-cert", c.TLSCert, "tls-key", c.TLSKey),
		service.CheckRange("max-message-bytes", c.MaxMessageBytes, 1024, 1<<20),
		service.CheckRange("max-rooms", c.MaxRooms, 1, 1024),
		service.CheckRange("max-room-members", c.MaxRoomMembers, 1, 20_000),
		service.CheckRange("max-room-id-bytes", c.MaxRoomIDBytes, len(uuid.Nil.String()), proto.MaxRoomIDBytes), // the gateway may draw a UUID as an id
		service.CheckRange("max-room-name-bytes", c.MaxRoomNameBytes, 1, proto.MaxRoomNameBytes),
		service.CheckRange("max-metadata-bytes", c.MaxMetadataBytes, len("null"), proto.MaxMetadataBytes),
		service.CheckRange("max-member-metadata-bytes", c.MaxMemberMetadata, len("null"), proto.MaxMemberMetadata),
		service.CheckRange("drain-window", c.DrainWindow, 0, time.Hour),
		service.CheckRange("webtorrent-interval", c.WebTorrentInterval, time.Second, time.Hour),
		service.CheckRange("webtorrent-max-peers", c.WebTorrentMaxPeers, 1, 1_000_000),
		service.CheckRange("peerjs-expire", c.PeerJSExpire, 100*time.Millisecond, time.Minute),
		service.CheckRange("session-grace", c.SessionGrace, 100*time.Millisecond, 10*time.Minute),
	}
	wrong := func(setting, format string, args ...any) {
		errs = append(errs, fmt.Errorf(setting+": "+format, args...))
	}
	if c.Listener == nil {
		errs = append(errs, service.CheckAddress("listen", c.Listen))
	}
	if c.MaxBufferBytes != 0 && c.MaxBufferBytes < MinBufferBytes {
		wrong("max-buffer-bytes", "%d is less than %d", c.MaxBufferBytes, MinBufferBytes)
	}
	if c.ID != "" && !c.ID.Valid() {
		wrong("id", "%w", proto.ErrGatewayID)
	}
	if !c.AcceptFrom.Valid() {
		wrong("accept-from", "%v is not known", c.AcceptFrom)
	}
	if c.MessagesPerSecond > 0 && c.MessageBurst < 1 {
		wrong("message-burst", "%d is less than 1", c.MessageBurst)
	}
	errs = append(errs, c.checkEgress(), c.checkQueues())
	if c.TokenKey != "" && c.TokenJWKS != "" {
		wrong("token-key, token-jwks", "give one of them")
	}
	if !peerJSKey.MatchString(c.PeerJSKey) {
		wrong("peerjs-key", "%q is not 1 to 64 letters, digits, - and _", c.PeerJSKey)
	}
	switch {
	case c.ICEServersURL != "":
		errs = append(errs, c.ICE(nil).Provider.Check())
	case c.ICEServersHeader != "" || c.ICEServersBody != "":
		wrong("ice-servers-url", "ice-servers-header and ice-servers-body need it")
	}
	if c.TURNTTL < time.Minute {
		wrong("turn-ttl", "%v is less than 1m", c.TURNTTL)
	}
	if c.SessionKey != "" {
		if _, err := auth.ParseKeys(c.SessionKey); err != nil {
			wrong("session-key", "%w", err)
		}
	}
	return errors.Join(errs...)
}

// checkEgress returns an error for each limit on bytes that cannot work.
func (c *Config) checkEgress() error {
	var errs []error
	for _, x := range []struct {
		name egress.LimitName
		rate int
	}{
		{egress.Received, c.BytesPerSecond}, {egress.Caused, c.EgressPerSecond},
		{egress.Room, c.RoomEgressPerSecond}, {egress.Total, c.TotalEgressPerSecond},
	} {
		if x.rate > 0 && x.rate < minByteRate {
			errs = append(errs, fmt.Errorf("%s: %d is less than %d; give -1 for no limit", x.name, x.rate, minByteRate))
		}
	}
	return errors.Join(errs...)
}

// checkQueues returns an error for each bound of what waits that cannot work.
func (c *Config) checkQueues() error {
	errs := []error{
		service.CheckRange("queue-bytes", c.QueueBytes, 16<<10, 4<<20),
		service.CheckRange("replay-frames", c.ReplayFrames, 1, 4096),
		service.CheckRange("replay-bytes", c.ReplayBytes, 1024, 1<<20), // a session moves to another gateway with them, in one message
		service.CheckRange("room-queue-frames", c.RoomQueueFrames, 1, 4096),
		service.CheckRange("link-window-bytes", c.LinkWindowBytes, 64<<10, 64<<20),
		service.CheckRange("control-frames-per-second", c.ControlPerSecond, 1, 1000), // our own pings are answered with them
		service.CheckRange("max-refused-pages", c.MaxRefusedPages, 1, 16_384),
		service.CheckRange("peerjs-wait-bytes", c.PeerJSWaitBytes, 1024, 4<<20),
		service.CheckRange("max-name-lookups", c.MaxNameLookups, 1, 16_384),
		service.CheckRange("max-known-names", c.MaxKnownNames, 1, 1<<22),
		service.CheckRange("webtorrent-max-swarms", c.WebTorrentMaxSwarms, 1, 4096),
		service.CheckRange("webtorrent-max-total-peers", c.WebTorrentMaxTotal, 1, 1<<24),
		service.CheckRange("nostr-max-subscriptions", c.NostrMaxSubs, 1, 1024),
	}
	if c.MaxMessageBytes > c.QueueBytes/2 {
		errs = append(errs, fmt.Errorf("max-message-bytes: %d is more than half of queue-bytes, %d; raise queue-bytes too", c.MaxMessageBytes, c.QueueBytes))
	}
	return errors.Join(errs...)
}
