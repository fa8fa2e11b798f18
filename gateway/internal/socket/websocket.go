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

// readBufferBytes is the size of the read buffer that an idle connection keeps if it cannot
// be read without waiting.
const readBufferBytes = 1 << 10

// upgrader and library are types of the WebSocket library, which no other file imports.
type (
	upgrader struct{ ws *gws.Upgrader }
	library  struct{ ws *gws.Conn }
)

// newUpgrader configures the WebSocket library. The validator keeps the library from
// writing, closing and checking frame headers itself.
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

// Upgrade takes over the connection of r, answers the handshake, with subprotocol unless
// that is empty, and returns the WebSocket. The caller has checked the request, and that
// subprotocol is valid in a header, so an error is one of the network.
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
		size = 0 // the validator buffers
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

// plainHandshake returns the part of r that the library sees. The library reads only the
// first line of each header, and would answer 400 to some handshakes that are valid.
// Because the offer of extensions is left out, it agrees to none.
func plainHandshake(r *http.Request) *http.Request {
	h := make(http.Header)
	h.Set("Connection", "Upgrade")
	h.Set("Upgrade", "websocket")
	h.Set("Sec-WebSocket-Version", "13")
	h.Set("Sec-WebSocket-Key", r.Header.Get("Sec-WebSocket-Key"))
	return &http.Request{Method: http.MethodGet, Header: h}
}

// Serve reads the connection until it ends, and calls h for its messages. The caller then
// calls Finish on the same goroutine.
func (c *Conn) Serve(h Handler) {
	c.handler = h
	c.readLoop()
	c.validator.release()
	c.busy.Store(true) // the next steps may take longer than a client may be idle
}

// readLoop runs the library's loop. The loop may panic outside its own recovery; then the
// library does not call OnClose.
func (c *Conn) readLoop() {
	defer func() {
		if p := recover(); p != nil {
			c.handler.Panicked(p, debug.Stack())
		}
	}()
	c.library.ws.ReadLoop()
}

// message calls the handler for a text message. The connection is not read in the meantime,
// so the client's timeouts start again afterwards.
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

// storage replaces the library's session storage: a table for each connection would use
// more memory than everything else that the connection keeps.
type storage struct {
	gws.SessionStorage // nil: it is not used
	conn               *Conn
}

// readEvents receives the library's events. Its methods run on the connection's reader.
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
