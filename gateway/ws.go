package gateway

import (
	"bufio"
	"errors"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/lxzan/gws"

	"p2pconnector/proto"
)

// readBufferBytes is what an idle connection keeps for reading, if it has no
// intake.
const readBufferBytes = 1 << 10

// deltaProtocol is the subprotocol that asks for changes in place of full lists.
const deltaProtocol = "p2p.delta"

// upgrader and socket are the WebSocket library's, which no other file names.
type (
	upgrader struct{ ws *gws.Upgrader }
	socket   struct{ ws *gws.Conn }
)

// newUpgrader configures the WebSocket library. What it may not do by itself
// (write, close, judge frame headers) the guard keeps from it.
func newUpgrader(maxMessage int) *upgrader {
	return &upgrader{gws.NewUpgrader(readEvents{}, &gws.ServerOption{
		ReadMaxPayloadSize: maxMessage,
		ReadBufferSize:     readBufferBytes,
		CheckUtf8Enabled:   true,
		HandshakeTimeout:   5 * time.Second,
		Recovery:           func(gws.Logger) {}, // OnMessage recovers by itself
		NewSession:         func() gws.SessionStorage { return new(owner) },
	})}
}

// upgrade takes the connection of r over and answers the handshake. The request
// was checked; what fails here is the network.
func (g *Gateway) upgrade(w http.ResponseWriter, r *http.Request) (*conn, socket, error) {
	raw, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, socket{}, err
	}
	raw.SetDeadline(time.Time{})
	gd := &guard{Conn: raw, max: uint64(g.cfg.MaxMessageBytes), clock: g.coarse.Load, control: controlBurst, refilled: g.coarse.Load()}
	gd.lastRead.Store(g.coarse.Load())
	size := readBufferBytes
	if rc := directly(raw); rc != nil {
		gd.intake.init(rc)
		size = 0 // the intake gathers
	}
	if n := rw.Reader.Buffered(); n > 0 {
		gd.ahead = make([]byte, n)
		rw.Reader.Read(gd.ahead)
	}
	sub, delta := chooseProtocol(r)
	if sub != "" {
		gd.extra = "Sec-WebSocket-Protocol: " + sub
	}
	ws, err := g.upgrader.ws.UpgradeFromConn(gd, bufio.NewReaderSize(gd, size), plainHandshake(r))
	if err != nil {
		raw.Close()
		return nil, socket{}, err
	}
	gd.upgraded = true
	c := newConn(g, raw, gd, delta)
	ws.Session().(*owner).conn = c
	return c, socket{ws}, nil
}

// plainHandshake is what the library sees of r. It reads headers in its own way
// (only the first line of each) and would answer 400 to some that are valid;
// and without their offer it agrees to no extension.
func plainHandshake(r *http.Request) *http.Request {
	h := make(http.Header)
	h.Set("Connection", "Upgrade")
	h.Set("Upgrade", "websocket")
	h.Set("Sec-WebSocket-Version", "13")
	h.Set("Sec-WebSocket-Key", r.Header.Get("Sec-WebSocket-Key"))
	return &http.Request{Method: http.MethodGet, Header: h}
}

// chooseProtocol returns the subprotocol to answer with, and whether the client
// asked for deltas. Browsers fail a connection whose offer is not answered, so
// an unknown offer is echoed and means the default.
func chooseProtocol(r *http.Request) (sub string, delta bool) {
	delta = r.URL.Query().Get("updates") == "delta"
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for p := range strings.SplitSeq(line, ",") {
			p = strings.TrimSpace(p)
			if p == deltaProtocol {
				return p, true
			}
			if sub == "" && httpToken(p) && !strings.HasPrefix(p, tokenProtocol) {
				sub = p
			}
		}
	}
	return sub, delta
}

// httpToken reports whether s may stand in a header as it is.
func httpToken(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != "" && len(s) <= 128
}

// owner takes the place of the library's session storage: a table for each
// connection would cost more than all else that it keeps.
type owner struct {
	gws.SessionStorage // nil: nobody asks
	conn               *conn
}

// readEvents receives what the library reads. Its methods run on the
// connection's reader.
type readEvents struct{ gws.BuiltinEventHandler }

func connOf(ws *gws.Conn) *conn {
	return ws.Session().(*owner).conn
}

// OnMessage implements gws.Event.
func (readEvents) OnMessage(ws *gws.Conn, m *gws.Message) {
	defer m.Close()
	c := connOf(ws)
	defer func() {
		if p := recover(); p != nil {
			c.panicked(p, debug.Stack())
		}
	}()
	c.receive(m.Bytes())
}

// OnPing implements gws.Event.
func (readEvents) OnPing(ws *gws.Conn, payload []byte) { connOf(ws).control(opPong, payload) }

// OnPong implements gws.Event.
func (readEvents) OnPong(ws *gws.Conn, payload []byte) { connOf(ws).ponged(payload) }

// OnClose implements gws.Event.
func (readEvents) OnClose(ws *gws.Conn, err error) {
	c := connOf(ws)
	if ce, ok := errors.AsType[*gws.CloseError](err); ok {
		c.peerClosed = true
		c.peerCode = proto.CloseCode(ce.Code)
	}
}

// serve runs the read loop until the connection ends. The library's loop may
// panic outside its own recovery, and then OnClose is not called: what must
// happen at the end happens here.
func (g *Gateway) serve(c *conn, s socket) {
	defer g.conns.wg.Done()
	func() {
		defer func() {
			if p := recover(); p != nil {
				c.panicked(p, debug.Stack())
			}
		}()
		s.ws.ReadLoop()
	}()
	c.guard.release()
	c.readEnded()
}
