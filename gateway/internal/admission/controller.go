package admission

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"

	"p2pconnector/gateway/internal/ratelimit"
)

// Config says who may connect. The zero value allows pages of the gateway's own host,
// trusts no proxy, and limits nothing but pending connections.
type Config struct {
	// AllowedOrigins are the pages that may connect, separated by commas, like
	// "https://app.example.com,https://*.example.org,http://localhost:*". "*" allows all;
	// "" allows those of the same host only.
	AllowedOrigins string
	// AllowedHosts are the names by which clients may address the gateway, separated by
	// commas, like "p2p.example.com,*.example.org". Addresses and localhost are always
	// allowed. "" allows all.
	AllowedHosts string
	// TrustedProxies are the addresses and prefixes whose X-Forwarded-For counts, separated
	// by commas; "" for none.
	TrustedProxies string

	MaxConnections     int // admitted at the same time; 0 or less: no limit
	MaxPerAddress      int // the same, of one address or IPv6 /64; 0 or less: no limit
	MaxPerUser         int // the same, of one user of access tokens; 0 or less: no limit
	ConnectsPerSecond  int // admitted a second, and twice as many at once; 0 or less: no limit
	ConnectsPerAddress int // handshakes a second of one address or IPv6 /64, and twice as many at once; 0 or less: no limit
	TokenFailures      int // access tokens refused a second of one address or IPv6 /64, and twice as many at once; 0 or less: no limit

	PendingBytes int64 // of pending connections, at 25 KiB each; there may be 64 in any case

	// CloseConn closes a pending connection and must not wait for its client; nil calls
	// its Close.
	CloseConn func(net.Conn)
}

// LimitName names the limit that refused a handshake, as in the metrics.
type LimitName string

// The limits of a Controller, each named after its setting.
const (
	NoLimit            LimitName = ""
	ConnectsPerAddress LimitName = "connects_per_address"
	MaxPerAddress      LimitName = "max_per_address"
	MaxPerUser         LimitName = "max_per_user"
	MaxConnections     LimitName = "max_connections"
	ConnectsPerSecond  LimitName = "connects_per_second"
	TokenFailures      LimitName = "token_failures_per_address"
)

// Controller admits connections. Its methods may be called concurrently.
type Controller struct {
	origins origins
	hosts   hosts
	proxies proxies
	rates   *ratelimit.Addresses // of handshakes
	tokens  *ratelimit.Addresses // of access tokens that were refused
	limits  *limits
	pending *pending
}

// New returns a Controller without connections. An error begins with the name of the
// setting that is wrong.
func New(cfg Config) (*Controller, error) {
	o, err := parseOrigins(cfg.AllowedOrigins)
	if err != nil {
		return nil, fmt.Errorf("allowed-origins: %w", err)
	}
	hosts, err := parseHosts(cfg.AllowedHosts)
	if err != nil {
		return nil, fmt.Errorf("allowed-hosts: %w", err)
	}
	p, err := parseProxies(cfg.TrustedProxies)
	if err != nil {
		return nil, fmt.Errorf("trusted-proxies: %w", err)
	}
	return &Controller{
		origins: o, hosts: hosts, proxies: p, limits: newLimits(&cfg), pending: newPending(&cfg, p),
		rates:  ratelimit.NewAddresses(ratelimit.Limit{PerSecond: cfg.ConnectsPerAddress, Burst: 2 * cfg.ConnectsPerAddress}),
		tokens: ratelimit.NewAddresses(ratelimit.Limit{PerSecond: cfg.TokenFailures, Burst: 2 * cfg.TokenFailures}),
	}, nil
}

// ClientAddr returns the address that a handshake counts for: the address of the client
// behind trusted proxies. For an IPv6 client it is the first address of its /64, and for a
// network without addresses the zero value.
func (c *Controller) ClientAddr(r *http.Request) netip.Addr { return c.proxies.clientAddr(r) }

// AllowConnect counts a handshake from addr against the rate of that address. Every
// handshake must be counted, whatever its outcome. AllowConnect returns false when the
// address connects too often: the limit is ConnectsPerAddress.
func (c *Controller) AllowConnect(addr netip.Addr) bool { return c.rates.Take(addr) }

// AllowToken reports whether an access token from addr may be checked. It returns false
// when too many tokens from that address were refused recently: the limit is TokenFailures.
func (c *Controller) AllowToken(addr netip.Addr) bool { return !c.tokens.Empty(addr) }

// TokenRefused counts an access token from addr that was checked and refused.
func (c *Controller) TokenRefused(addr netip.Addr) { c.tokens.Take(addr) }

// AllowOrigin reports whether a handshake comes from a page that may connect, or from a
// client that is not a browser.
func (c *Controller) AllowOrigin(r *http.Request) bool { return c.origins.allow(r) }

// AllowHost reports whether a request, for a handshake or for a page, is addressed to one
// of this gateway's host names.
func (c *Controller) AllowHost(r *http.Request) bool { return c.hosts.allow(r) }

// Admit takes a place for a connection from addr, of a user whose name its access token has,
// or "". When there is none it returns the limit that was reached; otherwise the caller must
// call leave once, when the connection has ended.
func (c *Controller) Admit(addr netip.Addr, user string) (leave func(), met LimitName) {
	return c.limits.admit(addr, user)
}

// ConnState tracks pending connections; it is an http.Server's ConnState. It closes a new
// connection when its address has too many pending, and the oldest pending connection when
// all addresses together have too many.
func (c *Controller) ConnState(conn net.Conn, s http.ConnState) { c.pending.connState(conn, s) }

// ClosePending closes all pending connections. An http.Server's Close would wait for
// clients that do not read.
func (c *Controller) ClosePending() { c.pending.closeAll() }

// PendingCounts returns the number of pending connections, and the number that were closed so
// far because there were too many.
func (c *Controller) PendingCounts() (n int, closed uint64) { return c.pending.counts() }

// RateCounts returns the number of addresses, of ratelimit.MaxAddresses, whose handshake
// rate is remembered, and the number that were forgotten too early so far, because too many
// addresses connected at once.
func (c *Controller) RateCounts() (addresses int, evicted uint64) { return c.rates.Counts() }
