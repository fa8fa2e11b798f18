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

// TokenLife is how old a session token may be. A client gets a new token when its rooms
// change and on each resume, and its session lives on without. Only when its gateway is
// gone is a token this old of no use.
const TokenLife = 24 * time.Hour

// minKeySecret is the least length of a configured secret, in bytes.
const minKeySecret = 16

// SessionToken is what a session token says: all that another gateway needs to go on with
// the session of a gateway that crashed.
type SessionToken struct {
	Peer proto.PeerID `json:"p"`
	bus.TokenRef
	Rooms  []proto.RoomID `json:"r,omitempty"`
	User   string         `json:"u,omitempty"`
	Issued int64          `json:"t"` // Unix seconds; set by Sign
}

// Why a session token is refused.
var (
	// ErrToken: it is malformed, or no key of this service signed it.
	ErrToken = errors.New("session token is malformed or not signed by this service")
	// ErrTokenExpired: it is older than TokenLife.
	ErrTokenExpired = errors.New("session token is too old")
	// errKeyUnknown is an ErrToken that newer keys might verify.
	errKeyUnknown = fmt.Errorf("%w: its key is not known", ErrToken)
)

// tokenVersion begins every session token.
const tokenVersion = "s2"

// keyring holds the keys that sign and verify session tokens. The zero value has none. Safe
// for concurrent use.
type keyring struct {
	set atomic.Pointer[bus.KeySet] // with one key at least; nil: none yet
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

// verify decodes a token. It compares the signature as it is written, so that no second
// spelling of a token is accepted. It panics without keys.
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

// decode reads the body of a token whose signature is good.
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

// ParseKeys reads secrets, separated by commas: the first signs, all verify. So an operator
// replaces a key by putting the new one in front, and drops the old one later. An error does
// not show a secret.
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
