package roomsvc

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/proto"
	"p2pconnector/proto/service"
	"p2pconnector/roomsvc/internal/store"
)

// Config holds the settings of a room service. The zero value of each field
// means the default that its comment names. Of MaxRoomMembers and SessionGrace the smallest
// value applies that any gateway or room service has: see package agreement.
type Config struct {
	NATS        service.NATS  // how to reach the NATS servers
	NATSOptions []nats.Option // applied last; for embedding

	Replicas       int           // copies of each bucket, 1, 3 or 5; 0 is 1. An existing bucket with more keeps them.
	MaxRoomMembers int           // members a room may have; 0 is 10,000
	MaxBucketBytes int64         // bytes that the bucket of rooms may hold, and as many those of sessions and of names; 0 is 1 GiB. Half is a reserve for leaving and ending.
	MaxWaiting     int           // operations that wait for rooms; 0 is 65,536. A quarter of them for one room, for a quarter as many rooms, and a quarter as many requests to each directory.
	SessionGrace   time.Duration // how long a dead gateway's peers stay members; 0 is 15 s

	Ops     service.Ops // the server for operators
	Version string      // shown in the metrics; "" is "dev"
	Commit  string      // of the source, shown in the metrics

	Logger *slog.Logger // nil discards
}

// Flags binds the settings to fs, with the values they have as defaults. Each
// flag is an environment variable too: P2P_ and its name in capitals, with _ for -.
func (c *Config) Flags(fs *flag.FlagSet) {
	d := c.withDefaults()
	c.NATS.Flags(fs)
	fs.IntVar(&c.Replicas, "replicas", d.Replicas, "`copies` of each JetStream bucket: 1, 3 or 5, at most the number of NATS servers")
	fs.IntVar(&c.MaxRoomMembers, "max-room-members", d.MaxRoomMembers, "`members` a room may have; the same for all gateways and room services")
	fs.Int64Var(&c.MaxBucketBytes, "max-bucket-bytes", d.MaxBucketBytes, "`bytes` that the JetStream bucket of rooms may hold, and as many those of sessions and of names; nothing new is stored in the second half, so that rooms can still be left and ended")
	fs.IntVar(&c.MaxWaiting, "max-waiting-operations", d.MaxWaiting, "`operations` that wait for their rooms; a quarter of them for one room, for a quarter as many rooms, and a quarter as many requests to each directory")
	c.Ops.Flags(fs)
	fs.DurationVar(&c.SessionGrace, "session-grace", d.SessionGrace, "`time` that the peers of a dead gateway stay members of their rooms; the same for all gateways and room services")
}

// withDefaults returns c with every zero value replaced by its default.
func (c Config) withDefaults() Config {
	def(&c.Replicas, 1)
	def(&c.MaxRoomMembers, proto.DefaultMaxRoomMembers)
	def(&c.MaxBucketBytes, 1<<30)
	def(&c.MaxWaiting, 65_536)
	def(&c.SessionGrace, proto.SessionGrace)
	def(&c.Version, "dev")
	def(&c.Logger, slog.New(slog.DiscardHandler))
	return c
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// check returns an error that lists every setting that cannot work, by the names
// of the flags. c must have its defaults.
func (c *Config) check() error {
	errs := []error{
		c.NATS.Check(),
		c.Ops.Check(),
		service.CheckRange("max-room-members", c.MaxRoomMembers, 1, 20_000),
		service.CheckRange("max-bucket-bytes", c.MaxBucketBytes, 2*store.MinBytes, 1<<40),
		service.CheckRange("max-waiting-operations", c.MaxWaiting, 1024, 1<<22),
		service.CheckRange("session-grace", c.SessionGrace, 100*time.Millisecond, 10*time.Minute),
	}
	switch c.Replicas {
	case 1, 3, 5:
	default:
		errs = append(errs, fmt.Errorf("replicas: %d is not 1, 3 or 5", c.Replicas))
	}
	return errors.Join(errs...)
}
