package rtc_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
	"p2pconnector/proto/client"
	"p2pconnector/proto/client/rtc"
)

// pair returns two sides on two gateways with an open channel between them.
func pair(t *testing.T, s *kit.Stack) (a, b *side, ofA, ofB *webrtc.DataChannel) {
	t.Helper()
	a, b = newSide(t, s, 0, client.Options{}, settings{}), newSide(t, s, 1, client.Options{}, settings{})
	a.connect(b)
	return a, b, take(t, a.channel, "a's channel"), take(t, b.channel, "b's channel")
}

func TestPeers_OneConnects_TheOtherAnswers(t *testing.T) {
	a, b, ofA, ofB := pair(t, kit.Start(t, kit.Options{}))
	exchange(t, a, b, ofA, ofB)
	p := a.connect(b)
	if got := p.State(); got != rtc.Connected || p.ID() != b.c.ID() {
		t.Errorf("got the state %s to %s, want connected to %s", got, p.ID(), b.c.ID())
	}
	p.Close()
	take(t, p.Done(), "the end of a's connection")
	if err := p.Err(); !errors.Is(err, rtc.ErrClosed) {
		t.Errorf("got the error %v after Close, want ErrClosed", err)
	}
	b.until(rtc.Closed)
	a.connect(b) // a new connection between the same two
	exchange(t, a, b, take(t, a.channel, "a's channel"), take(t, b.channel, "b's channel"))
}

// Both sides offer at once, as two pages that see each other in a room do.
func TestPeers_BothConnect_MakeOneConnection(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	for range 10 {
		a, b := newSide(t, s, 0, client.Options{}, settings{}), newSide(t, s, 1, client.Options{}, settings{})
		var both sync.WaitGroup
		both.Go(func() { a.connect(b) })
		b.connect(a)
		both.Wait()
		exchange(t, a, b, take(t, a.channel, "a's channel"), take(t, b.channel, "b's channel"))
		if na, nb := a.setups.Load(), b.setups.Load(); na != 1 || nb != 1 {
			t.Errorf("got %d and %d connections, want 1 each", na, nb)
		}
	}
}

// Both sides add a track to a connection at once: the offer of the polite side gives way,
// and is made again.
func TestPeers_BothAddTracks_BothArrive(t *testing.T) {
	for _, mime := range [][2]string{
		{webrtc.MimeTypeOpus, webrtc.MimeTypeOpus}, {webrtc.MimeTypeOpus, webrtc.MimeTypeVP8}, {webrtc.MimeTypeVP8, webrtc.MimeTypeOpus},
	} {
		a, b, ofA, ofB := pair(t, kit.Start(t, kit.Options{}))
		tracks := []*webrtc.TrackLocalStaticSample{newTrack(t, mime[0]), newTrack(t, mime[1])}
		for i, d := range []*side{a, b} {
			if _, err := d.peers.List()[0].Connection().AddTrack(tracks[i]); err != nil {
				t.Fatal(err)
			}
		}
		arrive(t, a, b, tracks)
		exchange(t, a, b, ofA, ofB)
	}
}

// So do tracks of different kinds that both sides have from the beginning.
func TestPeers_BothConnectWithTracks_BothArrive(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	for range 4 { // either side may be the polite one
		tracks := []*webrtc.TrackLocalStaticSample{newTrack(t, webrtc.MimeTypeOpus), newTrack(t, webrtc.MimeTypeVP8)}
		a := newSide(t, s, 0, client.Options{}, settings{track: tracks[0]})
		b := newSide(t, s, 1, client.Options{}, settings{track: tracks[1]})
		var both sync.WaitGroup
		both.Go(func() { a.connect(b) })
		b.connect(a)
		both.Wait()
		arrive(t, a, b, tracks)
		exchange(t, a, b, take(t, a.channel, "a's channel"), take(t, b.channel, "b's channel"))
	}
}

// Connect needs something to connect: the side that calls it learns what is missing.
func TestPeers_ConnectWithoutSetup_EndsWithAnError(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	a, b := newSide(t, s, 0, client.Options{}, settings{}), newSide(t, s, 1, client.Options{}, settings{})
	bare := rtc.New(a.c, rtc.Config{})
	t.Cleanup(bare.Close)
	p, err := bare.Connect(b.c.ID())
	if err != nil {
		t.Fatal(err)
	}
	take(t, p.Done(), "the end of the connection")
	if err := p.Err(); err == nil || !strings.Contains(err.Error(), "Setup") {
		t.Errorf("got the error %v, want one that names Setup", err)
	}
	if got := b.setups.Load(); got != 0 {
		t.Errorf("got %d connections at the other side, want none", got)
	}
}

// A side that begins anew without a word, as a page that is loaded again does, replaces the
// connection on the other side.
func TestPeers_OtherSideBeginsAnew_ReplacesTheConnection(t *testing.T) {
	a, b, ofA, _ := pair(t, kit.Start(t, kit.Options{}))
	again := rtc.New(a.c, a.config(settings{}))
	t.Cleanup(again.Close)
	a.frames.Store(again)
	if _, err := again.Connect(b.c.ID()); err != nil {
		t.Fatal(err)
	}
	newA, newB := take(t, a.channel, "a's channel"), take(t, b.channel, "b's channel")
	if newA == ofA {
		t.Fatal("got the old channel, want a new one")
	}
	exchange(t, a, b, newA, newB)
	if got := b.setups.Load(); got != 2 {
		t.Errorf("got %d connections at b, want 2", got)
	}
}

func TestPeers_NobodyThere_EndsWithErrLeft(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	a := newSide(t, s, 0, client.Options{}, settings{})
	p, err := a.peers.Connect("00000000-0000-4000-8000-000000000000")
	if err != nil {
		t.Fatal(err)
	}
	take(t, p.Done(), "the end of the connection")
	if !errors.Is(p.Err(), rtc.ErrLeft) {
		t.Errorf("got the error %v, want ErrLeft", p.Err())
	}
}

// The network is away: one side's WebSocket and the path of the connection break. The
// client resumes, and the connection searches a path with new credentials at once; the data
// channel stays.
func TestPeers_ClientResumes_RestartICE(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	var cable kit.Cable
	away := newWires(t)
	var block sync.Mutex // held while the network is away
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		block.Lock()
		defer block.Unlock()
		return cable.Dial(ctx, network, addr)
	}
	// Nothing but the resume begins a search: all else waits for longer than the test does.
	slow := settings{wires: away, failed: 10 * kit.Patience, patience: 10 * kit.Patience}
	a, b := newSide(t, s, 0, client.Options{Dial: dial}, slow), newSide(t, s, 1, client.Options{}, slow)
	p := a.connect(b)
	ofA, ofB := take(t, a.channel, "a's channel"), take(t, b.channel, "b's channel")
	before := ufrag(t, p)

	block.Lock()
	away.cut.Store(true)
	cable.Cut()
	a.until(rtc.Reconnecting)
	b.until(rtc.Reconnecting)
	answered := make(chan struct{}, 8)
	p.Connection().OnSignalingStateChange(func(state webrtc.SignalingState) {
		if state == webrtc.SignalingStateStable {
			answered <- struct{}{}
		}
	})
	block.Unlock()
	take(t, answered, "an answer to the offer of a restart")
	away.cut.Store(false) // not before: the old path would mend itself

	a.until(rtc.Connected)
	b.until(rtc.Connected)
	exchange(t, a, b, ofA, ofB)
	if got := ufrag(t, p); got == before {
		t.Errorf("got the ICE user %s as before, want a new one", got)
	}
	if got := a.setups.Load(); got != 1 {
		t.Errorf("got %d connections, want the one from before", got)
	}
}

// More signals than may wait do not keep a connection from learning that the session is lost.
func TestPeers_SessionLostWhileSignalsWait_EndsWithErrLost(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	a := newSide(t, s, 0, client.Options{}, settings{})
	begun, proceed := make(chan struct{}), make(chan struct{})
	peers := rtc.New(a.c, rtc.Config{Setup: func(_ *rtc.Peer, pc *webrtc.PeerConnection) error {
		close(begun)
		<-proceed
		_, err := rtc.DataChannel(pc)
		return err
	}})
	t.Cleanup(peers.Close)
	const other = "00000000-0000-4000-8000-000000000000"
	p, err := peers.Connect(other)
	if err != nil {
		t.Fatal(err)
	}
	take(t, begun, "the call of Setup")
	for range 400 {
		peers.Handle(client.Frame{Event: "Candidate", From: other, Data: []byte(`{}`)})
	}
	peers.Handle(client.Frame{Type: proto.TypeInfo, Event: string(proto.ClientDetails), Data: []byte(`{"id":"x"}`)})
	close(proceed)
	take(t, p.Done(), "the end of the connection")
	if !errors.Is(p.Err(), rtc.ErrLost) {
		t.Errorf("got the error %v, want ErrLost", p.Err())
	}
}

// A connection whose path stays away, while signals arrive, ends its search, and begins again
// when the application asks for it.
func TestPeers_NoPathAnyMore_IsFailed(t *testing.T) {
	s := kit.Start(t, kit.Options{})
	away := newWires(t)
	quick := settings{wires: away, patience: 300 * time.Millisecond}
	a, b := newSide(t, s, 0, client.Options{}, quick), newSide(t, s, 1, client.Options{}, settings{patience: quick.patience})
	p := a.connect(b)
	ofA, ofB := take(t, a.channel, "a's channel"), take(t, b.channel, "b's channel")
	away.cut.Store(true)
	a.until(rtc.Failed)
	away.cut.Store(false)
	p.Restart()
	a.until(rtc.Reconnecting)
	a.until(rtc.Connected)
	exchange(t, a, b, ofA, ofB)
}

func newTrack(t *testing.T, mime string) *webrtc.TrackLocalStaticSample {
	t.Helper()
	track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: mime}, "track", "stream")
	if err != nil {
		t.Fatal(err)
	}
	return track
}

// arrive wants the first track, of a, at b and the second, of b, at a.
func arrive(t *testing.T, a, b *side, tracks []*webrtc.TrackLocalStaticSample) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var senders sync.WaitGroup
	defer senders.Wait()
	defer stop()
	for _, track := range tracks {
		senders.Go(func() { play(ctx, track) })
	}
	for i, d := range []*side{b, a} {
		if got, want := take(t, d.tracks, "a track").Kind(), tracks[i].Kind(); got != want {
			t.Errorf("got a track of kind %v, want %v", got, want)
		}
	}
}

// play sends silence on a track until ctx ends, because a track begins with its first packet.
func play(ctx context.Context, track *webrtc.TrackLocalStaticSample) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = track.WriteSample(media.Sample{Data: []byte{0xf8, 0xff, 0xfe}, Duration: 20 * time.Millisecond}) // lost before the track is negotiated
		}
	}
}

// ufrag returns the user that ICE has for a connection, which changes with a restart.
func ufrag(t *testing.T, p *rtc.Peer) string {
	t.Helper()
	_, rest, found := strings.Cut(p.Connection().CurrentLocalDescription().SDP, "a=ice-ufrag:")
	user, _, _ := strings.Cut(rest, "\r\n")
	if !found || user == "" {
		t.Fatal("got a description without an ICE user, want one")
	}
	return user
}
