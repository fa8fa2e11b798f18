package compose_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/e2e/kit/raw"
	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// maxImageBytes bounds each of the two images.
const maxImageBytes = 20_000_000

// TestCompose_ScaledServices_ServeClients builds the images, starts one of each service, scales, and kills.
func TestCompose_ScaledServices_ServeClients(t *testing.T) {
	if testing.Short() {
		t.Skip("builds images and starts containers: not in short mode")
	}
	p := newProject(t)
	p.run(p.compose("build")...)
	for _, service := range []string{"gateway", "roomsvc"} {
		size, err := strconv.Atoi(p.run("docker", "image", "inspect", "--format", "{{.Size}}", "p2pconnector/"+service+":test"))
		if err != nil || size > maxImageBytes {
			t.Errorf("image of %s: %d bytes, error %v; want at most %d", service, size, err, maxImageBytes)
		}
		t.Logf("image of %s: %.1f MB", service, float64(size)/1e6)
	}

	began := time.Now()
	p.run(p.compose("up", "-d", "--no-build")...)
	p.await("Caddy to answer", p.answers)
	t.Logf("from up to ready: %.1f s", time.Since(began).Seconds())
	p.checkOrigins()
	only := p.dial()
	p.checkOps("gateway", "p2p_gateway_connections 1")
	p.checkOps("roomsvc", `p2p_roomsvc_nats_connected 1`)

	began = time.Now()
	p.run(p.compose("up", "-d", "--no-build", "--no-recreate", "--scale", "gateway=3", "--scale", "roomsvc=2")...)
	a, b := p.spread(only, 3)
	t.Logf("from scaling to clients on three gateways: %.1f s", time.Since(began).Seconds())
	p.healthy("gateway", 3)
	p.healthy("roomsvc", 2)
	p.serveDialects()
	p.talk(a, b)
	p.killGateway(a, b)
	p.killRoomService(a, b)
	p.stopGateway(a, b)
}

// answers reports whether Caddy serves a page.
func (p *project) answers() bool {
	c := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Get("http://127.0.0.1:" + p.port + "/")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// checkOrigins connects as pages do: one in development, one opened as a file, and one
// of a stranger.
func (p *project) checkOrigins() {
	p.t.Helper()
	for origin, want := range map[string]string{
		"http://localhost:3000": string(proto.ClientDetails),
		"null":                  string(proto.ClientDetails),
		"https://example.com":   string(proto.Unauthorised),
	} {
		c, _, err := raw.Dial(p.t.Context(), "127.0.0.1:"+p.port, "/", http.Header{"Origin": {origin}})
		if err != nil {
			p.t.Fatal(err)
		}
		first, err := c.Next()
		c.Close()
		if err != nil || !strings.Contains(string(first), strconv.Quote(want)) {
			p.t.Errorf("a page of %s gets %q, error %v; want %s", origin, first, err, want)
		}
	}
}

// dial connects a client through Caddy.
func (p *project) dial() *client.Client {
	p.t.Helper()
	return p.dialWith(client.Options{})
}

// dialWith connects a client with options through Caddy.
func (p *project) dialWith(opts client.Options) *client.Client {
	p.t.Helper()
	opts.URLs, opts.MaxWait = []string{"ws://127.0.0.1:" + p.port + "/"}, 500*time.Millisecond
	ctx, cancel := context.WithTimeout(p.t.Context(), kit.Patience)
	defer cancel()
	c, err := client.Dial(ctx, opts)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() }) // its gateway may have ended already
	return c
}

// spread dials until clients are on n gateways, and returns two clients on different
// gateways.
func (p *project) spread(first *client.Client, n int) (a, b *client.Client) {
	p.t.Helper()
	seen := map[proto.GatewayID]bool{first.ID().Home(): true}
	p.await("clients on every gateway", func() bool {
		c := p.dial()
		seen[c.ID().Home()] = true
		if b == nil && c.ID().Home() != first.ID().Home() {
			b = c
		}
		return len(seen) >= n
	})
	return first, b
}

// talk makes two clients on different gateways signal each other and share a room.
func (p *project) talk(a, b *client.Client) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), kit.Patience)
	defer cancel()
	must(p.t, a.Offer(ctx, b.ID(), map[string]string{"sdp": "v=0"}))
	p.expect(b, string(proto.Offer), "")
	must(p.t, b.Answer(ctx, a.ID(), map[string]string{"sdp": "v=0"}))
	p.expect(a, string(proto.Answer), "")
	_, err := a.Create(ctx, client.RoomOptions{Room: "tea"})
	must(p.t, err)
	_, err = b.Join(ctx, "tea", client.JoinOptions{})
	must(p.t, err)
	p.exchange(a, b, "shared")
}

// exchange sends a room message each way.
func (p *project) exchange(a, b *client.Client, text string) {
	p.t.Helper()
	for _, pair := range [][2]*client.Client{{a, b}, {b, a}} {
		p.until(pair[0], pair[1], "tea", text)
	}
}

// until sends a room message until it has arrived: while a container dies, some are
// lost, and their sender receives an error.
func (p *project) until(from, to *client.Client, room proto.RoomID, text string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 3*time.Minute)
	defer cancel()
	for {
		must(p.t, from.MessageRoom(ctx, room, text))
		if awaitFrame(ctx, to, string(proto.Message), `"`+text+`"`, time.Second) {
			return
		}
		if ctx.Err() != nil {
			p.t.Fatalf("%q did not arrive", text)
		}
	}
}

// killGateway kills the gateway of b: b resumes on another one under its id.
func (p *project) killGateway(a, b *client.Client) {
	p.t.Helper()
	id := b.ID()
	began := time.Now()
	p.run("docker", "kill", p.homeOf(id))
	if n := len(p.containers("gateway")); n != 2 {
		p.t.Fatalf("%d gateways run after one was killed, want 2", n)
	}
	p.exchange(a, b, "after a gateway died")
	p.t.Logf("from killing a gateway to messages both ways: %.1f s", time.Since(began).Seconds())
	if b.ID() != id {
		p.t.Errorf("the client came back as %s, was %s", b.ID(), id)
	}
	p.run(p.compose("up", "-d", "--no-build", "--no-recreate", "--scale", "gateway=3", "--scale", "roomsvc=2")...)
	p.healthy("gateway", 3)
}

// homeOf returns the container whose gateway issued a peer's id: its log names the
// gateway.
func (p *project) homeOf(id proto.PeerID) string {
	p.t.Helper()
	for _, c := range p.containers("gateway") {
		if strings.Contains(p.run("docker", "logs", c.ID), `"gateway":"`+string(id.Home())+`"`) {
			return c.ID
		}
	}
	p.t.Fatalf("no container holds the gateway %s", id.Home())
	return ""
}

// stopGateway drains the gateway of a, as an upgrade does: all its clients move while
// it still runs, under their ids.
func (p *project) stopGateway(a, b *client.Client) {
	p.t.Helper()
	moving := map[*client.Client]proto.PeerID{a: a.ID()}
	for range 9 { // every gateway gets some, so the fewest are on the one that drains soon
		if c := p.dial(); c.ID().Home() == a.ID().Home() {
			moving[c] = c.ID()
		}
	}
	home := p.homeOf(a.ID())
	began := time.Now()
	p.run("docker", "stop", "-t", "40", home)
	p.t.Logf("a gateway with %d clients drained in %.1f s", len(moving), time.Since(began).Seconds())
	if code := p.run("docker", "inspect", "--format", "{{.State.ExitCode}}", home); code != "0" {
		p.t.Errorf("the gateway ended with code %s, want 0", code)
	}
	for c, id := range moving {
		if r := p.resumed(c); r.ID != id || !r.Same || !r.Recovered {
			p.t.Errorf("%s came back as %+v", id, r)
		}
	}
	p.exchange(a, b, "after a drain")
}

// resumed waits until a client has reconnected.
func (p *project) resumed(c *client.Client) client.Resumed {
	p.t.Helper()
	late := time.NewTimer(kit.Patience)
	defer late.Stop()
	for {
		select {
		case f, ok := <-c.Frames():
			if !ok {
				p.t.Fatalf("%s ended: %v", c.ID(), c.Err())
			}
			if r, ok := f.Resumed(); ok {
				return r
			}
		case <-late.C:
			p.t.Fatalf("%s does not come back", c.ID())
		}
	}
}

// killRoomService kills one of two: the other serves the rooms.
func (p *project) killRoomService(a, b *client.Client) {
	p.t.Helper()
	began := time.Now()
	p.run("docker", "kill", p.containers("roomsvc")[0].ID)
	p.change(b)
	p.t.Logf("from killing a room service to having left and joined: %.2f s", time.Since(began).Seconds())
	p.exchange(a, b, "after a room service died")
	p.checkOps("gateway", "p2p_gateway_rooms ")
}

// change removes c from the room and joins it again. Both may need retries: the room
// service answers Unavailable after 12 s of trying, which may happen while NATS nodes
// elect a leader.
func (p *project) change(c *client.Client) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), kit.Patience)
	defer cancel()
	again := func(err error) bool {
		return client.Code(err) == proto.Unavailable || errors.Is(err, client.ErrInterrupted)
	}
	_, err := c.Leave(ctx, "tea")
	for again(err) {
		_, err = c.Leave(ctx, "tea")
	}
	if err != nil && client.Code(err) != proto.NotFound { // it was not a member
		p.t.Fatal(err)
	}
	_, err = c.Join(ctx, "tea", client.JoinOptions{})
	for again(err) {
		_, err = c.Join(ctx, "tea", client.JoinOptions{})
	}
	must(p.t, err)
}

// checkOps reads the health and the metrics of every container of a service.
func (p *project) checkOps(service, want string) {
	p.t.Helper()
	for _, c := range p.containers(service) {
		if got := p.ops(c, "/readyz"); got != "ready" {
			p.t.Errorf("/readyz of %s says %q", service, got)
		}
		if got := p.ops(c, "/metrics"); !strings.Contains(got, want) {
			p.t.Errorf("/metrics of %s lacks %q:\n%.2000s", service, want, got)
		}
		p.run("docker", "exec", c.ID, "/"+service, "healthcheck")
	}
}

// expect waits for a frame.
func (p *project) expect(c *client.Client, event, data string) {
	p.t.Helper()
	if !awaitFrame(p.t.Context(), c, event, data, kit.Patience) {
		p.t.Fatalf("%s did not come", event)
	}
}

// awaitFrame drops frames until one with that event, and with that data unless it is "",
// arrives in time.
func awaitFrame(ctx context.Context, c *client.Client, event, data string, within time.Duration) bool {
	late := time.NewTimer(within)
	defer late.Stop()
	for {
		select {
		case f, ok := <-c.Frames():
			if !ok {
				return false
			}
			if f.Event == event && (data == "" || string(f.Data) == data) {
				return true
			}
		case <-late.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
