package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/e2e/cmd/bench/internal/process"
	"p2pconnector/proto"
)

// Names of the measured systems.
const (
	ours       = "gateways"
	otherBuild = "other build"
	echoFloor  = "gws echo"
	natsFloor  = "NATS pub+sub"
	peerServer = "PeerServer"
	npmTracker = "bittorrent-tracker"
)

// natsName is the name of a NATS server's process.
const natsName = "nats"

// system is a system to measure: its processes, and how to communicate with it.
type system struct {
	name   string
	procs  []*process.Process
	addrs  []string                                  // host:port, one per server
	target func(i int) string                        // of the i-th connection's handshake
	hello  func(i int, first []byte) (string, error) // reads the first frame: the connection's id; nil when the server does not speak first
	signal func(to string, size int) string          // payload of a signal to a peer
	echo   bool                                      // a frame comes back to its sender
	js     *nats.Conn                                // to ask JetStream and the room service; nil for others
}

// stop ends all processes.
func (s *system) stop() {
	if s == nil {
		return
	}
	if s.js != nil {
		s.js.Close()
	}
	for i := len(s.procs) - 1; i >= 0; i-- { // NATS last
		s.procs[i].Stop()
	}
}

// explain adds to err the state of the processes, if one of them has ended or
// logged a complaint.
func (s *system) explain(err error) error {
	for _, p := range s.procs {
		err = p.Explain(err)
	}
	return err
}

// layout describes the parts of a stack of ours.
type layout struct {
	gateways, rooms int
	sync            time.Duration // how long NATS may keep a write from the disk; 0: not at all
	query           string        // of every connection's URL
	bin             *binaries     // nil: those under test
	peerjs          bool          // the clients speak PeerJS
}

// unlimited are the gateway's limits that a load from one address reaches. A
// gateway that does not know one is started without it.
var unlimited = []string{"messages-per-second", "max-connections", "max-per-address", "max-per-user", "max-memberships", "max-memberships-per-address",
	"max-memberships-per-user", "max-room-requests", "max-topics-per-address", "connects-per-second", "connects-per-address", "topic-messages-per-second",
	"bytes-per-second", "egress-bytes-per-second", "room-egress-bytes-per-second", "total-egress-bytes-per-second",
	"webtorrent-announces-per-second"}

// startOurs runs NATS, room services and gateways.
func (b *bench) startOurs(ctx context.Context, l layout) (s *system, err error) {
	s = &system{name: ours, signal: signalPayload, target: func(int) string { return "/ws" + l.query }, hello: clientDetails}
	defer func() {
		if err != nil {
			s.stop()
			s = nil
		}
	}()
	if l.peerjs {
		s.speakPeerJS()
	}
	bin := &b.bin
	if l.bin != nil {
		bin, s.name = l.bin, otherBuild
	}
	dir, err := os.MkdirTemp(b.dir, "nats-")
	if err != nil {
		return s, err
	}
	server, err := process.Launch(b.dir, natsName, true, b.bin.self, rolePrefix+"nats", dir, l.sync.String())
	if err != nil {
		return s, err
	}
	s.procs = append(s.procs, server)
	url, err := server.Line()
	if err != nil {
		return s, err
	}
	if s.js, err = nats.Connect(url, nats.Timeout(process.StartTimeout)); err != nil {
		return s, err
	}
	for i := range l.rooms {
		p, err := process.Launch(b.dir, fmt.Sprint("roomsvc ", i+1), false, bin.roomsvc, "--nats-url", url, "--log-level", "warn")
		if err != nil {
			return s, err
		}
		s.procs = append(s.procs, p)
		if err := p.Await(ctx, func() error { return s.roomServices(i + 1) }); err != nil {
			return s, err
		}
	}
	for i := range l.gateways {
		if err := b.startGateway(ctx, s, i, bin.gateway, url); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (b *bench) startGateway(ctx context.Context, s *system, i int, path, url string) error {
	addr, err := process.FreeAddr()
	if err != nil {
		return err
	}
	known, _ := exec.Command(path, "--help").CombinedOutput() // only the output counts, not the exit code
	args := []string{"--listen", addr, "--nats-url", url, "--log-level", "warn", "--drain-window", "1s"}
	for _, flag := range unlimited {
		if bytes.Contains(known, []byte("-"+flag)) {
			args = append(args, "--"+flag, "-1")
		}
	}
	if bytes.Contains(known, []byte("-ops-listen")) {
		args = append(args, b.opsFlags(i)...)
	}
	p, err := process.Launch(b.dir, fmt.Sprint("gateway ", i+1), false, path, args...)
	if err != nil {
		return err
	}
	s.procs = append(s.procs, p)
	s.addrs = append(s.addrs, addr)
	return s.answers(ctx, p, len(s.addrs)-1)
}

// opsFlags switches the gateway's operators' pages off or, for a profile, on.
func (b *bench) opsFlags(i int) []string {
	if b.opt.pprof == 0 {
		return []string{"--ops-listen", "off"}
	}
	return []string{"--ops-listen", fmt.Sprintf("127.0.0.1:%d", b.opt.pprof+i), "--ops-pprof"}
}

// answers returns when server i sends the first frame on a new connection.
func (s *system) answers(ctx context.Context, p *process.Process, i int) error {
	return p.Await(ctx, func() error {
		c, err := s.dial(ctx, i, 4096)
		if err != nil {
			return err
		}
		c.Goodbye()
		<-c.Done()
		return c.Close()
	})
}

// roomServices returns nil when n room services answer the ping of
// nats.go/micro.
func (s *system) roomServices(n int) error {
	inbox, err := s.js.SubscribeSync(nats.NewInbox())
	if err != nil {
		return err
	}
	defer inbox.Unsubscribe()
	if err := s.js.PublishRequest("$SRV.PING", inbox.Subject, nil); err != nil {
		return err
	}
	for i := range n {
		if _, err := inbox.NextMsg(200 * time.Millisecond); err != nil {
			return fmt.Errorf("%d of %d room services answer: %w", i, n, err)
		}
	}
	return nil
}

// clientDetails reads a gateway's first frame.
func clientDetails(_ int, first []byte) (string, error) {
	var f struct {
		Event string
		Data  struct{ ID string }
	}
	if err := json.Unmarshal(first, &f); err != nil {
		return "", err
	}
	if f.Event != string(proto.ClientDetails) || f.Data.ID == "" {
		return "", fmt.Errorf("%.200q is no %s", first, proto.ClientDetails)
	}
	return f.Data.ID, nil
}

// binaries are the programs under test.
type binaries struct{ self, gateway, roomsvc string }

// build compiles the two services into dir, or takes them from the folder
// given.
func build(ctx context.Context, dir, given string) (binaries, error) {
	self, err := os.Executable()
	if err != nil {
		return binaries{}, err
	}
	bin := binaries{self: self}
	if given != "" {
		return *bin.from(given), nil
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", dir, "p2pconnector/gateway/cmd/gateway", "p2pconnector/roomsvc/cmd/roomsvc")
	if out, err := cmd.CombinedOutput(); err != nil {
		return binaries{}, fmt.Errorf("building the services (run this in the repository): %w\n%s", err, out)
	}
	return *bin.from(dir), nil
}

// from returns the services of another folder.
func (b binaries) from(dir string) *binaries {
	return &binaries{b.self, filepath.Join(dir, "gateway"), filepath.Join(dir, "roomsvc")}
}
