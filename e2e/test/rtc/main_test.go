// Package rtc_test tests package rtc: real connections of pion's on the loopback, whose
// signals travel through real gateways.
package rtc_test

import (
	"cmp"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"
	"github.com/pion/webrtc/v4"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/client"
	"p2pconnector/proto/client/rtc"
)

func TestMain(m *testing.M) { kit.Main(m) }

// side is a client with connections that answers everybody.
type side struct {
	t      *testing.T
	c      *client.Client
	peers  *rtc.Peers
	frames atomic.Pointer[rtc.Peers] // gets the client's frames
	setups atomic.Int64              // connections made
	track  webrtc.TrackLocal         // that Setup adds; nil: none

	states  chan rtc.State
	texts   chan string // received over the data channel
	tracks  chan *webrtc.TrackRemote
	channel chan *webrtc.DataChannel // opened
}

// settings say how a side differs from the usual; the zero value does not.
type settings struct {
	wires    *wires
	failed   time.Duration     // without a path until pion's connection fails; 0 = 2 s
	patience time.Duration     // see rtc.Config
	track    webrtc.TrackLocal // that Setup adds; nil: none
}

func newSide(t *testing.T, s *kit.Stack, gateway int, opts client.Options, set settings) *side {
	t.Helper()
	d := &side{
		t: t, track: set.track, c: s.Client(t, gateway, opts), states: make(chan rtc.State, 64), texts: make(chan string, 64),
		tracks: make(chan *webrtc.TrackRemote, 4), channel: make(chan *webrtc.DataChannel, 4),
	}
	d.peers = rtc.New(d.c, d.config(set))
	d.frames.Store(d.peers)
	var reader sync.WaitGroup
	reader.Go(func() {
		for f := range d.c.Frames() {
			d.frames.Load().Handle(f)
		}
	})
	t.Cleanup(func() {
		d.peers.Close()
		_ = d.c.Close() // the kit closes it again, and logs errors
		reader.Wait()
	})
	return d
}

func (d *side) config(set settings) rtc.Config {
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	s.SetIPFilter(net.IP.IsLoopback)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetICETimeouts(time.Second, cmp.Or(set.failed, 2*time.Second), 200*time.Millisecond)
	if set.wires != nil {
		s.SetNet(set.wires)
	}
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		d.t.Fatal(err)
	}
	return rtc.Config{
		API:     webrtc.NewAPI(webrtc.WithSettingEngine(s), webrtc.WithMediaEngine(media)),
		Accept:  func(proto.PeerID) bool { return true },
		Changed: func(_ *rtc.Peer, state rtc.State) { d.states <- state },
		Setup:   d.setup,

		Patience: set.patience,
	}
}

func (d *side) setup(_ *rtc.Peer, pc *webrtc.PeerConnection) error {
	d.setups.Add(1)
	channel, err := rtc.DataChannel(pc)
	if err != nil {
		return err
	}
	channel.OnOpen(func() { d.channel <- channel })
	channel.OnMessage(func(m webrtc.DataChannelMessage) { d.texts <- string(m.Data) })
	if d.track != nil {
		if _, err := pc.AddTrack(d.track); err != nil {
			return err
		}
	}
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { d.tracks <- track })
	return nil
}

func (d *side) connect(to *side) *rtc.Peer {
	d.t.Helper()
	p, err := d.peers.Connect(to.c.ID())
	if err != nil {
		d.t.Fatal(err)
	}
	return p
}

// until drops states until one is want.
func (d *side) until(want rtc.State) {
	d.t.Helper()
	for got := take(d.t, d.states, "the state "+string(want)); got != want; {
		got = take(d.t, d.states, "the state "+string(want))
	}
}

// take returns the next value of a channel.
func take[T any](t *testing.T, values <-chan T, what string) T {
	t.Helper()
	after := time.NewTimer(kit.Patience)
	defer after.Stop()
	select {
	case v := <-values:
		return v
	case <-after.C:
		t.Fatalf("got nothing within %v, want %s", kit.Patience, what)
		panic("unreachable")
	}
}

// exchange sends a text each way over open channels.
func exchange(t *testing.T, a, b *side, ofA, ofB *webrtc.DataChannel) {
	t.Helper()
	for _, way := range []struct {
		from *webrtc.DataChannel
		to   *side
		text string
	}{{ofA, b, "from a"}, {ofB, a, "from b"}} {
		if err := way.from.SendText(way.text); err != nil {
			t.Fatal(err)
		}
		if got := take(t, way.to.texts, way.text); got != way.text {
			t.Errorf("got %q over the channel, want %q", got, way.text)
		}
	}
}

// wires are the network of a side, which can be cut.
type wires struct {
	transport.Net
	cut atomic.Bool
}

func newWires(t *testing.T) *wires {
	t.Helper()
	n, err := stdnet.NewNet()
	if err != nil {
		t.Fatal(err)
	}
	return &wires{Net: n}
}

// ListenUDP implements transport.Net.
func (w *wires) ListenUDP(network string, addr *net.UDPAddr) (transport.UDPConn, error) {
	c, err := w.Net.ListenUDP(network, addr)
	return &wire{c, w}, err
}

// wire loses what is written while its network is cut.
type wire struct {
	transport.UDPConn
	of *wires
}

// WriteTo implements net.PacketConn.
func (w *wire) WriteTo(b []byte, to net.Addr) (int, error) {
	if w.of.cut.Load() {
		return len(b), nil
	}
	return w.UDPConn.WriteTo(b, to)
}
