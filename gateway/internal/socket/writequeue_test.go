//go:build unix

package socket

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"testing"

	"p2pconnector/gateway/internal/socket/sockettest"
)

// wired makes a connection over loopback, and its client's side.
func wired(t testing.TB, s *testServer) (*Conn, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	raw, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raw.Close() })
	c := testConn(s, raw)
	if c.nonblocking() == nil {
		t.Fatal("a TCP connection cannot be written without waiting")
	}
	return c, client
}

// TestWriteQueue_ManySenders_KeepsOrder: what many connections are sent at once by many goroutines
// arrives whole and in order at each, whoever writes it.
func TestWriteQueue_ManySenders_KeepsOrder(t *testing.T) {
	const conns, frames = 40, 200
	s := newTestServer(maxMessage)
	var cs []*Conn
	done := make(chan error, conns)
	for range conns {
		c, client := wired(t, s)
		cs = append(cs, c)
		go func() {
			var want, got []byte
			for i := range frames {
				want = appendFrame(want, opText, []byte(fmt.Sprintf("frame %d", i)))
			}
			got = make([]byte, len(want))
			_, err := io.ReadFull(client, got)
			if err == nil && !bytes.Equal(got, want) {
				err = fmt.Errorf("other bytes than were sent")
			}
			done <- err
		}()
	}
	for _, c := range cs {
		go func() {
			for i := range frames {
				if c.Send([]byte(fmt.Sprintf("frame %d", i))) == FlushNeeded {
					c.Flush()
				}
			}
		}()
	}
	for range conns {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	s.Wait()
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	if s.queue.length.Load() != 0 || s.queue.writing != 0 {
		t.Errorf("%d stand in the queue, %d write", s.queue.length.Load(), s.queue.writing)
	}
}

// readAll reads the frames of a client, of one byte each, and returns when n have come.
func readAll(client net.Conn, n int) error {
	_, err := io.CopyN(io.Discard, client, int64(n)*int64(len(appendFrame(nil, opText, []byte("x")))))
	return err
}

// overfull is more frames than a queue holds, and less than the network takes unread.
const overfull = 4 * maxQueueFrames

// TestFlush_EveryWriterIsBusy_FastClientGetsAll: a client is not slow because the gateway
// makes frames for it faster than its writers come round.
func TestFlush_EveryWriterIsBusy_FastClientGetsAll(t *testing.T) {
	s := newTestServer(maxMessage)
	c, client := wired(t, s)
	for range s.queue.limit {
		s.queue.enter()
	}
	if n := sendMany(c, overfull); n > 0 {
		t.Fatalf("frames refused: got %d of %d, want 0", n, overfull)
	}
	s.runWriter()
	if err := readAll(client, overfull); err != nil {
		t.Error(err)
	}
	if n := s.slow.Load(); n != 0 {
		t.Errorf("slow clients: got %d, want 0", n)
	}
}

// TestFlush_WriterIsInterrupted_WaitsForIt: a writer has taken the connection from the
// queue and does not run for a while. Who has much for the client waits, instead of
// filling its queue.
func TestFlush_WriterIsInterrupted_WaitsForIt(t *testing.T) {
	for name, write := range map[string]func(c *Conn, wait func()){
		"before it writes": func(c *Conn, wait func()) {
			wait()
			w := takeRawWriter()
			defer w.give()
			c.writeOnce(w)
		},
		"while it writes": func(c *Conn, wait func()) {
			b, _ := c.takeBatch()
			wait()
			if _, err := c.raw().Write(b.buf); err != nil {
				t.Error(err)
			}
			c.wrote(b)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTestServer(maxMessage)
			c, client := wired(t, s)
			s.queue.enter()
			s.queue.enter()
			c.Send([]byte("x"))
			s.queue.next()
			refused := make(chan int, 1)
			write(c, func() {
				go func() { refused <- sendMany(c, overfull) }()
				untilWaitedFor(c, refused)
			})
			if n := <-refused; n > 0 {
				t.Fatalf("frames refused: got %d of %d, want 0", n, overfull)
			}
			s.runWriter()
			if err := readAll(client, overfull+1); err != nil {
				t.Error(err)
			}
		})
	}
}

// sendMany sends n frames as the gateway does, and returns how many were refused.
func sendMany(c *Conn, n int) (refused int) {
	for range n {
		switch c.Send([]byte("x")) {
		case FlushNeeded:
			c.Flush()
		case QueueFull, Closed:
			refused++
		}
	}
	return refused
}

// untilWaitedFor returns when somebody waits for a write of c, or has ended without.
func untilWaitedFor(c *Conn, ended <-chan int) {
	for waits := false; !waits && len(ended) == 0; runtime.Gosched() {
		c.mu.Lock()
		waits = c.turnOver != nil
		c.mu.Unlock()
	}
	for range 1000 { // it must not go on now
		runtime.Gosched()
	}
}

// TestWriteQueue_ClientDoesNotRead_LeavesTheQueue: a client that does not read is written to
// by a goroutine of its own, and holds nobody up.
func TestWriteQueue_ClientDoesNotRead_LeavesTheQueue(t *testing.T) {
	s := newTestServer(maxMessage)
	slow, slowClient := wired(t, s)
	slow.raw().(*net.TCPConn).SetWriteBuffer(4 << 10)
	slowClient.(*net.TCPConn).SetReadBuffer(4 << 10)
	frame := make([]byte, 1<<10) // the two hold some of them, and less than the queue
	for result := Delivered; result != QueueFull; result = slow.Send(frame) {
		if result == FlushNeeded {
			slow.Flush()
		}
	}
	other, client := wired(t, s)
	other.Send([]byte("hello"))
	got := make([]byte, 7)
	if _, err := io.ReadFull(client, got); err != nil || string(got[2:]) != "hello" {
		t.Fatalf("%q, %v", got, err)
	}
	slow.Abort()
	if left := slow.Remains(); left.Sent == 0 || len(left.Unsent) == 0 {
		t.Errorf("%d are written, %d bytes left", left.Sent, len(left.Unsent))
	}
	s.Wait()
}

// TestRawReader_BetweenReads_HoldsNoBuffer: it hands on what comes in any pieces.
func TestRawReader_BetweenReads_HoldsNoBuffer(t *testing.T) {
	c, client := wired(t, newTestServer(maxMessage))
	var wire []byte
	for i := range 100 {
		wire = append(wire, sockettest.ClientFrame(0x81, binary.BigEndian.AppendUint64(nil, uint64(i)))...)
	}
	go func() {
		for b := wire; len(b) > 0; {
			n := min(len(b), 7)
			client.Write(b[:n])
			b = b[n:]
		}
		client.Close()
	}()
	got, err := io.ReadAll(&c.validator)
	if err != nil || !bytes.Equal(got, wire) {
		t.Errorf("%d bytes of %d, %v", len(got), len(wire), err)
	}
	if c.validator.reader.buf != nil || c.validator.unread != nil {
		t.Error("it holds a buffer at the end")
	}
}
