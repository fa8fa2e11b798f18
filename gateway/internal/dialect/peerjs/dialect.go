package peerjs

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/dialect"
	"p2pconnector/gateway/internal/names"
	"p2pconnector/proto"
)

// Name is the dialect's name in frames, in metrics, and as the namespace of ids.
const Name = "peerjs"

// Names is the part of names.Client that the dialect needs.
type Names interface {
	Known(name string) (peer proto.PeerID, ok bool)
	Find(name string) (proto.PeerID, error)
	Forget(name string)
	Claim(name string, peer proto.PeerID, secret string, patience time.Duration, gone func(proto.PeerID) bool) (names.Outcome, proto.PeerID)
	Release(name string, peer proto.PeerID, patience time.Duration)
	List() ([]string, error)
}

// Config says how clients are served. Every field but Discovery is required.
type Config struct {
	Key       string        // that clients must give
	Expire    time.Duration // how long a frame waits for its receiver
	WaitBytes int           // of the frames of one client that wait
	Lookups   int           // of names, by one client a second, and lookupBurst times as many at once; -1: no limit
	Discovery bool          // anybody may list the ids of all clients
	Names     Names
	Clock     *clock.AtomicInstant // the present moment
	Count     func(Event)          // must not block
}

// Event is what a Config counts.
type Event string

// The events that are counted.
const (
	Relayed Event = "relayed" // a frame went to the peer that has the name
	Waited  Event = "waited"  // a frame began to wait
	Expired Event = "expired" // an EXPIRE was sent
	Ignored Event = "ignored" // a text that is no frame of the protocol
)

// Events lists the events that are counted.
func Events() []Event { return []Event{Relayed, Waited, Expired, Ignored} }

// Dialect serves all PeerJS clients of a gateway. It implements dialect.Dialect. Safe for
// concurrent use.
type Dialect struct {
	cfg          Config
	waiting      atomic.Int64 // frames, of all clients
	waitingBytes atomic.Int64
}

// New returns a Dialect.
func New(cfg Config) *Dialect { return &Dialect{cfg: cfg} }

// Waiting returns the number of frames that wait for their receivers, and their bytes.
func (d *Dialect) Waiting() (frames, bytes int64) { return d.waiting.Load(), d.waitingBytes.Load() }

// Name implements dialect.Dialect.
func (d *Dialect) Name() string { return Name }

// Accepts implements dialect.Dialect.
func (d *Dialect) Accepts(path string) bool { return strings.HasSuffix(path, "/peerjs") }

// Token implements dialect.Dialect. A gateway that needs access tokens gets them in the
// parameter in which other clients give a secret of their own.
func (d *Dialect) Token(r *http.Request) string { return r.URL.Query().Get("token") }

// Refusal implements dialect.Dialect.
func (d *Dialect) Refusal(why dialect.Reason, message string) []byte {
	switch why {
	case dialect.Full:
		return errorText("Server has reached its concurrent user limit")
	case dialect.Forbidden:
		return errorText(message)
	}
	return nil
}

// NewTranslator implements dialect.Dialect.
func (d *Dialect) NewTranslator(r *http.Request, user string, port dialect.Port) dialect.Translator {
	q := r.URL.Query()
	c := &client{
		d: d, port: port, peer: port.Peer(),
		key: q.Get("key"), id: q.Get("id"), token: q.Get("token"),
		senders: make(map[string]proto.PeerID), waiting: make(map[string]*queue), ended: make(chan struct{}), answers: make(chan bool, 1), soon: make(chan struct{}, 1),
	}
	c.secret = digest("token", c.token)
	if user != "" {
		c.secret = digest("user", user) // whose tokens may all differ
	}
	return c
}

// digest returns a digest of a secret, so that no other service holds the secret.
func digest(kind, secret string) string {
	sum := sha256.Sum256([]byte(Name + "\x00" + kind + "\x00" + secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
