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

// wired returns a connection over loopback, and the client's side of it.
func wired(t testing.TB, s *testServer) (*Conn, net.Conn) {
	t.Helper()
	client, raw := sockettest.Loopback(t)
	c := testConn(s, raw)
	if c.nonblocking() == nil {
		t.Fatal("got a TCP connection that cannot be written without waiting, want one that can")
	}
	return c, client
}

// TestWriteQueue_ManySenders_KeepsOrder: frames that many goroutines send to many connections
// at once arrive complete and in order at each, whichever goroutine writes them.
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
				err = fmt.Errorf("received bytes differ from those sent")
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
		t.Errorf("got %d in the queue, %d writing, want 0, 0", s.queue.length.Load(), s.queue.writing)
	}
}

// readAll reads frames of one byte each as a client, and returns when it has read n.
func readAll(client net.Conn, n int) error {
	_, err := io.CopyN(io.Discard, client, int64(n)*int64(len(appendFrame(nil, opText, []byte("x")))))
	return err
}

// overfull is more frames than a queue holds, and fewer than the network accepts unread.
const overfull = 4 * DefaultQueueBytes / minWeight

// TestFlush_EveryWriterIsBusy_FastClientGetsAll: a client does not count as slow because the
// gateway makes frames for it faster than the writers write them.
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
// queue and does not run for a while. A sender with many frames for the client waits,
// instead of filling its queue.
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

// untilWaitedFor returns when a goroutine waits for a write of c, or has ended without a wait.
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

// TestWriteQueue_ClientDoesNotRead_LeavesTheQueue: a goroutine of its own writes to a client
// that does not read, so the client delays no other.
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
		t.Fatalf("first frame: got %q, error %v, want hello", got, err)
	}
	slow.Abort()
	if left := slow.Remains(); left.Sent == 0 || len(left.Unsent) == 0 {
		t.Errorf("Remains: got %d frames written, %d left, want some of each", left.Sent, len(left.Unsent))
	}
	s.Wait()
}

// TestRawReader_BetweenReads_HoldsNoBuffer: the reader returns input that arrives in any
// pieces, and holds no buffer afterwards.
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
		t.Errorf("ReadAll: got %d bytes, error %v, want the %d of the wire", len(got), err, len(wire))
	}
	if c.validator.reader.buf != nil || c.validator.unread != nil {
		t.Error("got a buffer held at the end, want none")
	}
}
