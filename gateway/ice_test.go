package gateway

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"p2pconnector/proto"
)

// TestICEServers: fixed servers as they are, and TURN with a credential that is
// the HMAC of its name, which is its time of expiry and the peer.
func TestICEServers(t *testing.T) {
	const fixed = `{"urls":"stun:stun.example.org","x-unknown":[1]}`
	i, err := newICE(&Config{ICEServers: "[" + fixed + "]", TURNURLs: " turn:a.example:3478?transport=udp, turns:b.example ,", TURNSecret: "s3cret", TURNTTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	peer := proto.NewPeerID(proto.NewGatewayID())
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var list []json.RawMessage
	if err := json.Unmarshal(i.list(peer, now), &list); err != nil || len(list) != 2 || string(list[0]) != fixed {
		t.Fatalf("%s, %v", list, err)
	}
	var s iceServer
	if err := json.Unmarshal(list[1], &s); err != nil {
		t.Fatal(err)
	}
	name := strconv.FormatInt(now.Add(time.Hour).Unix(), 10) + ":" + string(peer)
	mac := hmac.New(sha1.New, []byte("s3cret"))
	mac.Write([]byte(name))
	if strings.Join(s.URLs, " ") != "turn:a.example:3478?transport=udp turns:b.example" || s.Username != name ||
		s.Credential != base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
		t.Errorf("%+v", s)
	}
	none, err := newICE(&Config{})
	if err != nil || none.list(peer, now) != nil {
		t.Errorf("without servers: %s, %v", none.list(peer, now), err)
	}
}

func TestICESettingsAreChecked(t *testing.T) {
	for _, c := range []struct {
		cfg    Config
		prefix string
	}{
		{Config{ICEServers: "{}"}, "ice-servers:"}, {Config{ICEServers: `[{}]`}, "ice-servers:"}, {Config{ICEServers: `["stun:x"]`}, "ice-servers:"},
		{Config{TURNURLs: "https://turn.example", TURNSecret: "x"}, "turn-urls:"}, {Config{TURNURLs: "turn:a"}, "turn-secret:"},
		{Config{TURNTTL: time.Second}, "turn-ttl:"},
	} {
		_, err := New(c.cfg)
		if err == nil || !strings.HasPrefix(err.Error(), c.prefix) {
			t.Errorf("%+v: %v", c.cfg, err)
		}
	}
}
