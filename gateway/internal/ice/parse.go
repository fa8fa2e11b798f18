package ice

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Bounds of an answer. Each client gets the list in its first frame.
const (
	maxAnswerBytes = 64 << 10
	maxListBytes   = 16 << 10
	maxServers     = 32
	maxURLs        = 32 // of one server
)

// list is what an answer says.
type list struct {
	servers []json.RawMessage // of type RTCIceServer
	life    time.Duration     // of the credentials; 0: the answer does not say
}

// server is an RTCIceServer.
type server struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// parse reads an answer. It accepts only servers that RTCPeerConnection accepts.
func parse(answer []byte) (list, error) {
	raw, life, err := unwrap(answer)
	if err != nil {
		return list{}, err
	}
	if len(raw) == 0 || len(raw) > maxServers {
		return list{}, fmt.Errorf("%d servers, want 1 to %d", len(raw), maxServers)
	}
	l := list{life: life}
	size := 0
	for n, r := range raw {
		s, err := parseServer(r)
		if err != nil {
			return list{}, fmt.Errorf("server %d: %w", n+1, err)
		}
		b, err := json.Marshal(s)
		if err != nil {
			return list{}, fmt.Errorf("server %d: %w", n+1, err)
		}
		if size += len(b); size > maxListBytes {
			return list{}, fmt.Errorf("the servers have more than %d bytes", maxListBytes)
		}
		l.servers = append(l.servers, b)
	}
	return l, nil
}

// unwrap returns the servers in an answer, and how long their credentials work.
func unwrap(answer []byte) (servers []json.RawMessage, life time.Duration, err error) {
	if json.Unmarshal(answer, &servers) == nil && servers != nil {
		return servers, 0, nil
	}
	var object struct {
		Camel json.RawMessage `json:"iceServers"`  // Cloudflare
		Snake json.RawMessage `json:"ice_servers"` // Twilio
		TTL   json.RawMessage `json:"ttl"`         // Twilio: seconds, as a string
	}
	if json.Unmarshal(answer, &object) != nil {
		return nil, 0, errors.New("neither a JSON list nor an object")
	}
	inner := object.Camel
	if inner == nil {
		inner = object.Snake
	}
	if inner == nil {
		return nil, 0, errors.New("no iceServers and no ice_servers")
	}
	if object.TTL != nil {
		seconds, err := strconv.ParseInt(strings.Trim(string(object.TTL), `"`), 10, 32)
		if err != nil || seconds < 1 {
			return nil, 0, errors.New("ttl is not a number of seconds")
		}
		life = time.Duration(seconds) * time.Second
	}
	if json.Unmarshal(inner, &servers) != nil {
		servers = []json.RawMessage{inner}
	}
	return servers, life, nil
}

// parseServer reads an RTCIceServer. Like early browsers, Twilio also has the URL as url.
func parseServer(raw json.RawMessage) (s server, err error) {
	var in struct {
		URLs       json.RawMessage `json:"urls"`
		URL        string          `json:"url"`
		Username   string          `json:"username"`
		Credential string          `json:"credential"`
	}
	if json.Unmarshal(raw, &in) != nil {
		return s, errors.New("not an object with urls, username and credential as text")
	}
	s = server{Username: in.Username, Credential: in.Credential}
	if json.Unmarshal(in.URLs, &s.URLs) != nil {
		s.URLs = []string{in.URL}
		if in.URLs != nil && json.Unmarshal(in.URLs, &s.URLs[0]) != nil {
			return s, errors.New("urls is neither text nor a list of text")
		}
	}
	if len(s.URLs) == 0 || len(s.URLs) > maxURLs {
		return s, fmt.Errorf("%d URLs, want 1 to %d", len(s.URLs), maxURLs)
	}
	for _, u := range s.URLs {
		scheme, rest, _ := strings.Cut(u, ":")
		switch {
		case rest == "" || strings.ContainsAny(rest, " \t\r\n"):
			return s, errors.New("a URL has no host")
		case scheme == "stun" || scheme == "stuns":
		case scheme != "turn" && scheme != "turns":
			return s, errors.New("a URL whose scheme is not stun, stuns, turn or turns")
		case s.Username == "" || s.Credential == "":
			return s, errors.New("a TURN server without username or credential")
		}
	}
	return s, nil
}
