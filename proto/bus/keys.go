package bus

import "time"

// KeySet holds the keys that sign session tokens. The first signs; all verify. A second
// that is newer than the first is the one that signs next.
type KeySet struct {
	Keys []Key `json:"keys"`
}

// Key is one signing key of 32 bytes.
type Key struct {
	ID     string    `json:"id"`
	Secret []byte    `json:"secret"`
	Made   time.Time `json:"made"`
}
