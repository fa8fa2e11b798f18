package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lxzan/gws"
	"github.com/nats-io/nats.go"

	"p2pconnector/e2e/natsbox"
)

// roles are the servers that this program can be when it starts itself to measure
// against: the first argument is "role:" and one of these names. Each prints its
// address on stdout, and ends when its stdin does.
var roles = map[string]func(args []string, in *bufio.Reader) error{
	"nats": natsRole,
	"echo": echoRole,
	"pair": pairRole,
}

const rolePrefix = "role:"

// role runs the role that args name; ok is false when they name none.
func role(args []string, in io.Reader) (ok bool, err error) {
	if len(args) == 0 || !strings.HasPrefix(args[0], rolePrefix) {
		return false, nil
	}
	run := roles[strings.TrimPrefix(args[0], rolePrefix)]
	if run == nil {
		return true, fmt.Errorf("%q is no role", args[0])
	}
	return true, run(args[1:], bufio.NewReader(in))
}

// natsRole is a NATS server with the project's settings. Its arguments are the
// folder for JetStream, and how long a write may wait for the disk (0s: not at all).
func natsRole(args []string, in *bufio.Reader) error {
	sync, err := time.ParseDuration(args[1])
	if err != nil {
		return err
	}
	srv, err := natsbox.Start(natsbox.Config{Listen: "127.0.0.1:0", StoreDir: args[0], Sync: sync})
	if err != nil {
		return err
	}
	defer srv.Close()
	fmt.Println(srv.URL())
	io.Copy(io.Discard, in)
	return nil
}

// echo does the least that a WebSocket server on gws can do.
type echo struct{ gws.BuiltinEventHandler }

// OnMessage implements gws.Event.
func (echo) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	_ = c.WriteMessage(m.Opcode, m.Bytes()) // the reader notices a broken connection
}

// echoRole is the lower bound of any WebSocket server.
func echoRole(_ []string, in *bufio.Reader) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := gws.NewServer(echo{}, nil)
	go srv.RunListener(l) // ends with the process
	fmt.Println(l.Addr())
	io.Copy(io.Discard, in)
	return nil
}

// pairRole is the lower bound of any two servers that communicate over NATS: two
// connections that pass messages back and forth, each delivery a message. It reads
// commands: "start MESSAGES BYTES" puts that many messages in transit, "count" asks
// how many were delivered, "stop" removes them.
func pairRole(args []string, in *bufio.Reader) error {
	var count atomic.Uint64
	var on atomic.Bool
	var conns [2]*nats.Conn
	for i := range conns {
		nc, err := nats.Connect(args[0])
		if err != nil {
			return err
		}
		defer nc.Close()
		conns[i] = nc
		_, err = nc.Subscribe(pairSubject(i), func(m *nats.Msg) {
			count.Add(1)
			if on.Load() {
				_ = nc.Publish(pairSubject(1-i), m.Data) // when this fails, count shows it
			}
		})
		if err == nil {
			err = nc.Flush()
		}
		if err != nil {
			return err
		}
	}
	fmt.Println("ready")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil
		}
		var messages, size int
		switch f := strings.Fields(line); {
		case len(f) == 1 && f[0] == "count":
			fmt.Println(count.Load())
		case len(f) == 1 && f[0] == "stop":
			on.Store(false)
			fmt.Println("stopped")
		default:
			if _, err := fmt.Sscanf(line, "start %d %d", &messages, &size); err != nil {
				return fmt.Errorf("%q is no command", line)
			}
			on.Store(true)
			for i := range messages {
				if err := conns[i%2].Publish(pairSubject(1-i%2), make([]byte, size)); err != nil {
					return err
				}
			}
			fmt.Println("started")
		}
	}
}

func pairSubject(i int) string { return fmt.Sprintf("bench.pair.%d", i) }

// runRole is the main function of a role.
func runRole(args []string) (ok bool) {
	ok, err := role(args, os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	return ok
}
