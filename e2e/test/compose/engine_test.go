// Package compose_test runs docker-compose.yml: images, scaling, and the death of
// containers. It skips where no container engine answers.
package compose_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
)

func TestMain(m *testing.M) { kit.MainAlone(m) }

const root = "../../.."

// project is one run of the file, separate from any other on this machine.
type project struct {
	t       *testing.T
	command []string // docker-compose, or docker compose
	env     []string
	name    string
	port    string // of Caddy on this machine
}

// newProject finds an engine, or skips the test. It removes everything at the end.
// Variables in env override those of the test's environment.
func newProject(t *testing.T, env ...string) *project {
	t.Helper()
	command := composeCommand(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	p := &project{t: t, command: command, name: "p2ptest" + port, port: port}
	p.env = append(os.Environ(), "COMPOSE_PROJECT_NAME="+p.name, "P2P_PORT="+port, "VERSION=test", "COMMIT=test", "COMPOSE_PROFILES=")
	p.env = append(p.env, env...)
	for _, name := range []string{"GOPROXY", "GOSUMDB", "GOFLAGS"} { // build as this machine does
		if out, err := exec.Command("go", "env", name).Output(); err == nil {
			p.env = append(p.env, name+"="+strings.TrimSpace(string(out)))
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := p.try(context.Background(), p.compose("logs", "--no-color", "--tail", "40")...)
			t.Logf("%s", out)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if out, err := p.try(ctx, p.compose("down", "-v", "--remove-orphans", "--timeout", "5")...); err != nil {
			t.Errorf("down: %v\n%s", err, out)
		}
	})
	return p
}

// composeCommand skips the test when there is nothing to run it with.
func composeCommand(t *testing.T) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "docker", "info", "--format", "{{.ServerVersion}}").CombinedOutput(); err != nil {
		t.Skipf("no container engine answers (docker info: %v %s)", err, bytes.TrimSpace(out))
	}
	for _, c := range [][]string{{"docker", "compose"}, {"docker-compose"}} {
		if exec.CommandContext(ctx, c[0], append(c[1:], "version")...).Run() == nil {
			return c
		}
	}
	t.Skip("neither docker compose nor docker-compose is installed")
	return nil
}

func (p *project) compose(args ...string) []string {
	return append(append([]string{}, p.command...), args...)
}

func (p *project) try(ctx context.Context, command ...string) (string, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir, cmd.Env = root, p.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// run runs a command that must succeed and returns what it prints.
func (p *project) run(command ...string) string {
	p.t.Helper()
	out, err := p.try(p.t.Context(), command...)
	if err != nil {
		p.t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, out)
	}
	return strings.TrimSpace(out)
}

// container is the engine's description of a container.
type container struct {
	ID    string
	State struct{ Running bool }
	Net   struct {
		Networks map[string]struct{ IPAddress string }
	} `json:"NetworkSettings"`
}

func (c container) address() string {
	for _, n := range c.Net.Networks {
		return n.IPAddress
	}
	return ""
}

// containers returns the running containers of a service.
func (p *project) containers(service string) (running []container) {
	p.t.Helper()
	ids := strings.Fields(p.run("docker", "ps", "-q", "--no-trunc",
		"--filter", "label=com.docker.compose.project="+p.name, "--filter", "label=com.docker.compose.service="+service))
	if len(ids) == 0 {
		return nil
	}
	if err := json.Unmarshal([]byte(p.run(append([]string{"docker", "inspect"}, ids...)...)), &running); err != nil {
		p.t.Fatal(err)
	}
	return running
}

// healthy waits until n containers of a service pass their health check.
func (p *project) healthy(service string, n int) {
	p.t.Helper()
	p.await(fmt.Sprintf("%d healthy containers of %s", n, service), func() bool {
		return len(strings.Fields(p.run("docker", "ps", "-q", "--filter", "health=healthy",
			"--filter", "label=com.docker.compose.project="+p.name, "--filter", "label=com.docker.compose.service="+service))) == n
	})
}

// await polls until ok returns true, because containers send no event for it.
func (p *project) await(what string, ok func() bool) {
	p.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(3 * time.Minute)
	defer late.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-late.C:
			p.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// ops reads a path from the operators' address of a container.
func (p *project) ops(c container, path string) string {
	p.t.Helper()
	return p.run(p.fetch("http://" + c.address() + ":9090" + path)...)
}

// fetch returns a command that reads a URL from inside the project's network,
// because operators' addresses are not open to the outside.
func (p *project) fetch(url string) []string {
	p.t.Helper()
	caddy := p.containers("caddy")
	if len(caddy) == 0 {
		p.t.Fatal("caddy does not run")
	}
	return []string{"docker", "exec", caddy[0].ID, "wget", "-q", "-O", "-", url}
}
