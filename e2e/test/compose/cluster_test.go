package compose_test

import (
	"encoding/json"
	"testing"
	"time"

	"p2pconnector/proto/client"
)

// nodes are the services that run the NATS nodes.
var nodes = map[string]string{"nats-1": "nats", "nats-2": "nats-2", "nats-3": "nats-3"}

// TestCompose_Cluster_SurvivesANode runs the profile cluster: every room is replicated on three NATS nodes,
// and can be changed while any one of them is dead.
func TestCompose_Cluster_SurvivesANode(t *testing.T) {
	if testing.Short() {
		t.Skip("builds images and starts containers: not in short mode")
	}
	p := newProject(t, "P2P_REPLICAS=3", "COMPOSE_PROFILES=cluster")
	p.run(p.compose("build")...)
	began := time.Now()
	p.run(p.compose("up", "-d", "--no-build")...)
	p.await("Caddy to answer", p.answers)
	t.Logf("from up to ready: %.1f s", time.Since(began).Seconds())
	a, b := p.dial(), p.dial()
	p.talk(a, b)
	p.copied()

	// The node whose name is the services' address. A service that starts now must
	// find another node.
	first := p.killNode("nats-1", a, b)
	p.run(p.compose("up", "-d", "--no-build", "--no-recreate", "--no-deps", "--scale", "gateway=2", "gateway")...)
	_, other := p.spread(a, 2)
	p.change(other)
	p.run("docker", "start", first)
	p.copied()

	// The leader of the rooms: the others must elect one before a room changes.
	p.killNode(p.roomStream().Cluster.Leader, a, b)
	p.exchange(a, other, "to another gateway")
}

// killNode kills a NATS node and checks that the room can be changed.
func (p *project) killNode(name string, a, b *client.Client) (id string) {
	p.t.Helper()
	leader := p.roomStream().Cluster.Leader
	id = p.containers(nodes[name])[0].ID
	began := time.Now()
	p.run("docker", "kill", id)
	p.change(b)
	p.t.Logf("from killing %s (%s led the rooms) to having left and joined: %.2f s", name, leader, time.Since(began).Seconds())
	p.exchange(a, b, "after the death of "+name)
	return id
}

// stream is a NATS node's description of a stream.
type stream struct {
	Name    string
	Cluster struct {
		Leader   string
		Replicas []struct {
			Name    string
			Current bool
		}
	}
}

// roomStream asks the leader for the stream of the rooms.
func (p *project) roomStream() stream {
	p.t.Helper()
	var found stream
	p.await("a node to know who leads the rooms", func() bool {
		for _, service := range nodes {
			for _, c := range p.containers(service) {
				for _, s := range p.streams(c) {
					if s.Name == "KV_rooms" && nodes[s.Cluster.Leader] == service {
						found = s
						return true
					}
				}
			}
		}
		return false
	})
	return found
}

// streams asks a node for its streams. A node that has just started may not answer.
func (p *project) streams(node container) (list []stream) {
	p.t.Helper()
	out, err := p.try(p.t.Context(), p.fetch("http://"+node.address()+":8222/jsz?streams=true")...)
	if err != nil {
		return nil
	}
	var jsz struct {
		Accounts []struct {
			Streams []stream `json:"stream_detail"`
		} `json:"account_details"`
	}
	if err := json.Unmarshal([]byte(out), &jsz); err != nil {
		p.t.Fatalf("%v: %s", err, out)
	}
	for _, account := range jsz.Accounts {
		list = append(list, account.Streams...)
	}
	return list
}

// copied waits until three nodes hold the rooms, none of them behind.
func (p *project) copied() {
	p.t.Helper()
	p.await("three copies of the rooms", func() bool {
		current := 1 // the leader
		for _, r := range p.roomStream().Cluster.Replicas {
			if r.Current {
				current++
			}
		}
		return current == 3
	})
}
