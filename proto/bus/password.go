package bus

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
)

// Bounds of a Password. HashIterations makes one guess cost some milliseconds of a core:
// gateways can afford that for each join, and who has the bucket must spend it for each guess.
const (
	MinSaltBytes   = 16
	MaxSaltBytes   = 64
	HashBytes      = 32
	HashIterations = 10_000
)

// Password is a room's password as the services see it: PBKDF2 with HMAC-SHA-256 of the text,
// by the salt, with HashIterations. Gateways compute it, so that the text goes no further and
// guesses cost the room service nothing. The empty Password is none.
type Password struct {
	Salt string `json:"salt,omitempty"`
	Hash []byte `json:"hash,omitempty"`
}

// NewPassword hashes a new password with a salt of its own.
func NewPassword(text string) *Password {
	p, err := HashPassword(text, rand.Text())
	if err != nil {
		panic(err) // the salt is ours
	}
	return p
}

// HashPassword hashes the password of a room whose salt is known. It returns an error for a
// salt that no room has.
func HashPassword(text, salt string) (*Password, error) {
	p := &Password{Salt: salt}
	if !p.saltValid() {
		return nil, fmt.Errorf("salt of %d bytes, want %d to %d", len(salt), MinSaltBytes, MaxSaltBytes)
	}
	var err error
	p.Hash, err = pbkdf2.Key(sha256.New, text, []byte(salt), HashIterations, HashBytes)
	return p, err
}

func (p *Password) saltValid() bool {
	return len(p.Salt) >= MinSaltBytes && len(p.Salt) <= MaxSaltBytes
}

// Empty reports whether p is no password.
func (p *Password) Empty() bool { return p == nil || p.Salt == "" && len(p.Hash) == 0 }

// Valid reports whether p may be the password of a room.
func (p *Password) Valid() bool { return p.saltValid() && len(p.Hash) == HashBytes }

// Equal reports whether two passwords are the same. The time it takes does not depend on
// where their hashes differ.
func (p *Password) Equal(q *Password) bool {
	return p.Salt == q.Salt && subtle.ConstantTimeCompare(p.Hash, q.Hash) == 1
}

// SaltOnly returns a password of which nothing but the salt is known; nil for no salt.
func SaltOnly(salt string) *Password {
	if salt == "" {
		return nil
	}
	return &Password{Salt: salt}
}
