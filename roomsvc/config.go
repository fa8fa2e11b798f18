package roomsvc

import (
	"cmp"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/proto"
)

// Config says how a room service runs. The zero value of each field means the
// default that its comment names.
type Config struct {
	NATSURL     string        // servers, separated by commas; "" is nats://127.0.0.1:4222
	NATSCreds   string        // credentials file (.creds); "" for none
	NATSCert    string        // client certificate file (PEM); goes with NATSKey
	NATSKey     string        // key file of NATSCert (PEM)
	NATSCA      string        // file of certificates (PEM) that the server's must be signed by; "" is the system's
	NATSOptions []nats.Option // applied last; for embedding

	Replicas       int           // copies of each bucket, 1, 3 or 5; 0 is 1. An existing bucket with more keeps them.
	MaxRoomMembers int           // members a room may have; 0 is 10,000
	SessionGrace   time.Duration // how long a dead gateway's peers stay members; 0 is 15 s

	OpsListen string // host:port for metrics and health; "" and "off" open none
	OpsPprof  bool   // serves profiles on OpsListen too
	Version   string // shown in the metrics; "" is "dev"
	Commit    string // of the source, shown in the metrics

	Logger *slog.Logger // nil discards
}

// Flags binds the settings to fs, with the values they have as defaults. Each
// flag is an environment variable too: P2P_ and its name in capitals, with _ for -.
func (c *Config) Flags(fs *flag.FlagSet) {
	d := c.withDefaults()
	fs.StringVar(&c.NATSURL, "nats-url", d.NATSURL, "`URLs` of NATS servers, separated by commas")
	fs.StringVar(&c.NATSCreds, "nats-creds", c.NATSCreds, "NATS credentials `file`")
	fs.StringVar(&c.NATSCert, "nats-cert", c.NATSCert, "client certificate `file` for NATS (PEM)")
	fs.StringVar(&c.NATSKey, "nats-key", c.NATSKey, "`file` of the client certificate's key (PEM)")
	fs.StringVar(&c.NATSCA, "nats-ca", c.NATSCA, "`file` of certificates that sign the NATS server's (PEM)")
	fs.IntVar(&c.Replicas, "replicas", d.Replicas, "`copies` of each JetStream bucket: 1, 3 or 5, at most the number of NATS servers")
	fs.IntVar(&c.MaxRoomMembers, "max-room-members", d.MaxRoomMembers, "`members` a room may have; give the gateways the same")
	fs.StringVar(&c.OpsListen, "ops-listen", cmp.Or(c.OpsListen, DefaultOpsListen), "`host:port` for metrics and health checks; off for none")
	fs.BoolVar(&c.OpsPprof, "ops-pprof", c.OpsPprof, "serve Go profiles on ops-listen")
	fs.DurationVar(&c.SessionGrace, "session-grace", d.SessionGrace, "`time` that the peers of a dead gateway stay members of their rooms; give the gateways the same")
}

// withDefaults returns c with every zero replaced by what it means.
func (c Config) withDefaults() Config {
	def(&c.NATSURL, nats.DefaultURL)
	def(&c.Replicas, 1)
	def(&c.MaxRoomMembers, proto.DefaultMaxRoomMembers)
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

// check reports the first setting that cannot work, by the name of its flag.
// c has its defaults.
func (c *Config) check() error {
	if (c.NATSCert == "") != (c.NATSKey == "") {
		return fmt.Errorf("nats-cert, nats-key: give both or none")
	}
	for _, f := range []struct{ name, path string }{
		{"nats-creds", c.NATSCreds}, {"nats-cert", c.NATSCert}, {"nats-key", c.NATSKey}, {"nats-ca", c.NATSCA},
	} {
		if f.path == "" {
			continue
		}
		if _, err := os.Stat(f.path); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	if c.OpsListen != "" && c.OpsListen != opsOff {
		if _, _, err := net.SplitHostPort(c.OpsListen); err != nil {
			return fmt.Errorf("ops-listen: %w", err)
		}
	}
	switch c.Replicas {
	case 1, 3, 5:
	default:
		return fmt.Errorf("replicas: %d is not 1, 3 or 5", c.Replicas)
	}
	if c.MaxRoomMembers < 1 || c.MaxRoomMembers > 20_000 {
		return fmt.Errorf("max-room-members: %d is not between 1 and 20000", c.MaxRoomMembers)
	}
	if c.SessionGrace < 100*time.Millisecond || c.SessionGrace > 10*time.Minute {
		return fmt.Errorf("session-grace: %v is not between 100ms and 10m", c.SessionGrace)
	}
	return nil
}
