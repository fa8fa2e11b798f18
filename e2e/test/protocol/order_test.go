package protocol_test

import (
	"strconv"
	"sync"
	"testing"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
)

// orderFrames is the number of frames that must arrive in order and complete.
const orderFrames = 10_000

// sendNumbered sends numbered messages. A window bounds the messages in transit,
// because a sender that outruns its receiver gets Not_Delivered by design.
func sendNumbered(from *kit.Conn, to proto.PeerID, n int, window chan struct{}) {
	for i := range n {
		window <- struct{}{}
		from.Send(`{"event":"Message","to":%q,"data":%d}`, to, i)
	}
}

// receiveNumbered expects the numbered messages; it fails at the first gap.
func receiveNumbered(t *testing.T, at *kit.Conn, from proto.PeerID, n int, window chan struct{}) {
	for i := range n {
		f := at.Expect(proto.Message)
		if f.From != from || string(f.Data) != strconv.Itoa(i) {
			t.Fatalf("got %s, want number %d", f.Raw, i)
		}
		<-window
	}
}

// Messages from one peer to another arrive in order and complete.
func TestOrder_FramesToOnePeer_ArriveInOrder(t *testing.T) {
	s := kit.Start(t, kit.Options{RoomServices: 1})
	t.Run("one way", func(t *testing.T) {
		p := newPair(t, s)
		window := make(chan struct{}, 200)
		var wg sync.WaitGroup
		wg.Go(func() { sendNumbered(p.a, p.b.ID, orderFrames, window) })
		receiveNumbered(t, p.b, p.a.ID, orderFrames, window)
		wg.Wait()
		p.a.Quiet()
	})
	t.Run("on one gateway", func(t *testing.T) {
		a, b := s.Dial(t, 0), s.Dial(t, 0)
		window := make(chan struct{}, 200)
		var wg sync.WaitGroup
		wg.Go(func() { sendNumbered(a, b.ID, orderFrames, window) })
		receiveNumbered(t, b, a.ID, orderFrames, window)
		wg.Wait()
		a.Quiet()
	})
	t.Run("both ways at once", func(t *testing.T) {
		p := newPair(t, s)
		var wg sync.WaitGroup
		there, back := make(chan struct{}, 200), make(chan struct{}, 200)
		wg.Go(func() { sendNumbered(p.a, p.b.ID, orderFrames, there) })
		wg.Go(func() { sendNumbered(p.b, p.a.ID, orderFrames, back) })
		t.Run("group", func(t *testing.T) {
			for _, dir := range []struct {
				at, from *kit.Conn
				window   chan struct{}
			}{{p.b, p.a, there}, {p.a, p.b, back}} {
				t.Run("", func(t *testing.T) {
					t.Parallel()
					receiveNumbered(t, dir.at, dir.from.ID, orderFrames, dir.window)
				})
			}
		})
		wg.Wait()
		p.a.Quiet()
		p.b.Quiet()
	})
}

// Room messages of one sender reach every member in order, on both gateways.
func TestOrder_FramesToARoom_ArriveInOrder(t *testing.T) {
	const n = 2000
	s := kit.Start(t, kit.Options{})
	p := newPair(t, s)
	p.together()
	third := s.Dial(t, 0)
	third.Join(p.room)
	p.a.Members(p.room, ids(p.a, p.b, third)...)
	p.b.Members(p.room, ids(p.a, p.b, third)...)
	window := make(chan struct{}, 100)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range n {
			window <- struct{}{}
			p.a.Send(`{"event":"Message","room":%q,"data":%d}`, p.room, i)
		}
	})
	for i := range n {
		for _, c := range []*kit.Conn{p.b, third} {
			if f := c.Expect(proto.Message); string(f.Data) != strconv.Itoa(i) {
				t.Fatalf("got %s, want number %d", f.Raw, i)
			}
		}
		<-window
	}
	wg.Wait()
	p.a.Quiet()
}
