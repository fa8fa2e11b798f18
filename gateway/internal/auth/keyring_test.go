package auth

import (
	"errors"
	"strings"
	"testing"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// configured returns SessionKeys that have these secrets.
func configured(t testing.TB, secrets string) *SessionKeys {
	t.Helper()
	k, err := NewSessionKeys(SessionKeysConfig{Secrets: secrets})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestSessionKeys_KeysRotate_FirstSignsAllVerify: a key that was dropped verifies no more.
func TestSessionKeys_KeysRotate_FirstSignsAllVerify(t *testing.T) {
	const one, two, three = "the first secret!", "the second secret", "the third secret!"
	now := time.Now()
	g := proto.NewGatewayID()
	want := SessionToken{Peer: proto.NewPeerID(g), TokenRef: bus.TokenRef{Owner: g, Number: 7}, Rooms: []proto.RoomID{"tea", "déjà vu"}, User: "ann"}
	old := configured(t, one).Sign(want, now)
	for _, c := range []struct {
		secrets string
		ok      bool
	}{
		{one, true}, {two + "," + one, true}, {three + ", " + two + " ," + one, true}, {three + "," + two, false},
	} {
		k := configured(t, c.secrets)
		got, err := k.Verify(old, now)
		if c.ok != (err == nil) {
			t.Fatalf("%q: got %v, want verified %v", c.secrets, err, c.ok)
		}
		if c.ok && (got.Peer != want.Peer || got.Number != 7 || len(got.Rooms) != 2 || got.Rooms[1] != "déjà vu" || got.User != "ann" || got.Owner != g || got.Issued != now.Unix()) {
			t.Errorf("%q: got %+v, want %+v", c.secrets, got, want)
		}
		if got, want := k.Sign(want, now) == old, c.secrets == one; got != want {
			t.Errorf("%q: got signed by the first secret %v, want %v", c.secrets, got, want)
		}
	}
}

func TestVerify_OldToken_IsExpired(t *testing.T) {
	k := configured(t, "a secret for tests only")
	g := proto.NewGatewayID()
	now := time.Now()
	token := k.Sign(SessionToken{Peer: proto.NewPeerID(g), TokenRef: bus.TokenRef{Owner: g}}, now)
	for age, want := range map[time.Duration]error{TokenLife - time.Minute: nil, TokenLife + time.Minute: ErrTokenExpired} {
		if got, err := k.Verify(token, now.Add(age)); !errors.Is(err, want) || (got == nil) != (want != nil) {
			t.Errorf("age %v: got %+v, %v, want error %v", age, got, err, want)
		}
	}
}

// TestVerify_ForgedToken_IsRefused: a token must be signed as a whole, and name a peer and
// its owner.
func TestVerify_ForgedToken_IsRefused(t *testing.T) {
	k := configured(t, "a secret for tests only")
	g := proto.NewGatewayID()
	now := time.Now()
	good := SessionToken{Peer: proto.NewPeerID(g), TokenRef: bus.TokenRef{Owner: g}}
	parts := strings.Split(k.Sign(good, now), ".")
	other := good
	other.Peer = proto.NewPeerID(g)
	stolen := strings.Split(k.Sign(other, now), ".")
	badPeer, badOwner, badEpoch := good, good, good
	badPeer.Peer, badOwner.Owner, badEpoch.Epoch = "*", "not>one", bus.MaxEpoch+1
	for name, token := range map[string]string{
		"empty": "", "one part": "s1", "five parts": strings.Join(parts, ".") + ".x",
		"another version":       "s1." + strings.Join(parts[1:], "."),
		"another key":           parts[0] + ".deadbeef." + parts[2] + "." + parts[3],
		"another body":          parts[0] + "." + parts[1] + "." + stolen[2] + "." + parts[3],
		"no signature":          strings.Join(parts[:3], ".") + ".",
		"cut signature":         strings.Join(parts[:3], ".") + "." + parts[3][:20],
		"trailing bits":         strings.Join(parts[:3], ".") + "." + trailingBits(parts[3]),
		"padding":               strings.Join(parts, ".") + "=",
		"a line break":          strings.Join(parts, ".") + "\n",
		"no base64":             strings.Join(parts[:3], ".") + ".!!!",
		"a peer that is none":   k.Sign(badPeer, now),
		"an owner that is none": k.Sign(badOwner, now),
		"an epoch too high":     k.Sign(badEpoch, now),
		"another service's":     configured(t, "a secret for others!").Sign(good, now),
	} {
		if got, err := k.Verify(token, now); !errors.Is(err, ErrToken) || got != nil {
			t.Errorf("%s: got %+v, %v, want %v", name, got, err, ErrToken)
		}
	}
}

func TestNewSessionKeys_ShortSecret_NamesTheSettingNotTheSecret(t *testing.T) {
	for _, s := range []string{"short", "a secret that is long enough,short", ",a secret that is long enough"} {
		if _, err := NewSessionKeys(SessionKeysConfig{Secrets: s}); err == nil || !strings.HasPrefix(err.Error(), "session-key:") || strings.Contains(err.Error(), "short") {
			t.Errorf("%q: got %v, want an error of session-key without the secret", s, err)
		}
	}
}
