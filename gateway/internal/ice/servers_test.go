package ice

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/proto"
)

// TestList_FixedAndTURN_AreListed: fixed servers as they are, and TURN with a credential
// that is the HMAC of its name, which is its time of expiry and the peer.
func TestList_FixedAndTURN_AreListed(t *testing.T) {
	const fixed = `{"urls":"stun:stun.example.org","x-unknown":[1]}`
	i, err := New(Config{Servers: "[" + fixed + "]", TURNURLs: " turn:a.example:3478?transport=udp, turns:b.example ,", TURNSecret: "s3cret", TURNTTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	peer := proto.NewPeerID(proto.NewGatewayID())
	now := time.Unix(1_800_000_000, 0).UTC() // a multiple of an eighth of the TTL
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
	none, err := New(Config{})
	if err != nil || none.List(peer, now) != nil {
		t.Errorf("without servers: got %s, %v, want none", none.List(peer, now), err)
	}
}

// TestList_ProvidedServers_AreListedForEveryPeer: those of a provider follow the fixed ones,
// and replace the provider's last ones.
func TestList_ProvidedServers_AreListedForEveryPeer(t *testing.T) {
	i, err := New(Config{Servers: `[{"urls":"stun:a"}]`})
	if err != nil {
		t.Fatal(err)
	}
	i.setProvided([]json.RawMessage{json.RawMessage(`{"urls":"stun:b"}`)})
	i.setProvided([]json.RawMessage{json.RawMessage(`{"urls":"stun:c"}`), json.RawMessage(`{"urls":"stun:d"}`)})
	const want = `[{"urls":"stun:a"},{"urls":"stun:c"},{"urls":"stun:d"}]`
	if got := i.List(proto.NewPeerID(proto.NewGatewayID()), time.Now()); string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := i.halfLife(); got < 24*365*time.Hour {
		t.Errorf("without credentials that expire: got half life %v, want no end", got)
	}
	if i, err = New(Config{TURNURLs: "turn:a", TURNSecret: "s", TURNTTL: time.Hour}); err != nil || i.halfLife() != 30*time.Minute {
		t.Errorf("got half life %v (%v), want 30m", i.halfLife(), err)
	}
}

// credential returns the name that the servers i give a peer at a time.
func credential(t *testing.T, i *Servers, peer proto.PeerID, now time.Time) string {
	t.Helper()
	var list []iceServer
	if err := json.Unmarshal(i.List(peer, now), &list); err != nil || len(list) != 1 {
		t.Fatalf("got %+v, %v, want one server", list, err)
	}
	return list[0].Username
}

// TestList_AskedAgain_SameCredentialUntilRenewal: the credential of a peer changes with the
// last second of an eighth of its life, and works for at least seven eighths.
func TestList_AskedAgain_SameCredentialUntilRenewal(t *testing.T) {
	for _, ttl := range []time.Duration{time.Minute, 12 * time.Hour, 100 * time.Second} {
		i, err := New(Config{TURNURLs: "turn:a.example", TURNSecret: "s3cret", TURNTTL: ttl})
		if err != nil {
			t.Fatal(err)
		}
		peer, other := proto.NewPeerID(proto.NewGatewayID()), proto.NewPeerID(proto.NewGatewayID())
		every := max(ttl/time.Second/8, 1)
		ttls := int64(ttl / time.Second)
		begin := time.Unix((1_800_000_000/int64(every))*int64(every)-ttls%int64(every), 0) // an interval begins
		last := begin.Add(every*time.Second - time.Nanosecond)
		first := credential(t, i, peer, begin)
		if got := credential(t, i, peer, last); got != first {
			t.Errorf("TTL %v, at the end of the interval: got %s, want %s", ttl, got, first)
		}
		if got := credential(t, i, peer, last.Add(time.Nanosecond)); got == first {
			t.Errorf("TTL %v, in the next interval: got %s, want another name", ttl, got)
		}
		if got := credential(t, i, other, begin); got == first {
			t.Errorf("TTL %v, another peer: got %s, want a name of its own", ttl, got)
		}
		expires, err := strconv.ParseInt(strings.Split(first, ":")[0], 10, 64)
		if err != nil || expires > begin.Unix()+ttls || expires-last.Unix() < ttls*7/8 {
			t.Errorf("TTL %v: got expiry %d, %v, want %d to %d", ttl, expires, err, last.Unix()+ttls*7/8, begin.Unix()+ttls)
		}
	}
}

func TestNew_BadSetting_IsNamed(t *testing.T) {
	for _, c := range []struct {
		cfg    Config
		prefix string
	}{
		{Config{Servers: "{}"}, "ice-servers:"}, {Config{Servers: `[{}]`}, "ice-servers:"}, {Config{Servers: `["stun:x"]`}, "ice-servers:"},
		{Config{TURNURLs: "https://turn.example", TURNSecret: "x"}, "turn-urls:"}, {Config{TURNURLs: "turn:a"}, "turn-secret:"},
	} {
		if _, err := New(c.cfg); err == nil || !strings.HasPrefix(err.Error(), c.prefix) {
			t.Errorf("%+v: got %v, want an error of %s", c.cfg, err, c.prefix)
		}
	}
}

// TestServersRun_ListIsNewOrExpires_IsPushed: clients get a list when the provider has given
// one, and one at half of the time that their TURN credentials work.
func TestServersRun_ListIsNewOrExpires_IsPushed(t *testing.T) {
	const life = 10 * time.Hour // of a list of the provider: the second comes after 4.5 h at the earliest
	synctest.Test(t, func(t *testing.T) {
		p := &provider{answer: func() (int, string, error) { return http.StatusOK, plain, nil }}
		s, err := New(Config{TURNURLs: "turn:a", TURNSecret: "s", TURNTTL: time.Hour, Provider: &ProviderConfig{
			URL: "https://provider.example", TTL: life, Client: &http.Client{Transport: p},
			Count: func(Outcome) {}, Logger: slog.New(slog.DiscardHandler),
		}})
		if err != nil {
			t.Fatal(err)
		}
		if left, ok := s.Left(); !ok || left != 0 {
			t.Errorf("before Run: got %v left, %v, want 0, true", left, ok)
		}
		done := make(chan struct{})
		var pushes atomic.Int64
		var running sync.WaitGroup
		running.Go(func() { s.Run(done, func(<-chan struct{}) { pushes.Add(1) }) })
		synctest.Wait()
		if left, _ := s.Left(); pushes.Load() != 1 || left != life {
			t.Errorf("after the provider's first list: got %d pushes, %v left, want 1, %v", pushes.Load(), left, life)
		}
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		if got := pushes.Load(); got != 2 {
			t.Errorf("after half of the TURN TTL: got %d pushes, want 2", got)
		}
		close(done)
		running.Wait()
	})
}
