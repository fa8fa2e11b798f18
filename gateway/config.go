package gateway

import (
	"cmp"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"p2pconnector/proto"
)

// Config says how a gateway runs. The zero value of each field means the
// default that its comment names.
type Config struct {
	Listen   string          // host:port for clients; "" is :8080
	Listener net.Listener    // used in place of Listen when set
	ID       proto.GatewayID // "" draws one; set only in tests

	NATSURL     string        // servers, separated by commas; "" is nats://127.0.0.1:4222
	NATSCreds   string        // credentials file (.creds); "" for none
	NATSCert    string        // client certificate file (PEM); goes with NATSKey
	NATSKey     string        // key file of NATSCert (PEM)
	NATSCA      string        // file of certificates (PEM) that the server's must be signed by; "" is the system's
	NATSOptions []nats.Option // applied last; for embedding

	Logger *slog.Logger // nil discards

	MaxMessageBytes   int           // one WebSocket message, in bytes; 0 is 65,536
	MaxRooms          int           // rooms a peer may be in; 0 is 64
	MaxRoomMembers    int           // announced to clients, enforced by the room service; 0 is 10,000
	MaxRoomIDBytes    int           // a room's id; 0 is 128, which is also the most
	MaxRoomNameBytes  int           // a room's name; 0 is 256, which is also the most
	MaxMetadataBytes  int           // a room's metadata, as JSON; 0 is 8,192, which is also the most
	MaxMemberMetadata int           // a member's metadata, as JSON; 0 is 1,024, which is also the most
	DrainWindow       time.Duration // how long a drain may take; 0 is 25 s
	SessionGrace      time.Duration // how long a peer may be away; 0 is 15 s
	MessagesPerSecond int           // frames a second from one client; 0 is 200, below 0 no limit
	MessageBurst      int           // frames at once; 0 is 5 times MessagesPerSecond
	MaxConnections    int           // in total; 0 is 100,000, below 0 no limit
	MaxPerAddress     int           // connections of one address, or one IPv6 /64; 0 is 1,000, below 0 no limit
	ConnectsPerSecond int           // new connections; 0 is 2,000, below 0 no limit
	TrustedProxies    string        // addresses and prefixes whose X-Forwarded-For counts, separated by commas
	AllowedOrigins    string        // pages that may connect, separated by commas; "" is those of the same host
	TokenKey          string        // file of the key or secret that verifies access tokens; "" takes no tokens
	TokenJWKS         string        // URL of keys that verify access tokens, in place of TokenKey
	TokenIssuer       string        // iss that access tokens must have; "" takes any
	TokenAudience     string        // aud that access tokens must have; "" takes any
	ICEServers        string        // RTCIceServer list for clients, as JSON
	TURNURLs          string        // TURN servers that take time-limited credentials, separated by commas
	TURNSecret        string        // secret that those share
	TURNTTL           time.Duration // how long credentials work; 0 is 12 h
	PageOff           bool          // no page and no demo at /, only connector.js
	Version           string        // shown on the page and in the metrics; "" is "dev"
	Commit            string        // of the source, shown in the metrics
	OpsListen         string        // host:port for metrics and health; "" and "off" open none
	OpsPprof          bool          // serves profiles on OpsListen too
	SessionKey        string        // secrets that sign session tokens, separated by commas, the first signs; "" takes the shared ones
}

// Flags binds the settings to fs, with the values they have as defaults. Each
// flag is an environment variable too: P2P_ and its name in capitals.
func (c *Config) Flags(fs *flag.FlagSet) {
	d := c.withDefaults()
	fs.StringVar(&c.Listen, "listen", d.Listen, "`host:port` to accept WebSockets on")
	fs.StringVar(&c.NATSURL, "nats-url", d.NATSURL, "`URLs` of NATS servers, separated by commas")
	fs.StringVar(&c.NATSCreds, "nats-creds", c.NATSCreds, "NATS credentials `file`")
	fs.StringVar(&c.NATSCert, "nats-cert", c.NATSCert, "client certificate `file` for NATS (PEM)")
	fs.StringVar(&c.NATSKey, "nats-key", c.NATSKey, "`file` of the client certificate's key (PEM)")
	fs.StringVar(&c.NATSCA, "nats-ca", c.NATSCA, "`file` of certificates that sign the NATS server's (PEM)")
	fs.IntVar(&c.MaxMessageBytes, "max-message-bytes", d.MaxMessageBytes, "`bytes` of one WebSocket message")
	fs.IntVar(&c.MaxRooms, "max-rooms", d.MaxRooms, "`rooms` a peer may be in")
	fs.IntVar(&c.MaxRoomMembers, "max-room-members", d.MaxRoomMembers, "`members` a room may have, as announced to clients; give the room service the same")
	fs.IntVar(&c.MaxRoomIDBytes, "max-room-id-bytes", d.MaxRoomIDBytes, "`bytes` of a room's id")
	fs.IntVar(&c.MaxRoomNameBytes, "max-room-name-bytes", d.MaxRoomNameBytes, "`bytes` of a room's name")
	fs.IntVar(&c.MaxMetadataBytes, "max-metadata-bytes", d.MaxMetadataBytes, "`bytes` of a room's metadata, as JSON")
	fs.IntVar(&c.MaxMemberMetadata, "max-member-metadata-bytes", d.MaxMemberMetadata, "`bytes` of a member's metadata, as JSON")
	fs.DurationVar(&c.DrainWindow, "drain-window", d.DrainWindow, "`time` that a drain may take after SIGTERM")
	fs.DurationVar(&c.SessionGrace, "session-grace", d.SessionGrace, "`time` that a peer may be away before it leaves its rooms; give the room service the same")
	fs.IntVar(&c.MessagesPerSecond, "messages-per-second", d.MessagesPerSecond, "`frames` a second from one client; -1 for no limit")
	fs.IntVar(&c.MessageBurst, "message-burst", c.MessageBurst, "`frames` at once from one client (default 5 times messages-per-second)")
	fs.IntVar(&c.MaxConnections, "max-connections", d.MaxConnections, "`connections` in total; -1 for no limit")
	fs.IntVar(&c.MaxPerAddress, "max-per-address", d.MaxPerAddress, "`connections` of one address, or one IPv6 /64; -1 for no limit")
	fs.IntVar(&c.ConnectsPerSecond, "connects-per-second", d.ConnectsPerSecond, "new `connections` a second; -1 for no limit")
	fs.StringVar(&c.TrustedProxies, "trusted-proxies", c.TrustedProxies, "`addresses` and prefixes whose X-Forwarded-For counts, separated by commas")
	fs.StringVar(&c.AllowedOrigins, "allowed-origins", c.AllowedOrigins, "`origins` of pages that may connect, separated by commas, like https://*.example.com; * for all (default: the same host)")
	fs.StringVar(&c.TokenKey, "token-key", c.TokenKey, "`file` of the key (PEM) or secret that verifies access tokens (default: no tokens are needed)")
	fs.StringVar(&c.TokenJWKS, "token-jwks", c.TokenJWKS, "`URL` of a JWKS that verifies access tokens")
	fs.StringVar(&c.TokenIssuer, "token-issuer", c.TokenIssuer, "`iss` that access tokens must have")
	fs.StringVar(&c.TokenAudience, "token-audience", c.TokenAudience, "`aud` that access tokens must have")
	fs.StringVar(&c.ICEServers, "ice-servers", c.ICEServers, "`JSON` list of RTCIceServer for clients")
	fs.StringVar(&c.TURNURLs, "turn-urls", c.TURNURLs, "`URLs` of TURN servers with a shared secret, separated by commas")
	fs.StringVar(&c.TURNSecret, "turn-secret", c.TURNSecret, "`secret` that the TURN servers share")
	fs.DurationVar(&c.TURNTTL, "turn-ttl", d.TURNTTL, "`time` that TURN credentials work")
	fs.StringVar(&c.OpsListen, "ops-listen", cmp.Or(c.OpsListen, DefaultOpsListen), "`host:port` for metrics and health checks; off for none")
	fs.BoolVar(&c.OpsPprof, "ops-pprof", c.OpsPprof, "serve Go profiles on ops-listen")
	fs.BoolVar(&c.PageOff, "page-off", c.PageOff, "serve no page and no demo, only connector.js")
	fs.StringVar(&c.SessionKey, "session-key", c.SessionKey, "`secrets` that sign session tokens, separated by commas: the first signs, all verify (default: shared through the room service)")
}

// withDefaults returns c with every zero replaced by what it means.
func (c Config) withDefaults() Config {
	def(&c.Listen, ":8080")
	def(&c.NATSURL, nats.DefaultURL)
	def(&c.Logger, slog.New(slog.DiscardHandler))
	def(&c.MaxMessageBytes, proto.DefaultMaxMessageBytes)
	def(&c.MaxRooms, proto.DefaultMaxRooms)
	def(&c.MaxRoomMembers, proto.DefaultMaxRoomMembers)
	def(&c.MaxRoomIDBytes, proto.MaxRoomIDBytes)
	def(&c.MaxRoomNameBytes, proto.MaxRoomNameBytes)
	def(&c.MaxMetadataBytes, proto.MaxMetadataBytes)
	def(&c.MaxMemberMetadata, proto.MaxMemberMetadata)
	def(&c.DrainWindow, 25*time.Second)
	def(&c.SessionGrace, proto.SessionGrace)
	def(&c.MessagesPerSecond, 200)
	def(&c.MessageBurst, 5*c.MessagesPerSecond)
	def(&c.MaxConnections, 100_000)
	def(&c.MaxPerAddress, 1000)
	def(&c.ConnectsPerSecond, 2000)
	def(&c.TURNTTL, 12*time.Hour)
	def(&c.Version, "dev")
	return c
}

// limits is what clients are told of the limits that concern them. c has its defaults.
func (c *Config) limits() proto.Limits {
	l := proto.Limits{
		MaxMessageBytes: c.MaxMessageBytes, MessagesPerSecond: unlimited(c.MessagesPerSecond),
		MaxRooms: c.MaxRooms, MaxRoomMembers: c.MaxRoomMembers,
		MaxDepth: proto.MaxDepth, MaxCorrelationID: proto.MaxCorrelationID,
		MaxRoomIDBytes: c.MaxRoomIDBytes, MaxRoomNameBytes: c.MaxRoomNameBytes,
		MaxMetadataBytes: c.MaxMetadataBytes, MaxMemberMetadata: c.MaxMemberMetadata,
	}
	if l.MessagesPerSecond > 0 {
		l.MessageBurst = c.MessageBurst
	}
	return l
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// check reports the first setting that cannot work, by the name of its flag.
// c has its defaults.
func (c *Config) check() error {
	if c.Listener == nil {
		if _, _, err := net.SplitHostPort(c.Listen); err != nil {
			return fmt.Errorf("listen: %w", err)
		}
	}
	if c.OpsListen != "" && c.OpsListen != opsOff {
		if _, _, err := net.SplitHostPort(c.OpsListen); err != nil {
			return fmt.Errorf("ops-listen: %w", err)
		}
	}
	if c.ID != "" && !c.ID.Valid() {
		return fmt.Errorf("id: %w", proto.ErrGatewayID)
	}
	if (c.NATSCert == "") != (c.NATSKey == "") {
		return fmt.Errorf("nats-cert, nats-key: give both or none")
	}
	if c.MaxMessageBytes < 1024 || c.MaxMessageBytes > maxQueueBytes/2 {
		return fmt.Errorf("max-message-bytes: %d is not between 1024 and %d", c.MaxMessageBytes, maxQueueBytes/2)
	}
	if c.MaxRooms < 1 || c.MaxRooms > 1024 {
		return fmt.Errorf("max-rooms: %d is not between 1 and 1024", c.MaxRooms)
	}
	if c.MaxRoomMembers < 1 || c.MaxRoomMembers > 20_000 {
		return fmt.Errorf("max-room-members: %d is not between 1 and 20000", c.MaxRoomMembers)
	}
	for _, l := range []struct {
		name               string
		value, least, most int
	}{
		{"max-room-id-bytes", c.MaxRoomIDBytes, len(uuid.Nil.String()), proto.MaxRoomIDBytes}, // an id may be drawn
		{"max-room-name-bytes", c.MaxRoomNameBytes, 1, proto.MaxRoomNameBytes},
		{"max-metadata-bytes", c.MaxMetadataBytes, len("null"), proto.MaxMetadataBytes},
		{"max-member-metadata-bytes", c.MaxMemberMetadata, len("null"), proto.MaxMemberMetadata},
	} {
		if l.value < l.least || l.value > l.most {
			return fmt.Errorf("%s: %d is not between %d and %d", l.name, l.value, l.least, l.most)
		}
	}
	if c.DrainWindow < 0 || c.DrainWindow > time.Hour {
		return fmt.Errorf("drain-window: %v is not between 0 and 1h", c.DrainWindow)
	}
	if c.SessionGrace < 100*time.Millisecond || c.SessionGrace > 10*time.Minute {
		return fmt.Errorf("session-grace: %v is not between 100ms and 10m", c.SessionGrace)
	}
	if c.MessagesPerSecond > 0 && c.MessageBurst < 1 {
		return fmt.Errorf("message-burst: %d is less than 1", c.MessageBurst)
	}
	if c.TokenKey != "" && c.TokenJWKS != "" {
		return fmt.Errorf("token-key, token-jwks: give one of them")
	}
	if c.TURNTTL < time.Minute {
		return fmt.Errorf("turn-ttl: %v is less than 1m", c.TURNTTL)
	}
	if c.SessionKey != "" {
		if _, err := parseKeys(c.SessionKey); err != nil {
			return fmt.Errorf("session-key: %w", err)
		}
	}
	return nil
}
