package config

import (
	"flag"

	"p2pconnector/gateway/internal/egress"
	"p2pconnector/gateway/internal/topic"
)

// Flags binds the settings to fs, with their present values as defaults. Each
// flag can also be set by an environment variable: P2P_ and its name in capitals.
func (c *Config) Flags(fs *flag.FlagSet) {
	d := c.WithDefaults()
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
	fs.IntVar(&c.RoomPasswords, "room-passwords-per-second", d.RoomPasswords, "`passwords` of rooms a second that one client gives, and wrong ones of one address or one IPv6 /64; twice as many at once; -1 for no limit")
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
	fs.StringVar(&c.ICEServersURL, "ice-servers-url", c.ICEServersURL, "`URL` of a provider of ICE servers, asked again after half of ice-servers-ttl (default: none)")
	fs.StringVar(&c.ICEServersHeader, "ice-servers-header", c.ICEServersHeader, "`file` of headers for ice-servers-url, one a line, like Authorization: Bearer …; read for each request")
	fs.StringVar(&c.ICEServersBody, "ice-servers-body", c.ICEServersBody, "`text` to POST to ice-servers-url, with the seconds of ice-servers-ttl in place of {ttl} (default: a GET)")
	fs.DurationVar(&c.ICEServersTTL, "ice-servers-ttl", d.ICEServersTTL, "`time` that the credentials from ice-servers-url work, unless its answer has a shorter ttl")
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
	c.queueFlags(fs, &d)
	c.nameFlags(fs, &d)
	fs.IntVar(&c.WebTorrentRate, "webtorrent-announces-per-second", d.WebTorrentRate, "`announces` and scrapes a second of one connection, and twice webtorrent-max-swarms at once; -1 for no limit")
	fs.BoolVar(&c.PageOff, "page-off", c.PageOff, "serve no pages and no demo, only connector.js")
	fs.StringVar(&c.SessionKey, "session-key", c.SessionKey, "`secrets` that sign session tokens, separated by commas: the first signs, all verify (default: shared through the room service)")
}

// egressFlags binds the limits on bytes to fs. d is c with its defaults.
func (c *Config) egressFlags(fs *flag.FlagSet, d *Config) {
	fs.IntVar(&c.BytesPerSecond, string(egress.Received), d.BytesPerSecond, "`bytes` a second of frames from one client; 4 seconds' worth at once; -1 for no limit")
	fs.IntVar(&c.EgressPerSecond, string(egress.Caused), d.EgressPerSecond, "`bytes` a second that one client makes be sent: its messages to rooms and updates of rooms for each receiver, and lists of members; 4 seconds' worth at once; -1 for no limit")
	fs.IntVar(&c.RoomEgressPerSecond, string(egress.Room), d.RoomEgressPerSecond, "`bytes` a second that the clients of this gateway send to the members of one room; 4 seconds' worth at once; -1 for no limit")
	fs.IntVar(&c.TotalEgressPerSecond, string(egress.Total), d.TotalEgressPerSecond, "`bytes` a second that all clients of this gateway make be sent; 4 seconds' worth at once; -1 for no limit")
}

// topicFlags binds the limits of topics to fs. d is c with its defaults.
func (c *Config) topicFlags(fs *flag.FlagSet, d *Config) {
	fs.IntVar(&c.MaxTopics, string(topic.MaxTopics), d.MaxTopics, "`topics` with subscribers at this gateway, of the clients of y-webrtc and Trystero; -1 for no limit")
	fs.IntVar(&c.MaxTopicsPerAddr, string(topic.MaxPerAddress), d.MaxTopicsPerAddr, "`topics` of max-topics whose first subscribers are clients of one address, one IPv6 /64 or one user of access tokens; -1 for no limit")
	fs.IntVar(&c.MaxTopicSubscribers, string(topic.MaxSubscribers), d.MaxTopicSubscribers, "`subscribers` of one topic at this gateway; -1 for no limit")
	fs.IntVar(&c.MaxTopicsPerClient, string(topic.MaxPerClient), d.MaxTopicsPerClient, "`topics` that one client subscribes to; -1 for no limit")
	fs.IntVar(&c.TopicsPerSecond, string(topic.PerSecond), d.TopicsPerSecond, "`publications` a second of the clients of this gateway in one topic; 5 seconds' worth at once; -1 for no limit")
}

// queueFlags binds the bounds of what waits, or is open for a moment, to fs. d is c with its
// defaults.
func (c *Config) queueFlags(fs *flag.FlagSet, d *Config) {
	fs.IntVar(&c.QueueBytes, "queue-bytes", d.QueueBytes, "`bytes` that wait for a client to read, and a frame for each 256 of them; a quarter of them of one peer, three quarters of all peers")
	fs.IntVar(&c.ReplayFrames, "replay-frames", d.ReplayFrames, "`frames` that wait for a client that is away")
	fs.IntVar(&c.ReplayBytes, "replay-bytes", d.ReplayBytes, "`bytes` of the frames that wait for a client that is away")
	fs.IntVar(&c.RoomQueueFrames, "room-queue-frames", d.RoomQueueFrames, "`frames` of a connection that wait for its room requests, besides as many as max-rooms; at most 4 times max-message-bytes in all")
	fs.IntVar(&c.LinkWindowBytes, "link-window-bytes", d.LinkWindowBytes, "`bytes` of relays on the way to one other gateway, and one relay for each 512 of them; 16 times as many bytes to all gateways")
	fs.IntVar(&c.ControlPerSecond, "control-frames-per-second", d.ControlPerSecond, "pings and other control `frames` a second of one client; 6 seconds' worth at once")
	fs.IntVar(&c.MaxRefusedPages, "max-refused-pages", d.MaxRefusedPages, "`pages` that may be open to read why they were refused, a thirty-second of them of one address; and 4 times as many clients of other protocols that are held because they would connect again at once, a sixteenth of them of one address")
	fs.IntVar(&c.NostrMaxSubs, "nostr-max-subscriptions", d.NostrMaxSubs, "`subscriptions` of one client of Trystero's strategy nostr")
	fs.IntVar(&c.WebTorrentMaxSwarms, "webtorrent-max-swarms", d.WebTorrentMaxSwarms, "`swarms` of one connection")
	fs.IntVar(&c.WebTorrentMaxTotal, "webtorrent-max-total-peers", d.WebTorrentMaxTotal, "`peers` of all swarms whose home is this gateway")
}

// nameFlags binds the bounds of the ids of PeerJS clients to fs. d is c with its defaults.
func (c *Config) nameFlags(fs *flag.FlagSet, d *Config) {
	fs.IntVar(&c.PeerJSWaitBytes, "peerjs-wait-bytes", d.PeerJSWaitBytes, "`bytes` of the frames of one PeerJS client that wait for the clients they are for, and one frame for each KiB; 128 times as many bytes of all clients")
	fs.IntVar(&c.NameLookupsPerSecond, "name-lookups-per-second", d.NameLookupsPerSecond, "`look-ups` of ids a second of one PeerJS client; 5 seconds' worth at once; -1 for no limit")
	fs.IntVar(&c.MaxNameLookups, "max-name-lookups", d.MaxNameLookups, "`look-ups` of ids at the same time, and 4 times as many ids that are given back")
	fs.IntVar(&c.MaxKnownNames, "max-known-names", d.MaxKnownNames, "`ids` that the gateway remembers")
}
