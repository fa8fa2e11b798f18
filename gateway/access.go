package gateway

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"

	"p2pconnector/proto"
)

// tokenProtocol is the prefix of a Sec-WebSocket-Protocol entry that carries an
// access token, for browsers, which cannot set other headers.
const tokenProtocol = "p2p.token."

// grant is one thing that a token may allow.
type grant string

// Values of the claim p2p.can.
const (
	canCreate  grant = "create"
	canJoin    grant = "join"
	canMessage grant = "message"
	canRemove  grant = "remove"
)

// access is what an access token allows its bearer. nil allows everything: the
// gateway takes no tokens.
type access struct {
	user    string
	expires time.Time
	limited bool     // rooms is given
	rooms   []string // patterns as path.Match has them
	can     []string // nil: everything
}

// accessClaims are the claims of an access token.
type accessClaims struct {
	jwt.RegisteredClaims
	P2P struct {
		Rooms *[]string `json:"rooms"`
		Can   *[]string `json:"can"`
	} `json:"p2p"`
}

// may reports whether the token grants g for room, which is "" for frames to a peer.
func (a *access) may(g grant, room proto.RoomID) bool {
	if a == nil {
		return true
	}
	return (a.can == nil || slices.Contains(a.can, string(g))) && (room == "" || a.covers(room))
}

// covers reports whether the token's patterns match room.
func (a *access) covers(room proto.RoomID) bool {
	return a == nil || !a.limited || slices.ContainsFunc(a.rooms, func(p string) bool {
		ok, err := path.Match(p, string(room))
		return err == nil && ok
	})
}

// verifier checks access tokens. Safe for concurrent use.
type verifier struct {
	key    jwt.Keyfunc
	parser *jwt.Parser
}

// newVerifier returns nil when the gateway takes no tokens. With a JWKS URL, ctx
// ends the following of its rotation.
func newVerifier(ctx context.Context, cfg *Config) (*verifier, error) {
	algs := []string{"RS256", "ES256", "EdDSA"}
	v := new(verifier)
	switch {
	case cfg.TokenJWKS != "":
		set, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{cfg.TokenJWKS}, followJWKS(cfg.Logger))
		if err != nil {
			return nil, fmt.Errorf("token-jwks: %w", err)
		}
		v.key = set.Keyfunc
	case cfg.TokenKey != "":
		key, alg, err := readTokenKey(cfg.TokenKey)
		if err != nil {
			return nil, fmt.Errorf("token-key: %w", err)
		}
		algs = []string{alg}
		v.key = func(*jwt.Token) (any, error) { return key, nil }
	default:
		return nil, nil
	}
	opts := []jwt.ParserOption{jwt.WithValidMethods(algs), jwt.WithExpirationRequired(), jwt.WithLeeway(2 * time.Second)}
	if cfg.TokenIssuer != "" {
		opts = append(opts, jwt.WithIssuer(cfg.TokenIssuer))
	}
	if cfg.TokenAudience != "" {
		opts = append(opts, jwt.WithAudience(cfg.TokenAudience))
	}
	v.parser = jwt.NewParser(opts...)
	return v, nil
}

// Following a JWKS: a key that is not known has the set fetched again, but a
// stranger who invents keys can neither have it fetched all the time nor hold up
// handshakes for longer than jwksPatience.
const (
	jwksInterval = 5 * time.Minute
	jwksUnknown  = 10 * time.Second // between fetches for unknown keys
	jwksPatience = 3 * time.Second
)

func followJWKS(log *slog.Logger) keyfunc.Override {
	return keyfunc.Override{
		Client:      &http.Client{Timeout: jwksPatience, Transport: &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment}},
		HTTPTimeout: jwksPatience, RefreshInterval: jwksInterval,
		RefreshUnknownKID: rate.NewLimiter(rate.Every(jwksUnknown), 1), RateLimitWaitMax: jwksPatience,
		RefreshErrorHandlerFunc: func(string) func(context.Context, error) {
			return func(_ context.Context, err error) { log.Warn("token-jwks: keeping the old keys", "err", err) }
		},
	}
}

// readTokenKey reads a public key (PEM), the public part of a private one, or,
// when the file is no PEM, a secret; and the algorithm that goes with it, so
// that no token can choose another.
func readTokenKey(file string) (key any, alg string, err error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, "", err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		if b = bytes.TrimSpace(b); len(b) < 32 {
			return nil, "", errors.New("a secret must have at least 32 bytes")
		}
		return b, "HS256", nil
	}
	if key, err = parsePEM(block); err != nil {
		return nil, "", err
	}
	if s, ok := key.(crypto.Signer); ok {
		key = s.Public()
	}
	alg, err = algorithmOf(key)
	return key, alg, err
}

func parsePEM(block *pem.Block) (any, error) {
	for _, parse := range []func([]byte) (any, error){
		func(b []byte) (any, error) { return x509.ParsePKIXPublicKey(b) },
		func(b []byte) (any, error) { return x509.ParsePKCS8PrivateKey(b) },
		func(b []byte) (any, error) { return x509.ParsePKCS1PrivateKey(b) },
		func(b []byte) (any, error) { return x509.ParseECPrivateKey(b) },
		func(b []byte) (any, error) { return x509.ParsePKCS1PublicKey(b) },
	} {
		if key, err := parse(block.Bytes); err == nil {
			return key, nil
		}
	}
	return nil, fmt.Errorf("PEM block %q holds no key that is known here", block.Type)
}

func algorithmOf(public any) (string, error) {
	switch k := public.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < 2048 {
			return "", errors.New("an RSA key must have at least 2048 bits")
		}
		return "RS256", nil
	case *ecdsa.PublicKey:
		if k.Curve.Params().Name != "P-256" {
			return "", errors.New("an EC key must be on P-256")
		}
		return "ES256", nil
	case ed25519.PublicKey:
		return "EdDSA", nil
	}
	return "", fmt.Errorf("keys of type %T are not taken", public)
}

// errAccess is why a token is refused; its text may go to clients.
var errAccess = errors.New("the access token is missing, malformed, expired or not signed by a known key")

// verify reads a token.
func (v *verifier) verify(token string) (*access, error) {
	if token == "" || len(token) > 8<<10 {
		return nil, errAccess
	}
	var claims accessClaims
	if _, err := v.parser.ParseWithClaims(token, &claims, v.key); err != nil {
		return nil, fmt.Errorf("%w: %w", errAccess, err)
	}
	if len(claims.Subject) > proto.MaxUserBytes {
		return nil, fmt.Errorf("%w: sub is too long", errAccess)
	}
	// Beyond this RFC 3339 has no way to write it, and it was meant in milliseconds:
	// a token that never ends is nobody's wish.
	if year := claims.ExpiresAt.UTC().Year(); year < 1970 || year > 9999 {
		return nil, fmt.Errorf("%w: exp is not in seconds since 1970", errAccess)
	}
	a := &access{user: claims.Subject, expires: claims.ExpiresAt.Time}
	if claims.P2P.Rooms != nil {
		a.limited, a.rooms = true, *claims.P2P.Rooms
	}
	if claims.P2P.Can != nil {
		a.can = append([]string{}, *claims.P2P.Can...)
	}
	return a, nil
}

// tokenOf finds the access token of a handshake.
func tokenOf(r *http.Request) string {
	if scheme, t, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(t)
	}
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for p := range strings.SplitSeq(line, ",") {
			if t, ok := strings.CutPrefix(strings.TrimSpace(p), tokenProtocol); ok {
				return t
			}
		}
	}
	return r.URL.Query().Get("access_token")
}
