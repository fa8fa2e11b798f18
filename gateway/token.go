package gateway

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
)

// tokenLife is how old a session token may be. A session renews its token when
// its rooms change and on each resume, and lives on without; only a token this
// old is of no use when its gateway is gone.
const tokenLife = 24 * time.Hour

// sessionToken is what a session token says. A gateway that crashed needs
// nothing stored for its peers to come back: it is all in here.
type sessionToken struct {
	Peer   proto.PeerID    `json:"p"`
	Holder proto.GatewayID `json:"g"`
	Count  uint64          `json:"n"` // grows with each token of the session
	Rooms  []proto.RoomID  `json:"r,omitempty"`
	User   string          `json:"u,omitempty"`
	Issued int64           `json:"t"` // Unix seconds
}

// keyring holds the keys that sign and verify session tokens. Safe for
// concurrent use.
type keyring struct {
	set atomic.Pointer[proto.KeySet]
}

var (
	errToken        = errors.New("gateway: session token is malformed or not signed by this service")
	errTokenExpired = errors.New("gateway: session token is too old")
)

const tokenVersion = "s1"

// sign encodes t. It panics without keys: a gateway serves nobody before it has them.
func (k *keyring) sign(t sessionToken) string {
	key := k.set.Load().Keys[0]
	body := tokenVersion + "." + key.ID + "." + base64.RawURLEncoding.EncodeToString(marshal(t))
	return body + "." + base64.RawURLEncoding.EncodeToString(mac(key, body))
}

func mac(key proto.Key, body string) []byte {
	h := hmac.New(sha256.New, key.Secret)
	h.Write([]byte(body))
	return h.Sum(nil)
}

// verify decodes a token.
func (k *keyring) verify(token string, now time.Time) (*sessionToken, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 4 || parts[0] != tokenVersion {
		return nil, errToken
	}
	sum, err := base64.RawURLEncoding.DecodeString(parts[3])
	if err != nil {
		return nil, errToken
	}
	for _, key := range k.set.Load().Keys {
		if key.ID != parts[1] || !hmac.Equal(sum, mac(key, token[:strings.LastIndexByte(token, '.')])) {
			continue
		}
		b, err := base64.RawURLEncoding.DecodeString(parts[2])
		if err != nil {
			return nil, errToken
		}
		t := new(sessionToken)
		if json.Unmarshal(b, t) != nil || !t.Peer.Valid() || !t.Holder.Valid() {
			return nil, errToken
		}
		if now.Sub(time.Unix(t.Issued, 0)) > tokenLife {
			return t, errTokenExpired
		}
		return t, nil
	}
	return nil, errToken
}

// parseKeys reads configured secrets: the first signs, all verify, so that a key
// is replaced by putting the new one in front and dropping the old one later.
func parseKeys(secrets string) (*proto.KeySet, error) {
	set := new(proto.KeySet)
	for s := range strings.SplitSeq(secrets, ",") {
		s = strings.TrimSpace(s)
		if len(s) < 16 {
			return nil, fmt.Errorf("secret %d has fewer than 16 characters", len(set.Keys)+1)
		}
		sum := sha256.Sum256([]byte(s))
		id := sha256.Sum256(sum[:])
		set.Keys = append(set.Keys, proto.Key{ID: hex.EncodeToString(id[:4]), Secret: sum[:]})
	}
	return set, nil
}

// loadKeys gets the keys: from the configuration, or from the room service,
// which all gateways share.
func (g *Gateway) loadKeys() error {
	if g.cfg.SessionKey != "" {
		set, err := parseKeys(g.cfg.SessionKey)
		if err == nil {
			g.keys.set.Store(set)
		}
		return err
	}
	reply, err := g.ask(proto.OpKeys, &proto.Request{Gateway: g.id})
	if err != nil {
		return fmt.Errorf("gateway: session keys: %w", err)
	}
	if reply.Keys == nil || len(reply.Keys.Keys) == 0 {
		return errors.New("gateway: session keys: the room service has none")
	}
	g.keys.set.Store(reply.Keys)
	return nil
}

// keysLoop follows the rotation of shared keys.
func (g *Gateway) keysLoop(done <-chan struct{}) {
	if g.cfg.SessionKey != "" {
		return
	}
	tick := time.NewTicker(5 * time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			if err := g.loadKeys(); err != nil {
				g.log.Warn("session keys: keeping the old ones", "err", err)
			}
		}
	}
}

// tokenLocked makes the session's next token.
func (s *session) tokenLocked() string {
	s.count++
	return s.g.keys.sign(sessionToken{
		Peer: s.id, Holder: s.g.id, Count: s.count, Rooms: s.rooms, User: s.user, Issued: time.Now().Unix(),
	})
}

// renewToken sends the peer a token with its present rooms, in place of the last.
// It is for this connection only: kept for the next, it would come behind the newer
// one in that one's Client_Details, and take its place.
func (g *Gateway) renewToken(s *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != attached {
		return // it gets one when it resumes
	}
	frame := g.serverFrame(proto.TypeInfo, string(proto.Session), marshal(map[string]string{"session": s.tokenLocked()}), nil)
	if s.conn.enqueue(frame) > pressed {
		s.unsaid++
	}
}
