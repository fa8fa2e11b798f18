package auth

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"p2pconnector/proto"
)

// ICEConfig names the ICE servers that clients are given.
type ICEConfig struct {
	Servers    string        // a JSON array of RTCIceServer, sent unchanged; "" for none
	TURNURLs   string        // TURN servers that share TURNSecret, separated by commas; "" for none
	TURNSecret string        // required with TURNURLs
	TURNTTL    time.Duration // how long a credential works at most; at least a minute
}

// renewals is how many credentials a peer gets within the life of one. Each credential is
// an account at the TURN server, which has its own quota of relays there, so a peer must
// not draw one with each request.
const renewals = 8

// ICE lists ICE servers for clients: the configured servers, those of a provider, and TURN
// servers with credentials for one client, which expire. Its methods may be called
// concurrently.
type ICE struct {
	fixed  []json.RawMessage
	others atomic.Pointer[[]json.RawMessage] // of a provider; nil before SetProvided
	turn   []string
	secret []byte
	ttl    int64 // of a credential, in seconds
	every  int64 // seconds for which a peer gets the same credential
}

// iceServer is an RTCIceServer, as RTCPeerConnection takes it.
type iceServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// NewICE checks the configuration. An error begins with the name of the setting that is
// wrong: ice-servers, turn-urls or turn-secret.
func NewICE(cfg ICEConfig) (*ICE, error) {
	i := &ICE{secret: []byte(cfg.TURNSecret), ttl: int64(cfg.TURNTTL / time.Second)}
	i.every = max(i.ttl/renewals, 1)
	if cfg.Servers != "" {
		if err := json.Unmarshal([]byte(cfg.Servers), &i.fixed); err != nil {
			return nil, fmt.Errorf("ice-servers: not a JSON array: %w", err)
		}
		for n, raw := range i.fixed {
			var s struct {
				URLs json.RawMessage `json:"urls"`
			}
			if err := json.Unmarshal(raw, &s); err != nil || len(s.URLs) == 0 {
				return nil, fmt.Errorf("ice-servers: entry %d has no urls", n+1)
			}
		}
	}
	for u := range strings.SplitSeq(cfg.TURNURLs, ",") {
		if u = strings.TrimSpace(u); u == "" {
			continue
		}
		if !strings.HasPrefix(u, "turn:") && !strings.HasPrefix(u, "turns:") {
			return nil, fmt.Errorf("turn-urls: %q is not a URL of the scheme turn or turns", u)
		}
		i.turn = append(i.turn, u)
	}
	if len(i.turn) > 0 && cfg.TURNSecret == "" {
		return nil, errors.New("turn-secret: turn-urls needs the secret that the TURN server has")
	}
	return i, nil
}

// SetProvided replaces the servers of a provider, which are the same for all clients.
func (i *ICE) SetProvided(servers []json.RawMessage) { i.others.Store(&servers) }

// HalfLife returns half of the time that a TURN credential works at most: a client that gets
// a new one that often always has one that works. It is the longest Duration when no
// credential of this gateway expires.
func (i *ICE) HalfLife() time.Duration {
	if len(i.turn) == 0 {
		return math.MaxInt64
	}
	return time.Duration(i.ttl) * time.Second / 2
}

// List encodes the servers for peer as a JSON array; it returns nil when there are none. The
// credentials are of the kind that coturn's use-auth-secret and pion accept: the name is the
// time of expiry and the peer, the password the HMAC of the name. now is the time of day.
//
// The time of expiry is rounded down, so that a peer gets the same credential from every
// gateway for an eighth of its life, however often it asks. A credential works for the TTL
// at most, and for seven eighths of it at least.
func (i *ICE) List(peer proto.PeerID, now time.Time) json.RawMessage {
	others := i.others.Load()
	if len(i.fixed) == 0 && len(i.turn) == 0 && others == nil {
		return nil
	}
	all := make([]any, 0, len(i.fixed)+1)
	for _, raw := range i.fixed {
		all = append(all, raw)
	}
	if others != nil {
		for _, raw := range *others {
			all = append(all, raw)
		}
	}
	if len(i.turn) > 0 {
		expires := now.Unix() + i.ttl
		expires -= expires % i.every
		name := strconv.FormatInt(expires, 10) + ":" + string(peer)
		h := hmac.New(sha1.New, i.secret) // SHA-1 is what the TURN servers compute
		h.Write([]byte(name))
		all = append(all, iceServer{URLs: i.turn, Username: name, Credential: base64.StdEncoding.EncodeToString(h.Sum(nil))})
	}
	b, err := json.Marshal(all)
	if err != nil {
		panic(err) // valid JSON and a type of our own: a bug, not input
	}
	return b
}
