package gateway

import (
	"errors"
	"strings"
	"testing"
	"time"

	"p2pconnector/proto"
)

func keysOf(t *testing.T, secrets string) *keyring {
	t.Helper()
	set, err := parseKeys(secrets)
	if err != nil {
		t.Fatal(err)
	}
	k := new(keyring)
	k.set.Store(set)
	return k
}

// Keys rotate: the first signs, all verify, one that was dropped does no more.
func TestKeyringRotation(t *testing.T) {
	const one, two, three = "the first secret!", "the second secret", "the third secret!"
	now := time.Now()
	g := proto.NewGatewayID()
	want := sessionToken{Peer: proto.NewPeerID(g), Holder: g, Count: 7, Rooms: []proto.RoomID{"tea", "déjà vu"}, User: "ann", Issued: now.Unix()}
	old := keysOf(t, one).sign(want)
	for _, c := range []struct {
		secrets string
		ok      bool
	}{
		{one, true}, {two + "," + one, true}, {three + ", " + two + " ," + one, true}, {three + "," + two, false},
	} {
		k := keysOf(t, c.secrets)
		got, err := k.verify(old, now)
		if c.ok != (err == nil) {
			t.Fatalf("%q: %v", c.secrets, err)
		}
		if c.ok && (got.Peer != want.Peer || got.Count != 7 || len(got.Rooms) != 2 || got.Rooms[1] != "déjà vu" || got.User != "ann" || got.Holder != g) {
			t.Errorf("read as %+v", got)
		}
		if k.sign(want) == old != (c.secrets == one) {
			t.Errorf("%q: not the first key signs", c.secrets)
		}
	}
}

func TestTokenAge(t *testing.T) {
	k := keysOf(t, "a secret for tests only")
	g := proto.NewGatewayID()
	now := time.Now()
	token := k.sign(sessionToken{Peer: proto.NewPeerID(g), Holder: g, Issued: now.Unix()})
	if _, err := k.verify(token, now.Add(tokenLife-time.Minute)); err != nil {
		t.Errorf("young: %v", err)
	}
	if _, err := k.verify(token, now.Add(tokenLife+time.Minute)); !errors.Is(err, errTokenExpired) {
		t.Errorf("old: %v", err)
	}
}

// A token must be signed as a whole and name a peer and its holder.
func TestTokenForgery(t *testing.T) {
	k := keysOf(t, "a secret for tests only")
	g := proto.NewGatewayID()
	good := sessionToken{Peer: proto.NewPeerID(g), Holder: g, Issued: time.Now().Unix()}
	parts := strings.Split(k.sign(good), ".")
	other := good
	other.Peer = proto.NewPeerID(g)
	stolen := strings.Split(k.sign(other), ".")
	badPeer, badHolder := good, good
	badPeer.Peer, badHolder.Holder = "*", "not>one"
	for name, token := range map[string]string{
		"empty": "", "one part": "s1", "five parts": strings.Join(parts, ".") + ".x",
		"another version":       "s2." + strings.Join(parts[1:], "."),
		"another key":           parts[0] + ".deadbeef." + parts[2] + "." + parts[3],
		"another body":          parts[0] + "." + parts[1] + "." + stolen[2] + "." + parts[3],
		"no signature":          strings.Join(parts[:3], ".") + ".",
		"cut signature":         strings.Join(parts[:3], ".") + "." + parts[3][:20],
		"no base64":             strings.Join(parts[:3], ".") + ".!!!",
		"a peer that is none":   k.sign(badPeer),
		"a holder that is none": k.sign(badHolder),
		"another service's":     keysOf(t, "a secret for others!").sign(good),
	} {
		if got, err := k.verify(token, time.Now()); !errors.Is(err, errToken) || got != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestSessionKeyMustBeLong(t *testing.T) {
	for _, s := range []string{"short", "a secret that is long enough,short", ",a secret that is long enough"} {
		if _, err := New(Config{SessionKey: s}); err == nil || !strings.HasPrefix(err.Error(), "session-key:") || strings.Contains(err.Error(), "short,") {
			t.Errorf("%q: %v", s, err)
		}
	}
}
