package socket

import (
	"bufio"
	"errors"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/lxzan/gws"

	"p2pconnector/proto"
)

// readBufferBytes is what an idle connection keeps for reading when it cannot be read
// without waiting.
const readBufferBytes = 1 << 10

// upgrader and library are the WebSocket library's, which no other file names.
type (
	upgrader struct{ ws *gws.Upgrader }
	library  struct{ ws *gws.Conn }
)

// newUpgrader configures the WebSocket library. What it may not do by itself
// (write, close, judge frame headers) the validator keeps from it.
func newUpgrader(maxMessage int) *upgrader {
	return &upgrader{gws.NewUpgrader(readEvents{}, &gws.ServerOption{
		ReadMaxPayloadSize: maxMessage,
		ReadBufferSize:     readBufferBytes,
		CheckUtf8Enabled:   true,
		HandshakeTimeout:   5 * time.Second,
		Recovery:           func(gws.Logger) {}, // OnMessage recovers by itself
		NewSession:         func() gws.SessionStorage { return new(storage) },
	})}
}

// Upgrade takes the connection of r over, answers the handshake with subprotocol, unless
// that is empty, and returns the WebSocket. The caller has checked the request, and
// subprotocol may stand in a header: what fails here is the network.
func (s *Server) Upgrade(w http.ResponseWriter, r *http.Request, subprotocol string) (*Conn, error) {
	raw, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, err
	}
	raw = WithoutAlert(raw)
	raw.SetDeadline(time.Time{})
	var ahead []byte
	if n := rw.Reader.Buffered(); n > 0 {
		ahead = make([]byte, n)
		rw.Reader.Read(ahead)
	}
	c := new(Conn)
	c.init(s, raw, ahead)
	if subprotocol != "" {
		c.validator.extra = "Sec-WebSocket-Protocol: " + subprotocol
	}
	size := readBufferBytes
	if c.nonblocking() != nil {
		size = 0 // the validator gathers
	}
	ws, err := s.upgrader.ws.UpgradeFromConn(&c.validator, bufio.NewReaderSize(&c.validator, size), plainHandshake(r))
	if err != nil {
		raw.Close()
		return nil, err
	}
	c.validator.upgraded = true
	c.library = library{ws}
	ws.Session().(*storage).conn = c
	return c, nil
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

// Serve reads the connection until it ends, and hands its messages to h. Finish comes
// next, on the same goroutine.
func (c *Conn) Serve(h Handler) {
	c.handler = h
	c.readLoop()
	c.validator.release()
	c.busy.Store(true) // what comes next may take longer than a client may be idle
}

// readLoop runs the library's loop, which may panic outside its own recovery; then
// OnClose is not called.
func (c *Conn) readLoop() {
	defer func() {
		if p := recover(); p != nil {
			c.handler.Panicked(p, debug.Stack())
		}
	}()
	c.library.ws.ReadLoop()
}

// message hands a text message to the handler. What the client sends meanwhile is not
// read, so its times begin afterwards.
func (c *Conn) message(text []byte) {
	if c.Muted() {
		return
	}
	c.busy.Store(true)
	defer func() {
		c.validator.restart()
		c.busy.Store(false)
	}()
	c.handler.Message(text)
}

// storage takes the place of the library's session storage: a table for each
// connection would cost more than all else that it keeps.
type storage struct {
	gws.SessionStorage // nil: nobody asks
	conn               *Conn
}

// readEvents receives what the library reads. Its methods run on the
// connection's reader.
type readEvents struct{ gws.BuiltinEventHandler }

func connOf(ws *gws.Conn) *Conn { return ws.Session().(*storage).conn }

// OnMessage implements gws.Event.
func (readEvents) OnMessage(ws *gws.Conn, m *gws.Message) {
	defer m.Close()
	c := connOf(ws)
	defer func() {
		if p := recover(); p != nil {
			c.handler.Panicked(p, debug.Stack())
		}
	}()
	c.message(m.Bytes())
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
