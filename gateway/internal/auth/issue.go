package auth

import (
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Claims are what Issue writes into an access token.
type Claims struct {
	User     string        // sub
	Life     time.Duration // from now to exp; more than 0
	Rooms    []string      // p2p.rooms; nil leaves it out, which opens all rooms
	Can      []Grant       // p2p.can; nil leaves it out, which grants everything
	Issuer   string        // iss; "" leaves it out
	Audience string        // aud; "" leaves it out
}

// Issue makes an access token and signs it with the secret or private key in keyFile.
// Usually the operator's back end issues tokens; Issue is for trials and tests. now is the
// time of day.
func Issue(keyFile string, c Claims, now time.Time) (string, error) {
	method, key, err := readSigningKey(keyFile)
	if err != nil {
		return "", fmt.Errorf("key: %w", err)
	}
	claims := jwt.MapClaims{"sub": c.User, "iat": now.Unix(), "exp": now.Add(c.Life).Unix()}
	p2p := make(map[string]any)
	if c.Rooms != nil {
		p2p["rooms"] = c.Rooms
	}
	if c.Can != nil {
		p2p["can"] = c.Can
	}
	if len(p2p) > 0 {
		claims["p2p"] = p2p
	}
	if c.Issuer != "" {
		claims["iss"] = c.Issuer
	}
	if c.Audience != "" {
		claims["aud"] = c.Audience
	}
	token, err := jwt.NewWithClaims(method, claims).SignedString(key)
	if err != nil {
		return "", fmt.Errorf("key: %w", err)
	}
	return token, nil
}
