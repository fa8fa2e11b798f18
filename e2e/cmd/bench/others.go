package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"p2pconnector/e2e/cmd/bench/internal/process"
)

// startEcho runs the bare echo server.
func (b *bench) startEcho(context.Context) (*system, error) {
	p, err := process.Launch(b.dir, "echo", true, b.bin.self, rolePrefix+"echo")
	if err != nil {
		return nil, err
	}
	s := &system{name: echoFloor, procs: []*process.Process{p}, signal: signalPayload, echo: true, target: func(int) string { return "/" }}
	addr, err := p.Line()
	if err != nil {
		s.stop()
		return nil, err
	}
	s.addrs = []string{addr}
	return s, nil
}

// startPair runs a bare NATS server and two connections that communicate over it.
// The last process is the one that takes commands.
func (b *bench) startPair(context.Context) (*system, error) {
	dir, err := os.MkdirTemp(b.dir, "nats-")
	if err != nil {
		return nil, err
	}
	server, err := process.Launch(b.dir, natsName, true, b.bin.self, rolePrefix+"nats", dir, "0s")
	if err != nil {
		return nil, err
	}
	s := &system{name: natsFloor, procs: []*process.Process{server}}
	url, err := server.Line()
	if err == nil {
		var pair *process.Process
		if pair, err = process.Launch(b.dir, "pair", true, b.bin.self, rolePrefix+"pair", url); err == nil {
			s.procs = append(s.procs, pair)
			_, err = pair.Line()
		}
	}
	if err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// peerPackage is the measured version.
const peerPackage = "peer@1.0.2"

// errNoPackage is the reason for skipping a server from npm.
var errNoPackage = errors.New("skipped: npx is not there or cannot get the package")

// peerPath finds the program of the package peer, which npx downloads when needed.
func (b *bench) peerPath(ctx context.Context) (string, error) {
	if b.peer != "" {
		return b.peer, nil
	}
	path, err := b.npxPath(ctx, peerPackage, "peerjs")
	b.peer = path
	return path, err
}

// npxPath finds a program of a package of npm, which npx downloads when needed.
func (b *bench) npxPath(ctx context.Context, pkg, program string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npx", "--yes", "--ignore-scripts", "--package", pkg, "--call", "command -v "+program)
	cmd.Dir = b.dir
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%w: %v", errNoPackage, err)
	}
	path, err := filepath.EvalSymlinks(strings.TrimSpace(string(out)))
	if err != nil {
		return "", fmt.Errorf("%w: %v", errNoPackage, err)
	}
	return path, nil
}

// launchNode starts a server that is a program of Node, with arguments for its address. log is
// the name of its log.
func (b *bench) launchNode(name, log string, args func(host, port string) []string) (*system, *process.Process, error) {
	addr, err := process.FreeAddr()
	if err != nil {
		return nil, nil, err
	}
	host, port, _ := strings.Cut(addr, ":")
	p, err := process.Launch(b.dir, log, false, "node", args(host, port)...)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %v", errNoPackage, err)
	}
	return &system{name: name, procs: []*process.Process{p}, addrs: []string{addr}}, p, nil
}

// startPeerServer runs PeerServer, directly on node, so that we measure no wrapper.
func (b *bench) startPeerServer(ctx context.Context) (*system, error) {
	path, err := b.peerPath(ctx)
	if err != nil {
		return nil, err
	}
	s, p, err := b.launchNode(peerServer, "peerserver", func(host, port string) []string {
		return []string{path, "--host", host, "--port", port, "--concurrent_limit", "100000", "--alive_timeout", "3600000"}
	})
	if err != nil {
		return nil, err
	}
	s.speakPeerJS()
	if err := s.answers(ctx, p, 0); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// speakPeerJS makes the connections to s those of PeerJS clients.
func (s *system) speakPeerJS() {
	s.signal = peerSignal
	s.target = func(i int) string {
		return fmt.Sprintf("/peerjs?key=peerjs&id=%s&token=t%d&version=1.5.4", peerID(i), i)
	}
	s.hello = func(i int, first []byte) (string, error) {
		if !bytes.Contains(first, []byte(`"OPEN"`)) {
			return "", fmt.Errorf("%.200q is no OPEN", first)
		}
		return peerID(i), nil
	}
}

// peerID returns an id as long as ours, so that the frames are as long too.
func peerID(i int) string { return fmt.Sprintf("5f0c3a9e-6b1d-8f10-8a01-%012d", i) }

// peerSignal is signalPayload for PeerServer's protocol.
func peerSignal(to string, size int) string {
	head, tail := `{"type":"CANDIDATE","dst":"`+to+`","payload":{"x":`, `,"id":"`+noStamp+`"}}`
	if size < 1000 {
		return head + padded(candidateData, size-len(head)-len(tail)) + tail
	}
	head = `{"type":"OFFER","dst":"` + to + `","payload":{"x":`
	return head + offerData(size-len(head)-len(tail)) + tail
}
