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

func (w *world) build() {
	w.t.Helper()
	w.bins = w.t.TempDir()
	for name, pkg := range map[string]string{
		"natsnode": "p2pconnector/e2e/cmd/natsnode",
		"gateway":  "p2pconnector/gateway/cmd/gateway",
		"roomsvc":  "p2pconnector/roomsvc/cmd/roomsvc",
	} {
		build := kit.Build
		if name == "roomsvc" && w.fault != "" {
			build, pkg = kit.BuildTest, "p2pconnector/roomsvc"
		}
		if err := build(w.bin(name), pkg); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) bin(name string) string { return filepath.Join(w.bins, name) }

func (w *world) startNATS(s shape) error {
	addrs, err := natsbox.FreePorts(3 * s.nodes)
	if err != nil {
		return err
	}
	clients, routes, looks := addrs[:s.nodes], addrs[s.nodes:2*s.nodes], addrs[2*s.nodes:]
	w.looks = looks
	for i := range s.nodes {
		args := []string{"-name", fmt.Sprintf("n%d", i), "-listen", clients[i], "-look", looks[i], "-store", filepath.Join(w.bins, fmt.Sprintf("store%d", i))}
		if s.nodes > 1 {
			args = append(args, "-cluster", routes[i], "-routes", strings.Join(routes, ","))
		}
		p, err := newProcess(w.dir, fmt.Sprintf("nats%d", i), w.bin("natsnode"), w.died, args...)
		if err != nil {
			return err
		}
		w.nodes = append(w.nodes, p)
		w.direct = append(w.direct, "nats://"+clients[i])
	}
	return w.awaitLeader()
}

// awaitLeader returns when the NATS servers have elected a leader that sees all
// of them.
func (w *world) awaitLeader() error {
	return w.await(kit.Patience, "the NATS servers have no leader", func() bool {
		for _, look := range w.looks {
			b, err := w.look(look, "/leader")
			if err == nil && string(b) == fmt.Sprint(len(w.looks)) {
				return true
			}
		}
		return false
	})
}

func (w *world) look(addr, path string) ([]byte, error) {
	resp, err := w.web.Get("http://" + addr + path)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// links starts a proxy to each NATS server and returns the URLs for one
// service.
func (w *world) links(into *[][]*proxy, first int) (string, error) {
	var row []*proxy
	var urls []string
	for _, url := range w.direct {
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

func (w *world) startServices(s shape) error {
	for i := range s.services {
		urls, err := w.links(&w.svcLinks, i)
		if err != nil {
			return err
		}
		args := []string{"-nats-url", urls, "-replicas", fmt.Sprint(s.nodes), "-ops-listen", "off", "-log-level", "debug"}
		if s.fault != "" {
			args = slices.Concat([]string{"faulty", s.fault}, args)
		}
		p, err := newProcess(w.dir, fmt.Sprintf("rooms%d", i), w.bin("roomsvc"), w.died, args...)
		if err != nil {
			return err
		}
		w.services = append(w.services, p)
	}
	return nil
}

func (w *world) startGateways(s shape) error {
	addrs, err := natsbox.FreePorts(s.gateways)
	if err != nil {
		return err
	}
	for i := range s.gateways {
		urls, err := w.links(&w.gwLinks, i)
		if err != nil {
			return err
		}
		front, err := newProxy(addrs[i])
		if err != nil {
			return err
		}
		w.front = append(w.front, front)
		p, err := newProcess(w.dir, fmt.Sprintf("gateway%d", i), w.bin("gateway"), w.died, "-listen", addrs[i], "-nats-url", urls, "-drain-window", drainWindow.String(), "-ops-listen", "off", "-log-level", "debug")
		if err != nil {
			return err
		}
		w.gateways = append(w.gateways, p)
	}
	return w.await(kit.Patience, "not every gateway serves", func() bool {
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
