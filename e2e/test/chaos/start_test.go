package chaos

import (
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/e2e/natsbox"
)

func (sys *system) build() {
	sys.t.Helper()
	sys.bins = sys.t.TempDir()
	for name, pkg := range map[string]string{
		"natsnode": "p2pconnector/e2e/cmd/natsnode",
		"gateway":  "p2pconnector/gateway/cmd/gateway",
		"roomsvc":  "p2pconnector/roomsvc/cmd/roomsvc",
	} {
		build := kit.Build
		if name == "roomsvc" && sys.fault != "" {
			build, pkg = kit.BuildTest, "p2pconnector/roomsvc"
		}
		if err := build(sys.bin(name), pkg); err != nil {
			sys.t.Fatal(err)
		}
	}
}

func (sys *system) bin(name string) string { return filepath.Join(sys.bins, name) }

func (sys *system) startNATS(s shape) error {
	addrs, err := natsbox.FreePorts(3 * s.nodes)
	if err != nil {
		return err
	}
	clients, routes, looks := addrs[:s.nodes], addrs[s.nodes:2*s.nodes], addrs[2*s.nodes:]
	sys.looks = looks
	for i := range s.nodes {
		args := []string{"-name", fmt.Sprintf("n%d", i), "-listen", clients[i], "-look", looks[i], "-store", filepath.Join(sys.bins, fmt.Sprintf("store%d", i))}
		if s.nodes > 1 {
			args = append(args, "-cluster", routes[i], "-routes", strings.Join(routes, ","))
		}
		p, err := newProcess(sys.dir, fmt.Sprintf("nats%d", i), sys.bin("natsnode"), sys.died, args...)
		if err != nil {
			return err
		}
		sys.nodes = append(sys.nodes, p)
		sys.direct = append(sys.direct, "nats://"+clients[i])
	}
	return sys.awaitLeader()
}

// awaitLeader returns when the NATS servers have elected a leader that sees all
// of them.
func (sys *system) awaitLeader() error {
	return sys.await(kit.Patience, "the NATS servers have no leader", func() bool {
		for _, look := range sys.looks {
			b, err := sys.look(look, "/leader")
			if err == nil && string(b) == fmt.Sprint(len(sys.looks)) {
				return true
			}
		}
		return false
	})
}

func (sys *system) look(addr, path string) ([]byte, error) {
	resp, err := sys.web.Get("http://" + addr + path)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// links starts a proxy to each NATS server and returns the URLs for one
// service.
func (sys *system) links(into *[][]*proxy, first int) (string, error) {
	var row []*proxy
	var urls []string
	for _, url := range sys.direct {
		p, err := newProxy(strings.TrimPrefix(url, "nats://"))
		if err != nil {
			return "", err
		}
		row = append(row, p)
		urls = append(urls, "nats://"+p.addr())
	}
	*into = append(*into, row)
	return strings.Join(slices.Concat(urls[first%len(urls):], urls[:first%len(urls)]), ","), nil
}

func (sys *system) startServices(s shape) error {
	for i := range s.services {
		urls, err := sys.links(&sys.svcLinks, i)
		if err != nil {
			return err
		}
		args := []string{"-nats-url", urls, "-replicas", fmt.Sprint(s.nodes), "-ops-listen", "off", "-log-level", "debug"}
		if s.fault != "" {
			args = slices.Concat([]string{"faulty", s.fault}, args)
		}
		p, err := newProcess(sys.dir, fmt.Sprintf("rooms%d", i), sys.bin("roomsvc"), sys.died, args...)
		if err != nil {
			return err
		}
		sys.services = append(sys.services, p)
	}
	return nil
}

func (sys *system) startGateways(s shape) error {
	addrs, err := natsbox.FreePorts(s.gateways)
	if err != nil {
		return err
	}
	for i := range s.gateways {
		urls, err := sys.links(&sys.gwLinks, i)
		if err != nil {
			return err
		}
		front, err := newProxy(addrs[i])
		if err != nil {
			return err
		}
		sys.front = append(sys.front, front)
		p, err := newProcess(sys.dir, fmt.Sprintf("gateway%d", i), sys.bin("gateway"), sys.died, "-listen", addrs[i], "-nats-url", urls, "-drain-window", drainWindow.String(), "-ops-listen", "off", "-log-level", "debug")
		if err != nil {
			return err
		}
		sys.gateways = append(sys.gateways, p)
	}
	return sys.await(kit.Patience, "not every gateway serves", func() bool {
		for _, addr := range addrs {
			c, err := net.DialTimeout("tcp", addr, time.Second)
			if err != nil {
				return false
			}
			c.Close()
		}
		return true
	})
}
