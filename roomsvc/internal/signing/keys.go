// Package signing keeps the keys that all gateways sign session tokens with: one entry of a
// bucket, changed by compare-and-set. A key signs for a day. Its successor is made then, and
// signs 10 minutes later, when every gateway has had the time to fetch it. Both go on
// verifying until no token that they have signed can be in use.
package signing

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
)

const (
	keyAge     = 24 * time.Hour   // of the first key when its successor is made
	keyNotice  = 10 * time.Minute // in which a successor verifies and does not sign yet: two polls of a gateway
	keyCount   = 3                // keys that are kept; all but the first only verify
	keyBytes   = 32
	keyIDBytes = 8
	usefulAge  = 2*keyAge + keyNotice // after which the last token that a key has signed has expired
)

// Keys answers requests for the keys. Its methods may be called by any goroutine.
type Keys struct {
	bucket kv.Bucket
	log    *slog.Logger
	notice notice // of the key that is to sign next
}

// New returns the keys that are kept in b.
func New(b kv.Bucket, log *slog.Logger) *Keys { return &Keys{bucket: b, log: log} }

// Get returns the keys. The first request of all makes the first key; a request that finds it
// old makes its successor, and a request that comes 10 minutes later makes the successor sign.
//
// A request carries the keys that the gateway holds: when JetStream has lost them, the first
// such request restores them, so that clients can still resume.
func (k *Keys) Get(ctx context.Context, req *bus.Request) (*bus.Reply, error) {
	for {
		rec, err := k.bucket.Read(ctx, bus.KeysKey)
		if err != nil {
			return nil, err
		}
		set := new(bus.KeySet)
		if rec.Revision != 0 && !rec.Deleted {
			if err := json.Unmarshal(rec.Value, set); err != nil {
				return nil, fmt.Errorf("key %s of bucket %s: %w", bus.KeysKey, bus.KeysBucket, err)
			}
		}
		now := time.Now()
		restored := restore(set, req.Keys, now)
		if rotated := rotate(set, now, k.notice.age(successor(set))); !restored && !rotated {
			return &bus.Reply{Keys: set, Revision: rec.Revision}, nil
		}
		value, err := json.Marshal(set)
		if err != nil {
			return nil, err
		}
		revision, err := k.bucket.Write(ctx, bus.KeysKey, value, rec.Revision)
		if err == nil {
			if restored {
				k.log.Warn("keys of session tokens were lost; restored them from a gateway", "gateway", string(req.Gateway))
			}
			k.notice.age(successor(set)) // starts the time of a successor that was made now
			return &bus.Reply{Keys: set, Revision: revision}, nil
		}
		// Another instance may have been faster; then its keys count.
		if !errors.Is(err, kv.ErrConflict) || ctx.Err() != nil {
			return nil, err
		}
	}
}

// restore appends to set those keys of theirs that it lacks and that may have signed
// tokens in use, and reports whether there were any. The gateways are trusted with the
// keys.
func restore(set, theirs *bus.KeySet, now time.Time) bool {
	if theirs == nil {
		return false
	}
	had := slices.Clone(set.Keys)
	has := func(keys []bus.Key, id string) bool {
		return slices.ContainsFunc(keys, func(k bus.Key) bool { return k.ID == id })
	}
	for _, k := range theirs.Keys[:min(len(theirs.Keys), keyCount)] {
		age := now.Sub(k.Made)
		if len(k.ID) == keyIDBytes && len(k.Secret) == keyBytes && age > -time.Hour && age < usefulAge && !has(set.Keys, k.ID) {
			set.Keys = append(set.Keys, k)
		}
	}
	set.Keys = set.Keys[:min(len(set.Keys), keyCount)]
	return slices.ContainsFunc(set.Keys, func(k bus.Key) bool { return !has(had, k.ID) })
}

// successor returns the id of the key that is to sign next, which stands second and is
// newer than the first; "" when there is none.
func successor(set *bus.KeySet) string {
	if len(set.Keys) > 1 && set.Keys[1].Made.After(set.Keys[0].Made) {
		return set.Keys[1].ID
	}
	return ""
}

// rotate brings set up to date and reports whether it changed it. waited is how long
// this instance has known the successor, if there is one. The first key of all signs
// at once, because there is no other.
func rotate(set *bus.KeySet, now time.Time, waited time.Duration) bool {
	switch {
	case len(set.Keys) == 0:
		set.Keys = []bus.Key{newKey(now)}
	case successor(set) != "":
		if waited < keyNotice {
			return false
		}
		set.Keys[0], set.Keys[1] = set.Keys[1], set.Keys[0]
	case now.Sub(set.Keys[0].Made) < keyAge:
		return false
	default:
		keys := append([]bus.Key{set.Keys[0], newKey(now)}, set.Keys[1:]...)
		set.Keys = keys[:min(len(keys), keyCount)]
	}
	return true
}

func newKey(now time.Time) bus.Key {
	key := bus.Key{ID: rand.Text()[:8], Secret: make([]byte, keyBytes), Made: now.UTC().Truncate(time.Second)}
	rand.Read(key.Secret)
	return key
}

// notice measures how long this instance has known the successor, by its own monotonic
// clock. The time in the set comes from another machine's wall clock, which may be
// wrong or may be set. An instance that restarts counts from zero, which only makes the
// old key sign for longer. Safe for concurrent use.
type notice struct {
	mu    sync.Mutex
	id    string
	since time.Time
}

func (n *notice) age(id string) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.id != id {
		n.id, n.since = id, time.Now()
	}
	return time.Since(n.since)
}
