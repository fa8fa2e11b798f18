package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"

	"p2pconnector/proto"
)

// VerifierConfig says which access tokens are valid.
type VerifierConfig struct {
	KeyFile  string       // with a public key (PEM), its private key, or a secret; "" when JWKS is set
	JWKS     string       // URL of a JWKS, used in place of KeyFile when set
	Issuer   string       // iss that tokens must have; "" for any
	Audience string       // aud that tokens must have; "" for any
	Logger   *slog.Logger // for a JWKS that cannot be fetched; not nil
}

// Verifier checks access tokens. Safe for concurrent use.
type Verifier struct {
	key    jwt.Keyfunc
	parser *jwt.Parser
}

// Times of a JWKS. An unknown key makes the verifier fetch the set again, but a client that
// invents keys can neither cause constant fetches nor delay handshakes for longer than
// jwksPatience.
const (
	jwksInterval = 5 * time.Minute
	jwksUnknown  = 10 * time.Second // between fetches for unknown keys
	jwksPatience = 3 * time.Second
)

// clockLeeway is the tolerated difference between an issuer's clock and ours.
const clockLeeway = 2 * time.Second

// maxAccessToken bounds an access token, in bytes.
const maxAccessToken = 8 << 10

// NewVerifier reads the key, or fetches the JWKS and follows its rotation until ctx ends. An
// error begins with the name of the setting that is wrong: token-key or token-jwks.
func NewVerifier(ctx context.Context, cfg VerifierConfig) (*Verifier, error) {
	v := new(Verifier)
	var algs []string
	if cfg.JWKS != "" {
		set, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{cfg.JWKS}, followJWKS(cfg.Logger))
		if err != nil {
			return nil, fmt.Errorf("token-jwks: %w", err)
		}
		v.key, algs = set.Keyfunc, []string{"RS256", "ES256", "EdDSA"}
	} else {
		key, alg, err := readVerifyingKey(cfg.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("token-key: %w", err)
		}
		v.key, algs = func(*jwt.Token) (any, error) { return key, nil }, []string{alg}
	}
	opts := []jwt.ParserOption{jwt.WithValidMethods(algs), jwt.WithExpirationRequired(), jwt.WithLeeway(clockLeeway), jwt.WithStrictDecoding()}
	if cfg.Issuer != "" {
		opts = append(opts, jwt.WithIssuer(cfg.Issuer))
	}
	if cfg.Audience != "" {
		opts = append(opts, jwt.WithAudience(cfg.Audience))
	}
	v.parser = jwt.NewParser(opts...)
	return v, nil
}

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

// ErrAccess is the error for an access token that is refused. Its text may go to clients;
// the texts of the errors wrapped beside it may not.
var ErrAccess = errors.New("the access token is missing, malformed, expired or not signed by a known key")

// accessClaims are the claims of an access token. A list that is missing or null allows
// everything.
type accessClaims struct {
	jwt.RegisteredClaims
	P2P struct {
		Rooms []string `json:"rooms"`
		Can   []Grant  `json:"can"`
	} `json:"p2p"`
}

// Verify returns what a token allows. The error is ErrAccess. With a JWKS it may wait for a
// fetch, at most jwksPatience.
func (v *Verifier) Verify(token string) (*Access, error) {
	if token == "" || len(token) > maxAccessToken || strings.ContainsAny(token, "\r\n") { // encoding/base64 skips line breaks
		return nil, ErrAccess
	}
	var claims accessClaims
	if _, err := v.parser.ParseWithClaims(token, &claims, v.keyOf); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAccess, err)
	}
	if len(claims.Subject) > proto.MaxUserBytes {
		return nil, fmt.Errorf("%w: sub is too long", ErrAccess)
	}
	// RFC 3339 cannot express a later time. Such an exp is a mistake, usually milliseconds
	// in place of seconds, and would make a token that never expires.
	if year := claims.ExpiresAt.UTC().Year(); year < 1970 || year > 9999 {
		return nil, fmt.Errorf("%w: exp is not in seconds since 1970", ErrAccess)
	}
	return &Access{User: claims.Subject, Expires: claims.ExpiresAt.Time, Rooms: claims.P2P.Rooms, Can: claims.P2P.Can}, nil
}

// keyOf returns the key for a token. It refuses a header that names critical extensions, as
// RFC 7515 requires of a recipient that supports none; the library ignores the member.
func (v *Verifier) keyOf(t *jwt.Token) (any, error) {
	if _, critical := t.Header["crit"]; critical {
		return nil, errors.New("the header has crit, and no extension is understood")
	}
	return v.key(t)
}

// RequestToken returns the access token of a handshake, or "" when it has none. It looks in
// Authorization, then in Sec-WebSocket-Protocol, then in the query.
func RequestToken(r *http.Request) string {
	if scheme, t, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(t)
	}
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for p := range strings.SplitSeq(line, ",") {
			if t, ok := strings.CutPrefix(strings.TrimSpace(p), proto.SubprotocolToken); ok {
				return t
			}
		}
	}
	return r.URL.Query().Get("access_token")
}
