package natsbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// clusterTries is how often StartCluster draws new ports when another process
// took one of them between the draw and the start.
const clusterTries = 3

// StartCluster runs n servers with replicated JetStream (n = 3 for replicas 3),
// on free loopback ports, and returns when they have elected a leader that sees
// all of them. ctx bounds the wait.
func StartCluster(ctx context.Context, n int, log *slog.Logger) ([]*Server, error) {
	var err error
	for range clusterTries {
		var servers []*Server
		if servers, err = startCluster(n, log); err == nil {
			if err = WaitCluster(ctx, servers); err == nil {
				return servers, nil
			}
		}
		err = errors.Join(err, closeAll(servers))
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

func startCluster(n int, log *slog.Logger) ([]*Server, error) {
	cfgs, err := ClusterConfigs(n, log)
	if err != nil {
		return nil, err
	}
	var servers []*Server
	for _, cfg := range cfgs {
		s, err := Start(cfg)
		if err != nil {
			return servers, err
		}
		servers = append(servers, s)
	}
	return servers, nil
}

// ClusterConfigs returns the configurations of n servers that form a cluster on
// loopback ports that are free at this moment.
func ClusterConfigs(n int, log *slog.Logger) ([]Config, error) {
	ports, err := FreePorts(2 * n)
	if err != nil {
		return nil, err
	}
	cfgs := make([]Config, n)
	for i := range cfgs {
		cfgs[i] = Config{
			Name: fmt.Sprintf("n%d", i), Listen: ports[n+i], Logger: log,
			Cluster: &Cluster{Name: "p2p", Listen: ports[i], Routes: ports[:n]},
		}
	}
	return cfgs, nil
}

// WaitCluster returns when one of the running servers leads JetStream and sees
// all running ones as peers, or with ctx's error.
func WaitCluster(ctx context.Context, servers []*Server) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if clusterReady(servers) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("natsbox: the cluster has no leader yet: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

func clusterReady(servers []*Server) bool {
	running, led := 0, 0
	for _, s := range servers {
		srv := s.NATS()
		if srv == nil {
			continue
		}
		running++
		if srv.JetStreamIsLeader() {
			led = len(srv.JetStreamClusterPeers())
		}
	}
	return running > 0 && led >= running
}

func closeAll(servers []*Server) error {
	var errs []error
	for _, s := range servers {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

func (c *Cluster) apply(o *server.Options) error {
	host, port, err := splitListen(c.Listen)
	if err != nil {
		return err
	}
	o.Cluster = server.ClusterOpts{Name: c.Name, Host: host, Port: port, NoAdvertise: c.NoAdvertise}
	for _, r := range c.Routes {
		o.Routes = append(o.Routes, &url.URL{Scheme: "nats-route", Host: r})
	}
	return nil
}
