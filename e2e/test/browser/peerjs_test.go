package browser

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/e2e/kit/npm"
	"p2pconnector/e2e/natsbox"
)

// The packages of npm that the tests run: the client, and the server that the gateways
// replace, by which the tests are known to be right.
const (
	peerjsClient = "peerjs@1.5.5"
	peerjsServer = "peer@1.0.2"
)

// peerjsScript returns the client of PeerJS, as pages load it.
func peerjsScript(t *testing.T) string { return packedFile(t, peerjsClient, "dist/peerjs.min.js") }

// packedFile returns a file of a package of npm.
func packedFile(t *testing.T, pkg, name string) string {
	t.Helper()
	dir := npm.Folder(t, pkg)
	path := filepath.Join(dir, strings.Replace(pkg, "@", "-", 1)+".tgz")
	if _, err := os.Stat(path); err != nil {
		npm.Run(t, dir, "pack", "--silent", pkg)
	}
	packed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err != nil {
			t.Fatalf("%s: got no %s: %v", path, name, err)
		}
		if h.Name == "package/"+name {
			script, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			return string(script)
		}
	}
}

// balancer is a TCP load balancer for the gateways of a stack: it takes the first that
// answers.
type balancer struct {
	wg sync.WaitGroup

	mu     sync.Mutex
	conns  []net.Conn
	closed bool
}

// balance listens on a port of its own until the end of the test.
func balance(t *testing.T, addrs ...string) (port int) {
	t.Helper()
	port, _ = cuttable(t, addrs...)
	return port
}

// cuttable is balance, and returns a function that ends all present connections.
func cuttable(t *testing.T, addrs ...string) (port int, cut func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := new(balancer)
	b.wg.Go(func() { b.accept(l, addrs) })
	t.Cleanup(func() {
		l.Close()
		b.close()
		b.wg.Wait()
	})
	return l.Addr().(*net.TCPAddr).Port, b.cut
}

func (b *balancer) accept(l net.Listener, addrs []string) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		b.wg.Go(func() {
			defer in.Close()
			for _, addr := range addrs {
				if out, err := net.Dial("tcp", addr); err == nil {
					b.pipe(in, out)
					return
				}
			}
		})
	}
}

// pipe copies both ways until one side ends.
func (b *balancer) pipe(in, out net.Conn) {
	b.mu.Lock()
	b.conns = append(b.conns, in, out)
	if b.closed {
		in.Close()
		out.Close()
	}
	b.mu.Unlock()
	var wg sync.WaitGroup
	for _, p := range [][2]net.Conn{{in, out}, {out, in}} {
		wg.Go(func() {
			io.Copy(p[0], p[1]) //nolint:errcheck // either side may end at any time
			in.Close()
			out.Close()
		})
	}
	wg.Wait()
}

// close ends all connections, also those that come later.
func (b *balancer) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.cut()
}

// cut ends all connections.
func (b *balancer) cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.conns {
		c.Close()
	}
}

// peerPage opens a page that has the client of PeerJS.
func peerPage(t *testing.T, b *browser, name string) *tab {
	t.Helper()
	p := b.open(t, name, pages(t).URL+"/test/blank.html")
	p.eval(nil, "%s", peerjsScript(t)+"\n;0")
	p.eval(nil, `import("/test/peerjs.js").then(() => true)`)
	return p
}

// begin makes the page's peer, which must get the id.
func (p *tab) begin(id string, port int) (got string) {
	p.t.Helper()
	p.eval(&got, `own.begin(%q, %d)`, id, port)
	if id != "" && got != id {
		p.t.Fatalf("%s: got id %q, want %q", p.name, got, id)
	}
	return got
}

// peerjsSteps runs all that clients of PeerJS do through the servers on two ports. reconnect
// is JavaScript that makes own.peer reconnect.
func peerjsSteps(t *testing.T, b *browser, one, two int, reconnect string) {
	t.Helper()
	ann, ben := peerPage(t, b, "Ann"), peerPage(t, b, "Ben")
	ann.begin("ann-1", one)
	drawn := ben.begin("", two)

	ann.eval(nil, `own.connect(%q)`, drawn)
	ben.until("the connection is there", `own.connections.length === 1 && own.connections[0].open`)
	ann.eval(nil, `own.send(100000)`)
	ben.until("100 KB arrive", `own.got(100000)`)
	ben.eval(nil, `own.send(100000)`)
	ann.until("100 KB arrive", `own.got(100000)`)

	ben.eval(nil, `own.call("ann-1")`)
	ann.until("the video runs", `own.sees()`)
	ben.until("the video runs", `own.sees()`)

	var all []string
	want := []string{"ann-1", drawn}
	slices.Sort(want)
	for end := time.Now().Add(patience); !slices.Equal(all, want) && time.Now().Before(end); {
		ben.eval(&all, `own.list()`)
	}
	if !slices.Equal(all, want) {
		t.Errorf("listAllPeers: got %q, want %q", all, want)
	}

	var errors []string
	ann.eval(nil, `void own.peer.connect("nobody-has-this-id")`)
	ann.until("an error comes", `own.errors.length > 0`)
	if ann.eval(&errors, `own.errors`); !slices.Equal(errors, []string{"peer-unavailable"}) {
		t.Errorf("a peer that nobody is: got %q, want peer-unavailable once", errors)
	}
	third := peerPage(t, b, "Third")
	if err := third.try(patience, nil, `own.begin("ann-1", %d)`, two); err == nil || !strings.Contains(err.Error(), "unavailable-id") {
		t.Errorf("an id in use: got %v, want unavailable-id", err)
	}

	var again string
	ann.eval(&again, `new Promise((resolve) => { own.peer.once("open", resolve); %s })`, reconnect)
	if again != "ann-1" {
		t.Errorf("after disconnect and reconnect: got id %q, want ann-1", again)
	}
	ben.eval(nil, `own.connect("ann-1")`)
}

// TestPeerJS_RealClient_WorksOnTwoGateways runs the client from npm against two gateways, and
// the same steps against its own server.
func TestPeerJS_RealClient_WorksOnTwoGateways(t *testing.T) {
	b := startBrowser(t)
	peerjsScript(t)
	t.Run("gateways", func(t *testing.T) {
		s := startOpenGateways(t)
		peerjsSteps(t, b, portOf(t, s, 0), portOf(t, s, 1), `own.peer.disconnect(); own.peer.reconnect();`)
	})
	t.Run("PeerServer", func(t *testing.T) {
		port := startPeerServer(t)
		// PeerServer sends no OPEN while it knows the former socket (issue 1289 of peerjs), which
		// it may still read: only another try gets one.
		peerjsSteps(t, b, port, port, `
			const again = () => { own.peer.disconnect(); setTimeout(() => own.peer.reconnect(), 500); };
			const timer = setInterval(again, 3000);
			own.peer.once("open", () => clearInterval(timer));
			again();`)
	})
}

// TestPeerJS_GatewayKilled_ClientsKeepTheirIDs kills the gateway of one of two clients, which
// reconnects through a load balancer, and is called again.
func TestPeerJS_GatewayKilled_ClientsKeepTheirIDs(t *testing.T) {
	b := startBrowser(t)
	s := startOpenGateways(t)
	near, far := hostOf(s, 0), hostOf(s, 1)
	ann, ben := peerPage(t, b, "Ann"), peerPage(t, b, "Ben")
	ann.begin("ann", balance(t, near, far))
	ben.begin("ben", balance(t, far, near))
	for _, p := range []*tab{ann, ben} {
		p.eval(nil, `own.stay()`)
	}
	ann.eval(nil, `own.connect("ben")`)
	began := time.Now()
	s.KillGateway(t, 1)
	ben.until("it is connected again", `own.attempts > 0 && !own.peer.disconnected && own.peer.open`)
	ann.eval(nil, `own.connect("ben")`)
	ann.eval(nil, `own.send(1000)`)
	ben.until("1000 bytes arrive", `own.got(1000)`)
	var attempts int
	ben.eval(&attempts, `own.attempts`)
	if rate := float64(attempts-1) / time.Since(began).Seconds(); rate >= 1 {
		t.Errorf("got %d attempts to reconnect in %v, want less than one a second", attempts, time.Since(began))
	}
}

// TestPeerJS_SocketKilled_CallWaitsForItsReturn: a call to a client whose socket was killed waits, for
// longer than one to an id that nobody has, and reaches the client when it reconnects, to
// another gateway.
func TestPeerJS_SocketKilled_CallWaitsForItsReturn(t *testing.T) {
	b := startBrowser(t)
	t.Setenv("P2P_PEERJS_EXPIRE", "1s")
	t.Setenv("P2P_ALLOWED_ORIGINS", "http://127.0.0.1:*")
	s := kit.Start(t, kit.Options{Processes: true, Grace: kit.Patience})
	far, cut := cuttable(t, hostOf(s, 1))
	ann, ben := peerPage(t, b, "Ann"), peerPage(t, b, "Ben")
	ann.begin("ann", portOf(t, s, 0))
	ben.begin("ben", far)
	cut()
	ben.until("it notices", `own.peer.disconnected`)
	ann.eval(nil, `void own.connect("ben")`)
	ann.eval(nil, `void own.peer.connect("nobody-has-this-id")`)
	ann.until("the id that nobody has expires", `own.errors.length > 0`)
	ben.eval(nil, `own.peer.options.port = %d; own.peer.socket._baseUrl = own.peer.socket._baseUrl.replace(/:\d+/, ":%d"); own.peer.reconnect()`, portOf(t, s, 0), portOf(t, s, 0))
	ben.until("the call arrives", `own.connections.length === 1 && own.connections[0].open`)
	var errors []string
	if ann.eval(&errors, `own.errors`); !slices.Equal(errors, []string{"peer-unavailable"}) {
		t.Errorf("got errors %q, want one, for the id that nobody has", errors)
	}
}

// startOpenGateways starts two gateways for pages of any port of this machine.
func startOpenGateways(t *testing.T) *kit.Stack {
	t.Helper()
	t.Setenv("P2P_ALLOWED_ORIGINS", "http://127.0.0.1:*")
	t.Setenv("P2P_PEERJS_DISCOVERY", "true")
	return kit.Start(t, kit.Options{Processes: true, Grace: time.Second})
}

func hostOf(s *kit.Stack, i int) string {
	return strings.TrimSuffix(strings.TrimPrefix(s.HTTP(i), "http://"), "/")
}

func portOf(t *testing.T, s *kit.Stack, i int) int {
	t.Helper()
	addr, err := net.ResolveTCPAddr("tcp", hostOf(s, i))
	if err != nil {
		t.Fatal(err)
	}
	return addr.Port
}

// startPeerServer starts PeerJS's own server and returns its port, or skips the test.
func startPeerServer(t *testing.T) (port int) {
	t.Helper()
	dir := npm.Folder(t, peerjsServer)
	program := filepath.Join(dir, "node_modules", "peer", "dist", "bin", "peerjs.js")
	if _, err := os.Stat(program); err != nil {
		npm.Run(t, dir, "install", "--silent", "--no-save", "--prefix", dir, peerjsServer)
	}
	return startNode(t, program, "--path", "/", "--allow_discovery")
}

// startNode runs a server that is a program of Node, and returns the port that it listens on, or
// skips the test. The program gets the port as the flag --port and in the environment as PORT.
func startNode(t *testing.T, program string, args ...string) (port int) {
	t.Helper()
	addrs, err := natsbox.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	_, number, _ := strings.Cut(addrs[0], ":")
	cmd := exec.Command("node", append([]string{program, "--port", number}, args...)...)
	cmd.Env = append(os.Environ(), "PORT="+number)
	kit.DieWithParent(cmd)
	if err := cmd.Start(); err != nil {
		t.Skipf("no node here to run %s: %v", program, err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		var exit *exec.ExitError
		if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
			t.Errorf("%s: %v", program, err)
		}
	})
	for end := time.Now().Add(kit.Patience); time.Now().Before(end); {
		if c, err := net.Dial("tcp", addrs[0]); err == nil {
			c.Close()
			if _, err := fmt.Sscan(number, &port); err != nil {
				t.Fatal(err)
			}
			return port
		}
	}
	t.Fatalf("got no %s that listens on %s within %v, want it", program, addrs[0], kit.Patience)
	return 0
}
