package config

import (
	"net"

	"p2pconnector/gateway/internal/admission"
	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/egress"
	"p2pconnector/gateway/internal/ice"
	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/gateway/internal/quota"
	"p2pconnector/gateway/internal/ratelimit"
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/proto/service"
)

// Admission returns the configuration of package admission. c has its defaults; buffers is
// the budget of all buffers in bytes.
func (c *Config) Admission(buffers int64) admission.Config {
	return admission.Config{
		AllowedOrigins: c.AllowedOrigins, AllowedHosts: c.AllowedHosts, TrustedProxies: c.TrustedProxies,
		MaxConnections: c.MaxConnections, MaxPerAddress: c.MaxPerAddress, MaxPerUser: c.MaxPerUser,
		ConnectsPerSecond: c.ConnectsPerSecond, ConnectsPerAddress: c.ConnectsPerAddr,
		TokenFailures: c.TokenFailuresPerAddr, PendingBytes: membudget.PendingBytes(buffers),
		CloseConn: func(conn net.Conn) { _ = socket.WithoutAlert(conn).Close() }, // the server notices when it reads
	}
}

// BufferLimit returns the budget of all buffers in bytes: the setting, or a part of the memory
// that this process may use. from names what the part is of.
func (c *Config) BufferLimit() (bytes int64, from string) {
	if c.MaxBufferBytes > 0 {
		return int64(c.MaxBufferBytes), "max-buffer-bytes"
	}
	memory, from := service.MemoryLimit()
	return membudget.Derive(memory, from == service.GoMemoryLimit), from
}

// Egress returns the limits on bytes of package egress. c has its defaults.
func (c *Config) Egress() egress.Config {
	return egress.Config{Received: c.BytesPerSecond, Caused: c.EgressPerSecond, Room: c.RoomEgressPerSecond, Total: c.TotalEgressPerSecond}
}

// Quota returns the configuration of package quota. c has its defaults.
func (c *Config) Quota() quota.Config {
	return quota.Config{
		Memberships: c.MaxMemberships, MembershipsPerAddress: c.MembershipsPerAddr, MembershipsPerUser: c.MembershipsPerUser,
		AwayPerAddress: c.MaxPerAddress, AwayPerUser: c.MaxPerUser,
	}
}

// Verifier returns the configuration that package auth checks access tokens by. c has its
// defaults.
func (c *Config) Verifier() auth.VerifierConfig {
	return auth.VerifierConfig{KeyFile: c.TokenKey, JWKS: c.TokenJWKS, Issuer: c.TokenIssuer, Audience: c.TokenAudience, Logger: c.Logger}
}

// ICE returns the configuration of package ice; count counts requests to the provider. c has
// its defaults.
func (c *Config) ICE(count func(ice.Outcome)) ice.Config {
	cfg := ice.Config{Servers: c.ICEServers, TURNURLs: c.TURNURLs, TURNSecret: c.TURNSecret, TURNTTL: c.TURNTTL}
	if c.ICEServersURL != "" {
		cfg.Provider = &ice.ProviderConfig{
			URL: c.ICEServersURL, HeaderFile: c.ICEServersHeader, Body: c.ICEServersBody, TTL: c.ICEServersTTL,
			Count: count, Logger: c.Logger,
		}
	}
	return cfg
}

// FrameLimit returns the rate limit on the frames of one client. c has its defaults.
func (c *Config) FrameLimit() ratelimit.Limit {
	return ratelimit.Limit{PerSecond: c.MessagesPerSecond, Burst: c.MessageBurst}
}

// Shared returns the settings that all gateways and room services should have in common.
// c has its defaults.
func (c *Config) Shared() bus.SharedSettings {
	return bus.SharedSettings{
		SessionGraceMS: c.SessionGrace.Milliseconds(), MaxRoomMembers: c.MaxRoomMembers,
		MaxRoomIDBytes: c.MaxRoomIDBytes, MaxRoomNameBytes: c.MaxRoomNameBytes,
		MaxMetadataBytes: c.MaxMetadataBytes, MaxMemberMetadata: c.MaxMemberMetadata,
	}
}

// Limits returns the limits that the gateway announces to clients while the settings s
// apply. c has its defaults.
func (c *Config) Limits(s bus.SharedSettings) proto.Limits {
	l := proto.Limits{
		MaxMessageBytes: c.MaxMessageBytes, MessagesPerSecond: max(c.MessagesPerSecond, 0),
		MaxRooms: c.MaxRooms, MaxRoomMembers: s.MaxRoomMembers,
		MaxDepth: proto.MaxDepth, MaxCorrelationID: proto.MaxCorrelationID,
		MaxRoomIDBytes: s.MaxRoomIDBytes, MaxRoomNameBytes: s.MaxRoomNameBytes,
		MaxMetadataBytes: s.MaxMetadataBytes, MaxMemberMetadata: s.MaxMemberMetadata,
		RoomQueueFrames: c.RoomQueueFrames + c.MaxRooms, RoomPasswords: max(c.RoomPasswords, 0), ReplayFrames: c.ReplayFrames, ReplayBytes: c.ReplayBytes,
		BytesPerSecond: max(c.BytesPerSecond, 0), EgressPerSecond: max(c.EgressPerSecond, 0), RoomEgressPerSecond: max(c.RoomEgressPerSecond, 0),
	}
	if l.MessagesPerSecond > 0 {
		l.MessageBurst = c.MessageBurst
	}
	return l
}
