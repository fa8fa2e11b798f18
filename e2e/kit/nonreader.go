package kit

import (
	"context"
	"net"
	"net/http"
	"testing"

	"github.com/coder/websocket"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// nonReaderBuffer is small, but above what the loopback sends in one segment: below
// that the kernel delivers almost nothing at all.
const nonReaderBuffer = 256 << 10

// NonReader is a peer that reads its Client_Details and then nothing more, through a
// small receive buffer: the slow peer of the tests.
type NonReader struct {
	ID proto.PeerID

	t  testing.TB
	ws *websocket.Conn
}

// DialNonReader connects a NonReader to gateway i.
func (s *Stack) DialNonReader(t testing.TB, i int) *NonReader {
	t.Helper()
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if tcp, ok := conn.(*net.TCPConn); ok {
			err = tcp.SetReadBuffer(nonReaderBuffer)
		}
		return conn, err
	}
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, s.URL(i), &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: dial}},
	})
	s.must(t, err)
	t.Cleanup(func() { _ = ws.CloseNow() }) // the server may have closed it
	ws.SetReadLimit(-1)
	_, b, err := ws.Read(ctx)
	s.must(t, err)
	f, err := client.Parse(b)
	s.must(t, err)
	details, err := f.Details()
	s.must(t, err)
	return &NonReader{ID: details.ID, t: t, ws: ws}
}

// Send sends a text frame.
func (d *NonReader) Send(frame string) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), Patience)
	defer cancel()
	if err := d.ws.Write(ctx, websocket.MessageText, []byte(frame)); err != nil {
		d.t.Fatalf("kit: sending: %v", err)
	}
}

// Next reads and returns the next frame.
func (d *NonReader) Next() client.Frame {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), Patience)
	defer cancel()
	_, b, err := d.ws.Read(ctx)
	if err != nil {
		d.t.Fatalf("kit: reading: %v", err)
	}
	f, err := client.Parse(b)
	if err != nil {
		d.t.Fatal(err)
	}
	return f
}

// Listen reads until the server has closed the connection, and returns the
// frames and the close code (0 when the connection broke without one).
func (d *NonReader) Listen() (frames []client.Frame, code proto.CloseCode) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	for {
		_, b, err := d.ws.Read(ctx)
		if err != nil {
			if ctx.Err() != nil {
				d.t.Fatalf("the connection is still open after %v", Patience)
			}
			if ce, ok := asClose(err); ok {
				return frames, proto.CloseCode(ce.Code)
			}
			return frames, 0
		}
		f, err := client.Parse(b)
		if err != nil {
			d.t.Fatal(err)
		}
		frames = append(frames, f)
	}
}
