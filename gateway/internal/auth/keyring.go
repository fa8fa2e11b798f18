package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// TokenLife is the maximum age of a session token. A client gets a new token when its rooms
// change and on each resume. Its session does not end when the token gets too old; the
// client only loses the session if its gateway is gone by then.
const TokenLife = 24 * time.Hour

// minKeySecret is the minimum length of a configured secret, in bytes.
const minKeySecret = 16

// SessionToken is the content of a session token: all that another gateway needs to
// continue the session of a gateway that crashed.
type SessionToken struct {
	Peer proto.PeerID `json:"p"`
	bus.TokenRef
	Rooms      []proto.RoomID `json:"r,omitempty"`
	User       string         `json:"u,omitempty"`
	AcceptFrom proto.Senders  `json:"a,omitzero"` // whose frames the peer accepts
	Issued     int64          `json:"t"`          // Unix seconds; set by Sign
}

// Errors that refuse a session token.
var (
	// ErrToken: the token is malformed, or no key of this service signed it.
	ErrToken = errors.New("session token is malformed or not signed by this service")
	// ErrTokenExpired: the token is older than TokenLife.
	ErrTokenExpired = errors.New("session token is too old")
	// errKeyUnknown is an ErrToken that newer keys might verify.
	errKeyUnknown = fmt.Errorf("%w: its key is not known", ErrToken)
)

// tokenVersion begins every session token.
const tokenVersion = "s2"

// keyring holds the keys that sign and verify session tokens. The zero value has none. Safe
// for concurrent use.
type keyring struct {
	set atomic.Pointer[bus.KeySet] // with at least one key; nil: none yet
}

// sign encodes t as version.key.body.signature. It panics without keys.
func (k *keyring) sign(t SessionToken) string {
	key := k.set.Load().Keys[0]
	b, err := json.Marshal(t)
	if err != nil {
		panic(err) // a type of our own that does not encode: a bug, not input
	}
	body := tokenVersion + "." + key.ID + "." + base64.RawURLEncoding.EncodeToString(b)
	return body + "." + signature(key, body)
}

// signature returns the MAC of body in base64url.
func signature(key bus.Key, body string) string {
	h := hmac.New(sha256.New, key.Secret)
	h.Write([]byte(body))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// verify decodes a token. It compares the signature in its encoded form, so that a token
// has only one accepted spelling. It panics without keys.
func (k *keyring) verify(token string, now time.Time) (*SessionToken, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 4 || parts[0] != tokenVersion {
		return nil, ErrToken
	}
	known := false
	body := token[:strings.LastIndexByte(token, '.')]
	for _, key := range k.set.Load().Keys {
		if key.ID != parts[1] {
			continue
		}
		if known = true; hmac.Equal([]byte(parts[3]), []byte(signature(key, body))) {
			return decode(parts[2], now)
		}
	}
	if !known {
		return nil, errKeyUnknown
	}
	return nil, ErrToken
}

// decode decodes the body of a token whose signature is valid.
func decode(body string, now time.Time) (*SessionToken, error) {
	b, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return nil, ErrToken
	}
	t := new(SessionToken)
	if json.Unmarshal(b, t) != nil || !t.Peer.Valid() || !t.Owner.Valid() || t.Epoch > bus.MaxEpoch {
		return nil, ErrToken
	}
	if now.Sub(time.Unix(t.Issued, 0)) > TokenLife {
		return nil, ErrTokenExpired
	}
	return t, nil
}

// ParseKeys parses secrets, separated by commas: the first signs, all verify. So an operator
// replaces a key by putting the new key in front and dropping the old key later. An error
// does not contain a secret.
func ParseKeys(secrets string) (*bus.KeySet, error) {
	set := new(bus.KeySet)
	for s := range strings.SplitSeq(secrets, ",") {
		s = strings.TrimSpace(s)
		if len(s) < minKeySecret {
			return nil, fmt.Errorf("secret %d has fewer than %d characters", len(set.Keys)+1, minKeySecret)
		}
		sum := sha256.Sum256([]byte(s))
		id := sha256.Sum256(sum[:])
		set.Keys = append(set.Keys, bus.Key{ID: hex.EncodeToString(id[:4]), Secret: sum[:]})
	}
	return set, nil
}
