package config

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/google/uuid"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/egress"
	"p2pconnector/gateway/internal/socket"
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
		service.CheckRange("max-message-bytes", c.MaxMessageBytes, 1024, socket.MaxQueueBytes/2),
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
	errs = append(errs, c.checkEgress())
	if c.TokenKey != "" && c.TokenJWKS != "" {
		wrong("token-key, token-jwks", "give one of them")
	}
	if !peerJSKey.MatchString(c.PeerJSKey) {
		wrong("peerjs-key", "%q is not 1 to 64 letters, digits, - and _", c.PeerJSKey)
	}
	switch {
	case c.ICEServersURL != "":
		provider := c.ICEProvider()
		errs = append(errs, provider.Check())
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
