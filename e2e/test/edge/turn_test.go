package edge_test

import (
	"context"
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/turn/v5"
	"github.com/pion/webrtc/v4"

	"p2pconnector/e2e/kit"
	"p2pconnector/gateway"
	"p2pconnector/proto"
)

const turnSecret = "shared with the TURN server"

// quiet logs nothing.
var quiet = &logging.DefaultLoggerFactory{DefaultLogLevel: logging.LogLevelDisabled}

// startTURN runs a TURN server that accepts the credentials of secret, as coturn's
// use-auth-secret does, and returns its URL.
func startTURN(t *testing.T, secret string) string {
	t.Helper()
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	must(t, err)
	loopback := net.IPv4(127, 0, 0, 1)
	srv, err := turn.NewServer(turn.ServerConfig{
		Realm: "test", AuthHandler: turn.LongTermTURNRESTAuthHandler(secret, quiet.NewLogger("turn")), LoggerFactory: quiet,
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: pc, RelayAddressGenerator: &turn.RelayAddressGeneratorStatic{
			RelayAddress: loopback, Address: "127.0.0.1",
		}}},
	})
	must(t, err)
	t.Cleanup(func() { _ = srv.Close() }) // its allocations may have ended before
	return "turn:" + pc.LocalAddr().String() + "?transport=udp"
}

// iceServers parses a list as a browser passes it to RTCPeerConnection.
func iceServers(t *testing.T, list json.RawMessage) []webrtc.ICEServer {
	t.Helper()
	var servers []webrtc.ICEServer
	must(t, json.Unmarshal(list, &servers))
	if len(servers) == 0 || servers[0].Username == "" {
		t.Fatalf("got ice_servers %s, want a server with a user name", list)
	}
	return servers
}

// TestTURN_RelayOnlyPeers_Connect: two WebRTC peers that may only use relays connect with the servers from
// Client_Details and Ice_Servers.
func TestTURN_RelayOnlyPeers_Connect(t *testing.T) {
	e := start(t, func(c *gateway.Config) {
		c.TURNURLs, c.TURNSecret, c.TURNTTL = startTURN(t, turnSecret), turnSecret, time.Minute
	})
	a, b := e.open(t, "/", nil), e.open(t, "/", nil)
	if !strings.HasSuffix(iceServers(t, a.details.IceServers)[0].Username, ":"+string(a.details.ID)) {
		t.Errorf("got %s, want a user name that ends with the peer's id %s", a.details.IceServers, a.details.ID)
	}
	b.send(`{"event":"ice_servers","id":"mine"}`)
	f := b.expect(string(proto.IceServers))
	var d proto.IceServersData
	must(t, json.Unmarshal(f.Data, &d))
	if string(f.ID) != `"mine"` || f.Type != "info" {
		t.Errorf("got %s, want the answer to the request", f.raw)
	}
	from, to := newRelayed(t, iceServers(t, a.details.IceServers)), newRelayed(t, iceServers(t, d.IceServers))
	got := make(chan string, 1)
	to.OnDataChannel(func(dc *webrtc.DataChannel) {
		dc.OnMessage(func(m webrtc.DataChannelMessage) { got <- string(m.Data) })
	})
	dc, err := from.CreateDataChannel("data", nil)
	must(t, err)
	dc.OnOpen(func() { _ = dc.SendText("through the relay") }) // the test waits for it
	describe(t, from, to)
	select {
	case text := <-got:
		if text != "through the relay" {
			t.Errorf("got %q, want the text of the other side", text)
		}
	case <-time.After(kit.Patience):
		t.Fatalf("got nothing through the relay within %v, want a text", kit.Patience)
	}
	pair, err := from.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	must(t, err)
	if pair.Local.Typ != webrtc.ICECandidateTypeRelay {
		t.Errorf("got a connection by %v, want a relay", pair)
	}
}

// newRelayed returns a WebRTC peer on loopback that may only use relays.
func newRelayed(t *testing.T, servers []webrtc.ICEServer) *webrtc.PeerConnection {
	t.Helper()
	var se webrtc.SettingEngine
	se.SetIncludeLoopbackCandidate(true)
	se.SetIPFilter(net.IP.IsLoopback)
	se.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	se.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(se)).NewPeerConnection(webrtc.Configuration{
		ICEServers: servers, ICETransportPolicy: webrtc.ICETransportPolicyRelay,
	})
	must(t, err)
	t.Cleanup(func() { _ = pc.GracefulClose() })
	return pc
}

// describe exchanges complete descriptions.
func describe(t *testing.T, from, to *webrtc.PeerConnection) {
	t.Helper()
	offer, err := from.CreateOffer(nil)
	must(t, err)
	must(t, to.SetRemoteDescription(gathered(t, from, offer)))
	answer, err := to.CreateAnswer(nil)
	must(t, err)
	must(t, from.SetRemoteDescription(gathered(t, to, answer)))
}

func gathered(t *testing.T, pc *webrtc.PeerConnection, d webrtc.SessionDescription) webrtc.SessionDescription {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kit.Patience)
	defer cancel()
	done := webrtc.GatheringCompletePromise(pc)
	must(t, pc.SetLocalDescription(d))
	select {
	case <-done:
	case <-ctx.Done():
		t.Fatal("gathering does not end")
	}
	if !strings.Contains(pc.LocalDescription().SDP, "typ relay") {
		t.Fatalf("got a description without a relay, want one:\n%s", pc.LocalDescription().SDP)
	}
	return *pc.LocalDescription()
}

// TestTURN_WrongCredential_IsRefused: a TURN server refuses an expired credential, one of another
// secret, and one whose time was changed.
func TestTURN_WrongCredential_IsRefused(t *testing.T) {
	url := startTURN(t, turnSecret)
	credentials := func(secret string, ttl time.Duration) webrtc.ICEServer {
		e := startGateway(t, inProcess(newRooms(t)), func(c *gateway.Config) { c.TURNURLs, c.TURNSecret, c.TURNTTL = url, secret, ttl })
		return iceServers(t, e.open(t, "/", nil).details.IceServers)[0]
	}
	good := credentials(turnSecret, time.Hour)
	if err := allocate(t, url, good); err != nil {
		t.Fatalf("a good credential: %v", err)
	}
	if err := allocate(t, url, credentials("another secret", time.Hour)); err == nil {
		t.Error("a credential of another secret: got it accepted, want it refused")
	}
	// The gateway issues credentials for a minute or more: the one here has the same form
	// and is signed with the same secret, and its time has passed.
	name, password, err := turn.GenerateLongTermTURNRESTCredentials(turnSecret, "peer", -time.Second)
	must(t, err)
	if err := allocate(t, url, webrtc.ICEServer{Username: name, Credential: password}); err == nil {
		t.Error("an expired credential: got it accepted, want it refused")
	}
	moved := good
	moved.Username = "9" + good.Username
	if err := allocate(t, url, moved); err == nil {
		t.Error("a credential with a changed time: got it accepted, want it refused")
	}
}

// TestIceServers_InALoop_GiveOneCredential: a peer that asks again and again gets the
// credential that it has.
func TestIceServers_InALoop_GiveOneCredential(t *testing.T) {
	e := start(t, func(c *gateway.Config) {
		c.TURNURLs, c.TURNSecret, c.TURNTTL = "turn:turn.example", turnSecret, 12*time.Hour
	})
	c := e.open(t, "/", nil)
	names := map[string]bool{iceServers(t, c.details.IceServers)[0].Username: true}
	for range 100 {
		c.send(`{"event":"Ice_Servers"}`)
		var d proto.IceServersData
		must(t, json.Unmarshal(c.expect(string(proto.IceServers)).Data, &d))
		names[iceServers(t, d.IceServers)[0].Username] = true
	}
	if len(names) > 2 { // the time of another one may come meanwhile
		t.Errorf("got %d credentials, want 1, or 2", len(names))
	}
}

// allocate asks a TURN server for a relay.
func allocate(t *testing.T, url string, s webrtc.ICEServer) error {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	must(t, err)
	defer conn.Close()
	addr, _, _ := strings.Cut(strings.TrimPrefix(url, "turn:"), "?")
	c, err := turn.NewClient(&turn.ClientConfig{TURNServerAddr: addr, Conn: conn, Username: s.Username, Password: s.Credential.(string), Realm: "test",
		LoggerFactory: quiet})
	must(t, err)
	defer c.Close()
	must(t, c.Listen())
	relay, err := c.Allocate()
	if err == nil {
		err = relay.Close()
	}
	return err
}

// TestTURN_NoServers_AnswersAnEmptyList: without configuration the list is empty, and the event is
// answered with that.
func TestTURN_NoServers_AnswersAnEmptyList(t *testing.T) {
	c := start(t, nil).open(t, "/", nil)
	if c.details.IceServers != nil {
		t.Errorf("got Client_Details with ice_servers %s, want none", c.details.IceServers)
	}
	c.send(`{"event":"Ice_Servers"}`)
	if f := c.expect(string(proto.IceServers)); string(f.Data) != `{"ice_servers":[]}` {
		t.Errorf("got %s, want an empty list", f.raw)
	}
}
