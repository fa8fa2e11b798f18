package gateway

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"p2pconnector/proto"
)

// iceServer is an RTCIceServer, as RTCPeerConnection takes it.
type iceServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// ice makes the list of ICE servers for a client: the fixed ones, and TURN with
// credentials of its own that expire.
type ice struct {
	fixed  []json.RawMessage
	turn   []string
	secret []byte
	ttl    time.Duration
}

func newICE(cfg *Config) (*ice, error) {
	i := &ice{secret: []byte(cfg.TURNSecret), ttl: cfg.TURNTTL}
	if cfg.ICEServers != "" {
		if err := json.Unmarshal([]byte(cfg.ICEServers), &i.fixed); err != nil {
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

// list encodes the servers for peer; nil when there are none. The credentials
// are of the kind that coturn's use-auth-secret and pion take: the name is the
// time of expiry and the peer, the password its HMAC.
func (i *ice) list(peer proto.PeerID, now time.Time) json.RawMessage {
	if len(i.fixed) == 0 && len(i.turn) == 0 {
		return nil
	}
	all := append([]json.RawMessage(nil), i.fixed...)
	if len(i.turn) > 0 {
		name := strconv.FormatInt(now.Add(i.ttl).Unix(), 10) + ":" + string(peer)
		h := hmac.New(sha1.New, i.secret) // SHA-1 is what the TURN servers compute
		h.Write([]byte(name))
		all = append(all, marshal(iceServer{URLs: i.turn, Username: name, Credential: base64.StdEncoding.EncodeToString(h.Sum(nil))}))
	}
	return marshal(all)
}
