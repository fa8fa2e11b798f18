package auth

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

// TestICE_FixedAndTURN_AreListed: fixed servers as they are, and TURN with a credential
// that is the HMAC of its name, which is its time of expiry and the peer.
func TestICE_FixedAndTURN_AreListed(t *testing.T) {
	const fixed = `{"urls":"stun:stun.example.org","x-unknown":[1]}`
	i, err := NewICE(ICEConfig{Servers: "[" + fixed + "]", TURNURLs: " turn:a.example:3478?transport=udp, turns:b.example ,", TURNSecret: "s3cret", TURNTTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	peer := proto.NewPeerID(proto.NewGatewayID())
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var list []json.RawMessage
	if err := json.Unmarshal(i.List(peer, now), &list); err != nil || len(list) != 2 || string(list[0]) != fixed {
		t.Fatalf("got %s, %v, want the fixed server and TURN", list, err)
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
		t.Errorf("got %+v, want the TURN servers, name %s and its HMAC", s, name)
	}
	none, err := NewICE(ICEConfig{})
	if err != nil || none.List(peer, now) != nil {
		t.Errorf("without servers: got %s, %v, want none", none.List(peer, now), err)
	}
}

func TestNewICE_BadSetting_IsNamed(t *testing.T) {
	for _, c := range []struct {
		cfg    ICEConfig
		prefix string
	}{
		{ICEConfig{Servers: "{}"}, "ice-servers:"}, {ICEConfig{Servers: `[{}]`}, "ice-servers:"}, {ICEConfig{Servers: `["stun:x"]`}, "ice-servers:"},
		{ICEConfig{TURNURLs: "https://turn.example", TURNSecret: "x"}, "turn-urls:"}, {ICEConfig{TURNURLs: "turn:a"}, "turn-secret:"},
	} {
		if _, err := NewICE(c.cfg); err == nil || !strings.HasPrefix(err.Error(), c.prefix) {
			t.Errorf("%+v: got %v, want an error of %s", c.cfg, err, c.prefix)
		}
	}
}
