package bus

import (
	"encoding/hex"
	"strings"
	"testing"
)

// TestHashPassword_KnownText_IsTheDocumentedFunction compares with what Python computes:
// hashlib.pbkdf2_hmac("sha256", b"green leaf", b"2WDGVSLTQ7N5TUEXVVGNHN3BGM", 10000).
func TestHashPassword_KnownText_IsTheDocumentedFunction(t *testing.T) {
	p, err := HashPassword("green leaf", "2WDGVSLTQ7N5TUEXVVGNHN3BGM")
	if err != nil {
		t.Fatal(err)
	}
	const want = "3a4f3579e3be7e945ce3cad93558ae41f77d36dc259a4321e97fa2aeb7006f58"
	if got := hex.EncodeToString(p.Hash); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestHashPassword_BadSalt_IsRefused(t *testing.T) {
	for _, n := range []int{0, MinSaltBytes - 1, MaxSaltBytes + 1} {
		if p, err := HashPassword("leaf", strings.Repeat("s", n)); err == nil {
			t.Errorf("salt of %d bytes: got %v, want an error", n, p)
		}
	}
}

func TestPassword_SameText_IsEqualByTheSameSaltOnly(t *testing.T) {
	p, q := NewPassword("leaf"), NewPassword("leaf")
	if !p.Valid() || !q.Valid() || p.Equal(q) {
		t.Errorf("two hashes of one text: got %v and %v, want two that are valid and differ", p, q)
	}
	for text, want := range map[string]bool{"leaf": true, "Leaf": false, "": false} {
		if guess, err := HashPassword(text, p.Salt); err != nil || p.Equal(guess) != want {
			t.Errorf("%q by the salt of leaf: got equal %v, error %v; want %v", text, !want, err, want)
		}
	}
	if p.Equal(SaltOnly(p.Salt)) {
		t.Error("a salt alone: got equal, want no password but the right one")
	}
}
