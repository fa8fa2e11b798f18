package config

import (
	"crypto/tls"
	"log/slog"
	"net"
	"time"

	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/proto"
	"p2pconnector/proto/service"
)

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
	RoomPasswords        int           // passwords of rooms a second that one client gives, and wrong ones of one address or IPv6 /64, and twice as many at once; 0 is 5, below 0 no limit
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
	ICEServersURL        string        // URL of a provider of ICE servers for clients; "" asks none
	ICEServersHeader     string        // file of headers for ICEServersURL, one a line; read for each request
	ICEServersBody       string        // to POST to ICEServersURL, with the seconds of ICEServersTTL in place of {ttl}; "" is GET
	ICEServersTTL        time.Duration // how long the provider's credentials work; 0 is 12 h
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
	QueueBytes           int           // that wait for a client to read; 0 is 262,144
	ReplayFrames         int           // that wait for a peer that is away; 0 is 256
	ReplayBytes          int           // of these frames; 0 is 262,144
	RoomQueueFrames      int           // of a connection that wait for its room requests, besides MaxRooms; 0 is 64
	LinkWindowBytes      int           // on the way to another gateway, and 16 times as many to all of them; 0 is 4 MiB
	ControlPerSecond     int           // pings and other control frames of one client, and 6 times as many at once; 0 is 10
	MaxRefusedPages      int           // that read why they were refused, and 4 times as many clients that are held; 0 is 256
	PeerJSWaitBytes      int           // of the frames of one PeerJS client that wait for their receivers, and 128 times as many of all; 0 is 262,144
	NameLookupsPerSecond int           // of ids, of one PeerJS client, and 5 times as many at once; 0 is 20, below 0 no limit
	MaxNameLookups       int           // of ids, at the same time, and 4 times as many that are given back; 0 is 256
	MaxKnownNames        int           // ids that the gateway remembers; 0 is 65,536
	WebTorrentMaxSwarms  int           // of a connection; 0 is 64
	WebTorrentMaxTotal   int           // peers of all swarms whose home is this gateway; 0 is 524,288
	NostrMaxSubs         int           // subscriptions of a client of Trystero's strategy nostr; 0 is 32
	PageOff              bool          // no pages and no demo, only connector.js
	Version              string        // shown in the metrics; "" is "dev"
	Commit               string        // of the source, shown in the metrics
	Ops                  service.Ops   // the server for operators
	SessionKey           string        // secrets that sign session tokens, separated by commas, the first signs; "" takes the shared ones
}

// WithDefaults returns c with every zero value replaced by the default.
func (c Config) WithDefaults() Config {
	def(&c.Listen, ":8080")
	def(&c.ID, proto.NewGatewayID())
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
	def(&c.RoomPasswords, 5)
	def(&c.ConnectsPerSecond, 2000)
	def(&c.ConnectsPerAddr, 200)
	def(&c.TokenFailuresPerAddr, 20)
	def(&c.TURNTTL, 12*time.Hour)
	def(&c.ICEServersTTL, 12*time.Hour)
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
	def(&c.QueueBytes, socket.DefaultQueueBytes)
	def(&c.ReplayFrames, proto.DefaultReplayFrames)
	def(&c.ReplayBytes, proto.DefaultReplayBytes)
	def(&c.RoomQueueFrames, 64)
	def(&c.LinkWindowBytes, link.DefaultWindowBytes)
	def(&c.ControlPerSecond, socket.DefaultControlFrames)
	def(&c.MaxRefusedPages, socket.DefaultRefused)
	def(&c.PeerJSWaitBytes, 256<<10)
	def(&c.NameLookupsPerSecond, 20)
	def(&c.MaxNameLookups, 256)
	def(&c.MaxKnownNames, 65_536)
	def(&c.WebTorrentMaxSwarms, 64)
	def(&c.WebTorrentMaxTotal, 1<<19)
	def(&c.NostrMaxSubs, 32)
	def(&c.Version, "dev")
	return c
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
