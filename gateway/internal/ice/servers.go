package ice

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/proto"
)

// Config names the ICE servers that clients are given.
type Config struct {
	Servers    string        // a JSON array of RTCIceServer, sent unchanged; "" for none
	TURNURLs   string        // TURN servers that share TURNSecret, separated by commas; "" for none
	TURNSecret string        // required with TURNURLs
	TURNTTL    time.Duration // how long a credential works at most; at least a minute

	Provider *ProviderConfig // nil: no provider is asked
}

// renewals is how many credentials a peer gets within the life of one. Each credential is
// an account at the TURN server, which has its own quota of relays there, so a peer must
// not draw one with each request.
const renewals = 8

// Servers lists ICE servers for clients. Run may be called once; the other methods are safe
// for concurrent use.
type Servers struct {
	fixed  []json.RawMessage
	others atomic.Pointer[[]json.RawMessage] // of the provider; nil before its first list
	turn   []string
	secret []byte
	ttl    int64 // of a credential, in seconds
	every  int64 // seconds for which a peer gets the same credential

	provider *fetcher      // nil: none
	changed  chan struct{} // signals that the provider's list is new
}

// iceServer is an RTCIceServer, as RTCPeerConnection takes it.
type iceServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// New checks the configuration. An error begins with the name of the setting that is
// wrong: ice-servers, turn-urls or turn-secret.
func New(cfg Config) (*Servers, error) {
	s := &Servers{secret: []byte(cfg.TURNSecret), ttl: int64(cfg.TURNTTL / time.Second), changed: make(chan struct{}, 1)}
	s.every = max(s.ttl/renewals, 1)
	if cfg.Servers != "" {
		if err := json.Unmarshal([]byte(cfg.Servers), &s.fixed); err != nil {
			return nil, fmt.Errorf("ice-servers: not a JSON array: %w", err)
		}
		for n, raw := range s.fixed {
			var server struct {
				URLs json.RawMessage `json:"urls"`
			}
			if err := json.Unmarshal(raw, &server); err != nil || len(server.URLs) == 0 {
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
		s.turn = append(s.turn, u)
	}
	if len(s.turn) > 0 && cfg.TURNSecret == "" {
		return nil, errors.New("turn-secret: turn-urls needs the secret that the TURN server has")
	}
	if cfg.Provider != nil {
		s.provider = newFetcher(*cfg.Provider, s.setProvided)
	}
	return s, nil
}

// setProvided takes a new list of the provider, which is the same for all clients.
func (s *Servers) setProvided(servers []json.RawMessage) {
	s.others.Store(&servers)
	select {
	case s.changed <- struct{}{}:
	default: // Run has not seen the last change yet
	}
}

// Run asks the provider, and calls push whenever clients need a new list, until done is
// closed: when the provider has given one, and before the TURN credentials expire. push gets
// done.
func (s *Servers) Run(done <-chan struct{}, push func(done <-chan struct{})) {
	var fetching sync.WaitGroup
	defer fetching.Wait()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if s.provider != nil {
		fetching.Go(func() { s.provider.run(ctx) })
	}
	every := s.halfLife()
	clock.Repeat(done, s.changed, every, func() time.Duration {
		push(done)
		return every
	})
}

// Left returns how long the credentials of the provider's last list still work, 0 when there
// is no list or they have expired. ok is false without a provider.
func (s *Servers) Left() (left time.Duration, ok bool) {
	if s.provider == nil {
		return 0, false
	}
	return s.provider.left(), true
}

// Notes returns a line for operators while the last request to the provider has failed.
func (s *Servers) Notes() []string {
	if s.provider == nil {
		return nil
	}
	return s.provider.notes()
}

// halfLife returns half of the time that a TURN credential works at most: a client that gets
// a new one that often always has one that works. It is the longest Duration when no
// credential of this gateway expires.
func (s *Servers) halfLife() time.Duration {
	if len(s.turn) == 0 {
		return math.MaxInt64
	}
	return time.Duration(s.ttl) * time.Second / 2
}

// List encodes the servers for peer as a JSON array; it returns nil when there are none. The
// credentials are of the kind that coturn's use-auth-secret and pion accept: the name is the
// time of expiry and the peer, the password the HMAC of the name. now is the time of day.
//
// The time of expiry is rounded down, so that a peer gets the same credential from every
// gateway for an eighth of its life, however often it asks. A credential works for the TTL
// at most, and for seven eighths of it at least.
func (s *Servers) List(peer proto.PeerID, now time.Time) json.RawMessage {
	others := s.others.Load()
	if len(s.fixed) == 0 && len(s.turn) == 0 && others == nil {
		return nil
	}
	all := make([]any, 0, len(s.fixed)+1)
	for _, raw := range s.fixed {
		all = append(all, raw)
	}
	if others != nil {
		for _, raw := range *others {
			all = append(all, raw)
		}
	}
	if len(s.turn) > 0 {
		expires := now.Unix() + s.ttl
		expires -= expires % s.every
		name := strconv.FormatInt(expires, 10) + ":" + string(peer)
		h := hmac.New(sha1.New, s.secret) // SHA-1 is what the TURN servers compute
		h.Write([]byte(name))
		all = append(all, iceServer{URLs: s.turn, Username: name, Credential: base64.StdEncoding.EncodeToString(h.Sum(nil))})
	}
	b, err := json.Marshal(all)
	if err != nil {
		panic(err) // valid JSON and a type of our own: a bug, not input
	}
	return b
}
