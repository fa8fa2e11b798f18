package gateway

import (
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"time"

	"github.com/google/uuid"

	"p2pconnector/gateway/internal/admission"
	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/quota"
	"p2pconnector/gateway/internal/ratelimit"
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/proto/service"
)

var peerJSKey = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Config holds the settings of a gateway. The zero value of each field means
// the default that its comment names. Of SessionGrace, MaxRoomMembers and the bounds of a
// room's texts the smallest value applies that any gateway or room service has: see package
// agreement.
type Config struct {
	Listen   string          // host:port for clients; "" is :8080
	Listener net.Listener    // used in place of Listen when set
	ID       proto.GatewayID // "" draws a random one; set only in tests

	NATS        service.NATS     // how to reach the NATS servers
	NATSOptions []natsbus.Option // applied last; for embedding

	Logger *slog.Logger // nil discards

	MaxMessageBytes      int           // one WebSocket message, in bytes; 0 is 65,536
	MaxRooms             int           // rooms a peer may be in; 0 is 64
	MaxRoomMembers       int           // announced to clients, enforced by the room service; 0 is 10,000
	MaxRoomIDBytes       int           // a room's id; 0 is 128, which is also the most
	MaxRoomNameBytes     int           // a room's name; 0 is 256, which is also the most
	MaxMetadataBytes     int           // a room's metadata, as JSON; 0 is 8,192, which is also the most
	MaxMemberMetadata    int           // a member's metadata, as JSON; 0 is 1,024, which is also the most
	DrainWindow          time.Duration // how long a drain may take; 0 is 25 s
	SessionGrace         time.Duration // how long a peer may be away; 0 is 15 s
	AcceptFrom           proto.Senders // whose frames a client gets that does not choose; 0 is those of anyone
	MessagesPerSecond    int           // frames a second from one client; 0 is 200, below 0 no limit
	MessageBurst         int           // frames at once; 0 is 5 times MessagesPerSecond
	BytesPerSecond       int           // of frames from one client; 0 is 1 MiB, below 0 no limit
	EgressPerSecond      int           // bytes a second that one client makes be sent to rooms; 0 is 8 MiB, below 0 no limit
	RoomEgressPerSecond  int           // bytes a second that the clients here send to one room; 0 is 32 MiB, below 0 no limit
	TotalEgressPerSecond int           // bytes a second that all clients make be sent; 0 is 256 MiB, below 0 no limit
	MaxConnections       int           // in total; 0 is 100,000, below 0 no limit
	MaxPerAddress        int           // connections of one address, or one IPv6 /64, and as many peers that are away; 0 is 1,000, below 0 no limit
	MaxPerUser           int           // connections of one user of access tokens, and as many peers that are away; 0 is 100, below 0 no limit
	MaxMemberships       int           // places in rooms that all peers take, those that are away too; 0 is 200,000, below 0 no limit
	MembershipsPerAddr   int           // of the peers of one address, or one IPv6 /64; 0 is 4,000, below 0 no limit
	MembershipsPerUser   int           // of the peers of one user of access tokens; 0 is 256, below 0 no limit
	MaxRoomRequests      int           // requests of clients that the room service works on at once, a quarter of them of one address or user; 0 is 256, below 0 no limit
	ConnectsPerSecond    int           // new connections; 0 is 2,000, below 0 no limit
	ConnectsPerAddr      int           // handshakes a second of one address, or one IPv6 /64, and twice as many at once; 0 is 200, below 0 no limit
	TokenFailuresPerAddr int           // access tokens refused a second of one address, or one IPv6 /64, and twice as many at once; 0 is 20, below 0 no limit
	MaxBufferBytes       int           // of the buffers for all clients, in bytes; 0 is half of GOMEMLIMIT, or else a quarter of the memory
	TrustedProxies       string        // addresses and prefixes whose X-Forwarded-For counts, separated by commas
	AllowedOrigins       string        // pages that may connect, separated by commas; "" is those of the same host
	AllowedHosts         string        // host names by which clients may address the gateway, separated by commas; "" is any
	TokenKey             string        // file of the key or secret that verifies access tokens; "" takes no tokens
	TokenJWKS            string        // URL of keys that verify access tokens, in place of TokenKey
	TokenIssuer          string        // iss that access tokens must have; "" takes any
	TokenAudience        string        // aud that access tokens must have; "" takes any
	TLSCert              string        // file of the certificate that clients are served with, with its chain (PEM); goes with TLSKey
	TLSKey               string        // file of TLSCert's key (PEM)
	TLS                  *tls.Config   // used in place of TLSCert and TLSKey when set; for embedding
	ICEServers           string        // RTCIceServer list for clients, as JSON
	TURNURLs             string        // TURN servers that take time-limited credentials, separated by commas
	TURNSecret           string        // secret that the TURN servers share
	TURNTTL              time.Duration // how long credentials work at most; a peer gets a new one after an eighth of it; 0 is 12 h
	PeerJSOff            bool          // no clients of PeerJS
	PeerJSKey            string        // key that clients of PeerJS must give; "" is "peerjs"
	PeerJSDiscovery      bool          // anybody may list the ids of all clients of PeerJS
	PeerJSExpire         time.Duration // how long a frame of a PeerJS client waits for its receiver; 0 is 5 s
	WebTorrentOff        bool          // no WebTorrent tracker
	WebTorrentInterval   time.Duration // between two announces of a client; 0 is 2 minutes
	WebTorrentMaxPeers   int           // of a swarm; 0 is 10,000
	WebTorrentRate       int           // announces and scrapes a second of one connection; 0 is 10, -1 no limit
	YjsOff               bool          // no clients of y-webrtc
	NostrOff             bool          // no clients of Trystero's strategy nostr
	WSRelayOff           bool          // no clients of Trystero's strategy ws-relay
	MaxTopics            int           // with subscribers at this gateway; 0 is 20,000, below 0 no limit
	MaxTopicsPerAddr     int           // of these, whose first subscribers are of one address, one IPv6 /64 or one user of access tokens; 0 is 2,000, below 0 no limit
	MaxTopicSubscribers  int           // of one topic at this gateway; 0 is 500, below 0 no limit
	MaxTopicsPerClient   int           // that one client subscribes to; 0 is 100, below 0 no limit
	TopicsPerSecond      int           // publications of the clients here in one topic; 0 is 500, below 0 no limit
	PageOff              bool          // no pages and no demo, only connector.js
	Version              string        // shown in the metrics; "" is "dev"
	Commit               string        // of the source, shown in the metrics
	Ops                  service.Ops   // the server for operators
	SessionKey           string        // secrets that sign session tokens, separated by commas, the first signs; "" takes the shared ones
}

// minBufferBytes is the least max-buffer-bytes: less would hold the large frames of no room.
const minBufferBytes = 16 << 20

// Flags binds the settings to fs, with their present values as defaults. Each
// flag can also be set by an environment variable: P2P_ and its name in capitals.
func (c *Config) Flags(fs *flag.FlagSet) {
	d := c.withDefaults()
	fs.StringVar(&c.Listen, "listen", d.Listen, "`host:port` to accept WebSockets on")
	c.NATS.Flags(fs)
	fs.IntVar(&c.MaxMessageBytes, "max-message-bytes", d.MaxMessageBytes, "`bytes` of one WebSocket message")
	fs.IntVar(&c.MaxRooms, "max-rooms", d.MaxRooms, "`rooms` a peer may be in")
	fs.IntVar(&c.MaxRoomMembers, "max-room-members", d.MaxRoomMembers, "`members` a room may have, as announced to clients; the same for all gateways and room services")
	fs.IntVar(&c.MaxRoomIDBytes, "max-room-id-bytes", d.MaxRoomIDBytes, "`bytes` of a room's id; the same for all gateways")
	fs.IntVar(&c.MaxRoomNameBytes, "max-room-name-bytes", d.MaxRoomNameBytes, "`bytes` of a room's name; the same for all gateways")
	fs.IntVar(&c.MaxMetadataBytes, "max-metadata-bytes", d.MaxMetadataBytes, "`bytes` of a room's metadata, as JSON; the same for all gateways")
	fs.IntVar(&c.MaxMemberMetadata, "max-member-metadata-bytes", d.MaxMemberMetadata, "`bytes` of a member's metadata, as JSON; the same for all gateways")
	fs.DurationVar(&c.DrainWindow, "drain-window", d.DrainWindow, "`time` that a drain may take after SIGTERM")
	fs.DurationVar(&c.SessionGrace, "session-grace", d.SessionGrace, "`time` that a peer may be away before it leaves its rooms; the same for all gateways and room services")
	fs.TextVar(&c.AcceptFrom, "accept-from", c.AcceptFrom, "`peers` that may send to a client which does not choose: anyone, rooms (members of its rooms), or nobody")
	fs.IntVar(&c.MessagesPerSecond, "messages-per-second", d.MessagesPerSecond, "`frames` a second from one client; -1 for no limit")
	fs.IntVar(&c.MessageBurst, "message-burst", c.MessageBurst, "`frames` at once from one client (default 5 times messages-per-second)")
	c.egressFlags(fs, &d)
	fs.IntVar(&c.MaxConnections, "max-connections", d.MaxConnections, "`connections` in total; -1 for no limit")
	fs.IntVar(&c.MaxPerAddress, "max-per-address", d.MaxPerAddress, "`connections` of one address, or one IPv6 /64, and as many clients that are away; -1 for no limit")
	fs.IntVar(&c.MaxPerUser, "max-per-user", d.MaxPerUser, "`connections` of one user of access tokens, and as many clients that are away; -1 for no limit")
	fs.IntVar(&c.MaxMemberships, "max-memberships", d.MaxMemberships, "`places` in rooms that all clients take, one for each room of each client, also of those that are away; -1 for no limit")
	fs.IntVar(&c.MembershipsPerAddr, "max-memberships-per-address", d.MembershipsPerAddr, "`places` in rooms of the clients of one address, or one IPv6 /64; -1 for no limit")
	fs.IntVar(&c.MembershipsPerUser, "max-memberships-per-user", d.MembershipsPerUser, "`places` in rooms of the clients of one user of access tokens; -1 for no limit")
	fs.IntVar(&c.MaxRoomRequests, "max-room-requests", d.MaxRoomRequests, "`requests` of clients that the room service works on at once, a quarter of them of one address, one IPv6 /64 or one user of access tokens; the others take turns; -1 for no limit")
	fs.IntVar(&c.ConnectsPerSecond, "connects-per-second", d.ConnectsPerSecond, "new `connections` a second; -1 for no limit")
	fs.IntVar(&c.ConnectsPerAddr, "connects-per-address", d.ConnectsPerAddr, "`handshakes` a second of one address, or one IPv6 /64, refused ones included; -1 for no limit")
	fs.IntVar(&c.TokenFailuresPerAddr, "token-failures-per-address", d.TokenFailuresPerAddr, "access `tokens` refused a second of one address, or one IPv6 /64: beyond that none of its tokens is checked; -1 for no limit")
	fs.IntVar(&c.MaxBufferBytes, "max-buffer-bytes", c.MaxBufferBytes, "`bytes` of the buffers for all clients: queues, frames for clients that are away, pending handshakes (default: half of GOMEMLIMIT, which a container's limit sets, or else a quarter of the memory)")
	fs.StringVar(&c.TrustedProxies, "trusted-proxies", c.TrustedProxies, "`addresses` and prefixes whose X-Forwarded-For counts, separated by commas")
	fs.StringVar(&c.AllowedOrigins, "allowed-origins", c.AllowedOrigins, "`origins` of pages that may connect, separated by commas, like https://*.example.com; * for all (default: the same host)")
	fs.StringVar(&c.AllowedHosts, "allowed-hosts", c.AllowedHosts, "`names` by which clients may address this gateway, separated by commas, like p2p.example.com,*.example.org; addresses and localhost always work (default: any)")
	fs.StringVar(&c.TokenKey, "token-key", c.TokenKey, "`file` of the key (PEM) or secret that verifies access tokens (default: no tokens are needed)")
	fs.StringVar(&c.TokenJWKS, "token-jwks", c.TokenJWKS, "`URL` of a JWKS that verifies access tokens")
	fs.StringVar(&c.TokenIssuer, "token-issuer", c.TokenIssuer, "`iss` that access tokens must have")
	fs.StringVar(&c.TokenAudience, "token-audience", c.TokenAudience, "`aud` that access tokens must have")
	fs.StringVar(&c.TLSCert, "tls-cert", c.TLSCert, "`file` of the certificate, with its chain (PEM), to serve clients by https and wss; read again when it changes (default: plain http)")
	fs.StringVar(&c.TLSKey, "tls-key", c.TLSKey, "`file` of the certificate's key (PEM)")
	fs.StringVar(&c.ICEServers, "ice-servers", c.ICEServers, "`JSON` list of RTCIceServer for clients")
	fs.StringVar(&c.TURNURLs, "turn-urls", c.TURNURLs, "`URLs` of TURN servers with a shared secret, separated by commas")
	fs.StringVar(&c.TURNSecret, "turn-secret", c.TURNSecret, "`secret` that the TURN servers share")
	fs.DurationVar(&c.TURNTTL, "turn-ttl", d.TURNTTL, "`time` that TURN credentials work; a client gets a new one after an eighth of it, however often it asks")
	c.Ops.Flags(fs)
	fs.BoolVar(&c.PeerJSOff, "peerjs-off", c.PeerJSOff, "serve no clients of PeerJS")
	fs.StringVar(&c.PeerJSKey, "peerjs-key", d.PeerJSKey, "`key` that clients of PeerJS must give: 1 to 64 letters, digits, - and _")
	fs.BoolVar(&c.PeerJSDiscovery, "peerjs-discovery", c.PeerJSDiscovery, "let anybody list the ids of all clients of PeerJS, as its listAllPeers does")
	fs.DurationVar(&c.PeerJSExpire, "peerjs-expire", d.PeerJSExpire, "`time` that a frame of a PeerJS client waits for the client it is for")
	fs.BoolVar(&c.WebTorrentOff, "webtorrent-off", c.WebTorrentOff, "be no WebTorrent tracker")
	fs.DurationVar(&c.WebTorrentInterval, "webtorrent-interval", d.WebTorrentInterval, "`time` between two announces of a WebTorrent client")
	fs.IntVar(&c.WebTorrentMaxPeers, "webtorrent-max-peers", d.WebTorrentMaxPeers, "`peers` in a swarm")
	fs.BoolVar(&c.YjsOff, "yjs-off", c.YjsOff, "serve no clients of y-webrtc, the provider of Yjs")
	fs.BoolVar(&c.NostrOff, "nostr-off", c.NostrOff, "serve no clients of Trystero's strategy nostr")
	fs.BoolVar(&c.WSRelayOff, "ws-relay-off", c.WSRelayOff, "serve no clients of Trystero's strategy ws-relay")
	c.topicFlags(fs, &d)
	fs.IntVar(&c.WebTorrentRate, "webtorrent-announces-per-second", d.WebTorrentRate, "`announces` and scrapes a second of one connection, and 128 at once; -1 for no limit")
	fs.BoolVar(&c.PageOff, "page-off", c.PageOff, "serve no pages and no demo, only connector.js")
	fs.StringVar(&c.SessionKey, "session-key", c.SessionKey, "`secrets` that sign session tokens, separated by commas: the first signs, all verify (default: shared through the room service)")
}

// withDefaults returns c with every zero value replaced by the default.
func (c Config) withDefaults() Config {
	def(&c.Listen, ":8080")
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
	def(&c.BytesPerSecond, 1<<20)
	def(&c.EgressPerSecond, 8<<20)
	def(&c.RoomEgressPerSecond, 32<<20)
	def(&c.TotalEgressPerSecond, 256<<20)
	def(&c.MaxConnections, 100_000)
	def(&c.MaxPerAddress, 1000)
	def(&c.MaxPerUser, 100)
	def(&c.MaxMemberships, 200_000)
	def(&c.MembershipsPerAddr, 4000)
	def(&c.MembershipsPerUser, 256)
	def(&c.MaxRoomRequests, 256)
	def(&c.ConnectsPerSecond, 2000)
	def(&c.ConnectsPerAddr, 200)
	def(&c.TokenFailuresPerAddr, 20)
	def(&c.TURNTTL, 12*time.Hour)
	def(&c.PeerJSKey, "peerjs")
	def(&c.PeerJSExpire, 5*time.Second)
	def(&c.WebTorrentInterval, 2*time.Minute)
	def(&c.WebTorrentMaxPeers, 10_000)
	def(&c.WebTorrentRate, 10)
	def(&c.MaxTopics, 20_000)
	def(&c.MaxTopicsPerAddr, 2000)
	def(&c.MaxTopicSubscribers, 500)
	def(&c.MaxTopicsPerClient, 100)
	def(&c.TopicsPerSecond, 500)
	def(&c.Version, "dev")
	return c
}

// admission returns the configuration of package admission. c has its defaults; buffers is
// the budget of all buffers in bytes.
func (c *Config) admission(buffers int64) admission.Config {
	return admission.Config{
		AllowedOrigins: c.AllowedOrigins, AllowedHosts: c.AllowedHosts, TrustedProxies: c.TrustedProxies,
		MaxConnections: c.MaxConnections, MaxPerAddress: c.MaxPerAddress, MaxPerUser: c.MaxPerUser,
		ConnectsPerSecond: c.ConnectsPerSecond, ConnectsPerAddress: c.ConnectsPerAddr,
		TokenFailures: c.TokenFailuresPerAddr, PendingBytes: membudget.PendingBytes(buffers),
		CloseConn: func(conn net.Conn) { _ = socket.WithoutAlert(conn).Close() }, // the server notices when it reads
	}
}

// quota returns the configuration of package quota. c has its defaults.
func (c *Config) quota() quota.Config {
	return quota.Config{
		Memberships: c.MaxMemberships, MembershipsPerAddress: c.MembershipsPerAddr, MembershipsPerUser: c.MembershipsPerUser,
		AwayPerAddress: c.MaxPerAddress, AwayPerUser: c.MaxPerUser,
	}
}

// verifier returns the configuration that package auth checks access tokens by. c has its
// defaults.
func (c *Config) verifier() auth.VerifierConfig {
	return auth.VerifierConfig{KeyFile: c.TokenKey, JWKS: c.TokenJWKS, Issuer: c.TokenIssuer, Audience: c.TokenAudience, Logger: c.Logger}
}

// ice returns the configuration that package auth lists ICE servers by. c has its defaults.
func (c *Config) ice() auth.ICEConfig {
	return auth.ICEConfig{Servers: c.ICEServers, TURNURLs: c.TURNURLs, TURNSecret: c.TURNSecret, TURNTTL: c.TURNTTL}
}

// frameLimit returns the rate limit on the frames of one client. c has its defaults.
func (c *Config) frameLimit() ratelimit.Limit {
	return ratelimit.Limit{PerSecond: c.MessagesPerSecond, Burst: c.MessageBurst}
}

// shared returns the settings that all gateways and room services should have in common.
// c has its defaults.
func (c *Config) shared() bus.SharedSettings {
	return bus.SharedSettings{
		SessionGraceMS: c.SessionGrace.Milliseconds(), MaxRoomMembers: c.MaxRoomMembers,
		MaxRoomIDBytes: c.MaxRoomIDBytes, MaxRoomNameBytes: c.MaxRoomNameBytes,
		MaxMetadataBytes: c.MaxMetadataBytes, MaxMemberMetadata: c.MaxMemberMetadata,
	}
}

// limits returns the limits that the gateway announces to clients while the settings s
// apply. c has its defaults.
func (c *Config) limits(s bus.SharedSettings) proto.Limits {
	l := proto.Limits{
		MaxMessageBytes: c.MaxMessageBytes, MessagesPerSecond: max(c.MessagesPerSecond, 0),
		MaxRooms: c.MaxRooms, MaxRoomMembers: s.MaxRoomMembers,
		MaxDepth: proto.MaxDepth, MaxCorrelationID: proto.MaxCorrelationID,
		MaxRoomIDBytes: s.MaxRoomIDBytes, MaxRoomNameBytes: s.MaxRoomNameBytes,
		MaxMetadataBytes: s.MaxMetadataBytes, MaxMemberMetadata: s.MaxMemberMetadata,
		BytesPerSecond: max(c.BytesPerSecond, 0), EgressPerSecond: max(c.EgressPerSecond, 0), RoomEgressPerSecond: max(c.RoomEgressPerSecond, 0),
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

// check returns an error for every setting that cannot work, by the name of its flag. c
// has its defaults.
func (c *Config) check() error {
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
	if c.MaxBufferBytes != 0 && c.MaxBufferBytes < minBufferBytes {
		wrong("max-buffer-bytes", "%d is less than %d", c.MaxBufferBytes, minBufferBytes)
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
