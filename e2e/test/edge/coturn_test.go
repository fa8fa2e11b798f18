package edge_test

import (
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pion/turn/v5"

	"p2pconnector/e2e/kit"
	"p2pconnector/e2e/natsbox"
)

// TestCoturn_ConfigurationOfTheRepository_RelaysToPublicPeersOnly runs coturn, where it is
// installed, with gateway/turnserver.conf: a client relays to a public address, and to
// no private one, IPv4 or IPv6, and has no more relays than the quota says.
func TestCoturn_ConfigurationOfTheRepository_RelaysToPublicPeersOnly(t *testing.T) {
	program, err := exec.LookPath("turnserver")
	if err != nil {
		t.Skipf("coturn is not installed: %v", err)
	}
	for _, host := range []string{"127.0.0.1", "::1"} {
		t.Run(host, func(t *testing.T) {
			addr := startCoturn(t, program, host)
			c := turnClient(t, addr)
			if err := relay(t, c); err != nil {
				t.Fatalf("got no relay: %v", err)
			}
			public, private := []string{"1.1.1.1"}, []string{"10.0.0.1", "127.0.0.2", "169.254.169.254", "172.16.0.1", "192.168.0.1", "100.64.0.1", "0.0.0.0", "224.0.0.1"}
			if strings.Contains(host, ":") {
				public = []string{"2606:4700:4700::1111"}
				private = []string{"::", "fd00::1", "fe80::1", "fec0::1", "64:ff9b::a00:1", "2002:a00:1::1", "2001:db8::1", "ff02::1"}
			}
			for _, ip := range public {
				if err := c.CreatePermission(&net.UDPAddr{IP: net.ParseIP(ip), Port: 4222}); err != nil {
					t.Errorf("%s: got %v, want a permission", ip, err)
				}
			}
			for _, ip := range private {
				if err := c.CreatePermission(&net.UDPAddr{IP: net.ParseIP(ip), Port: 4222}); err == nil || !strings.Contains(err.Error(), "403") {
					t.Errorf("%s: got error %v, want 403", ip, err)
				}
			}
			var last error
			for n := 1; last == nil; n++ { // the first is there already
				if n > 12 {
					t.Fatalf("got %d relays of one user, want 12 at most", n)
				}
				last = relay(t, turnClient(t, addr))
			}
			if !strings.Contains(last.Error(), "486") {
				t.Errorf("one relay too many: got %v, want 486", last)
			}
		})
	}
}

// relay allocates a relay until the test ends.
func relay(t *testing.T, c *turn.Client) error {
	t.Helper()
	r, err := c.Allocate()
	if err == nil {
		t.Cleanup(func() { _ = r.Close() }) // its server ends next
	}
	return err
}

// startCoturn starts coturn on a free port of host, and returns its address.
func startCoturn(t *testing.T, program, host string) string {
	t.Helper()
	conf, err := filepath.Abs("../../../gateway/turnserver.conf")
	must(t, err)
	free, err := natsbox.FreePorts(1)
	must(t, err)
	_, port, err := net.SplitHostPort(free[0])
	must(t, err)
	cmd := exec.Command(program, "-c", conf, "--log-file=stdout", "--static-auth-secret="+turnSecret, "--realm=test",
		"--listening-ip="+host, "--listening-port="+port, "--no-tls", "--no-dtls", "--pidfile="+filepath.Join(t.TempDir(), "pid"))
	cmd.Stdout = t.Output()
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // the error of Wait says whether it had ended before
		_ = cmd.Wait()
	})
	addr := net.JoinHostPort(host, port)
	tick, late := time.NewTicker(20*time.Millisecond), time.NewTimer(kit.Patience) // it sends no event
	defer tick.Stop()
	defer late.Stop()
	for {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			return addr
		}
		select {
		case <-tick.C:
		case <-late.C:
			t.Fatalf("coturn: got %v within %v, want it to listen", err, kit.Patience)
		}
	}
}

// turnClient returns a client of a TURN server, with a credential of one user.
func turnClient(t *testing.T, addr string) *turn.Client {
	t.Helper()
	host, _, err := net.SplitHostPort(addr)
	must(t, err)
	conn, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
	must(t, err)
	name, password, err := turn.GenerateLongTermTURNRESTCredentials(turnSecret, "peer", time.Hour)
	must(t, err)
	c, err := turn.NewClient(&turn.ClientConfig{TURNServerAddr: addr, Conn: conn, Username: name, Password: password, Realm: "test", LoggerFactory: quiet})
	must(t, err)
	t.Cleanup(func() {
		c.Close()
		_ = conn.Close()
	})
	must(t, c.Listen())
	return c
}
