package socket

import (
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"p2pconnector/proto"
)

// DefaultRefused is a bound on the WebSockets that are accepted only to send the reason of a
// refusal. Each costs about 20 KB. WebSockets that are held need less, so there may be
// heldFactor times as many. One address gets a part, so that it cannot take all places.
const (
	DefaultRefused  = 256
	refusedAddrPart = 32
	heldFactor      = 4
	heldAddrPart    = 16
)

// Limits of one refused WebSocket: the time until it is closed in any case, and the bytes
// that are read and dropped until then. A client may send its first frame before it reads
// the refusal, and closing with unread input would make the network drop what we wrote.
const (
	refusedTimeout = 5 * time.Second
	refusedBytes   = 16 << 10
)

// ErrTooManyRefused is the error of Accept when too many refused WebSockets are open, in
// all or of one address.
var ErrTooManyRefused = errors.New("socket: too many refused WebSockets are open")

// Refusals accepts WebSockets that are open only until their client has read why it was
// refused: browsers hide a refused handshake from the page. Safe for concurrent use.
type Refusals struct {
	most, mostAddr int            // WebSockets, in all and of one address
	wg             sync.WaitGroup // goroutines of refused WebSockets, which the HTTP server started

	mu     sync.Mutex
	all    map[*Refused]struct{}
	addrs  map[netip.Addr]int // only addresses that have a refused WebSocket
	closed bool
}

// Refused is one WebSocket to refuse. It belongs to one goroutine.
type Refused struct {
	table *Refusals
	addr  netip.Addr
	raw   net.Conn // nil until it is taken over; guarded by the table's lock
}

// NewRefusals returns an empty table for at most that many WebSockets.
func NewRefusals(most int) *Refusals { return newRefusals(most, max(most/refusedAddrPart, 1)) }

// NewHolds returns an empty table for WebSockets that are held, beside NewRefusals(most).
func NewHolds(most int) *Refusals {
	most *= heldFactor
	return newRefusals(most, max(most/heldAddrPart, 1))
}

func newRefusals(most, mostAddr int) *Refusals {
	return &Refusals{most: most, mostAddr: mostAddr, all: make(map[*Refused]struct{}), addrs: make(map[netip.Addr]int)}
}

// Accept takes over the connection of a handshake from addr. The caller must call Refuse
// or Hold next. When Accept returns an error the connection is not taken over, except that after
// Shutdown the error is net.ErrClosed and the connection is closed already.
func (t *Refusals) Accept(w http.ResponseWriter, addr netip.Addr) (*Refused, error) {
	s, ok := t.enter(addr)
	if !ok {
		return nil, ErrTooManyRefused
	}
	raw, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.leave(s)
		return nil, err
	}
	raw = WithoutAlert(raw)
	if !t.hold(s, raw) {
		raw.Close()
		t.leave(s)
		return nil, net.ErrClosed
	}
	return s, nil
}

// Refuse answers the handshake r, with subprotocol unless that is empty. Then it sends text
// in a frame and the close frame, waits until the client has closed its side, at most 5 s,
// and closes the connection. With code 0 the close frame has no code.
func (s *Refused) Refuse(r *http.Request, subprotocol string, text []byte, code proto.CloseCode, reason string) {
	defer s.table.leave(s)
	defer s.raw.Close()
	s.raw.SetDeadline(time.Now().Add(refusedTimeout))
	b := appendHandshake(make([]byte, 0, 1024), r.Header.Get("Sec-WebSocket-Key"), subprotocol)
	b = appendFrame(b, opText, text)
	var payload []byte
	if code != 0 {
		payload = proto.AppendCloseReason(nil, code, reason)
	}
	b = appendFrame(b, opClose, payload)
	if _, err := s.raw.Write(b); err != nil {
		return // the client is gone
	}
	closeWrite(s.raw)
	// Read until the client has closed its side, and ignore its frames.
	io.Copy(io.Discard, io.LimitReader(s.raw, refusedBytes))
}

// Hold answers the handshake r, ignores what the client sends, and closes the WebSocket
// after d, without a code.
func (s *Refused) Hold(r *http.Request, d time.Duration) {
	defer s.table.leave(s)
	defer s.raw.Close()
	s.raw.SetDeadline(time.Now().Add(d))
	if _, err := s.raw.Write(appendHandshake(make([]byte, 0, 256), r.Header.Get("Sec-WebSocket-Key"), "")); err != nil {
		return // the client is gone
	}
	io.Copy(io.Discard, io.LimitReader(s.raw, refusedBytes))
	s.raw.SetDeadline(time.Now().Add(time.Second))
	_, _ = s.raw.Write(appendFrame(nil, opClose, nil)) // the client may be gone
}

// appendHandshake appends the answer to a handshake.
func appendHandshake(b []byte, key, subprotocol string) []byte {
	b = append(b, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) // RFC 6455, 4.2.2
	b = base64.StdEncoding.AppendEncode(b, sum[:])
	if subprotocol != "" { // without it the browser would hide the frame
		b = append(append(b, "\r\nSec-WebSocket-Protocol: "...), subprotocol...)
	}
	return append(b, "\r\n\r\n"...)
}

// enter takes a place for a connection from addr, which leave gives back. It returns false
// when there is none.
func (t *Refusals) enter(addr netip.Addr) (s *Refused, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || len(t.all) >= t.most || t.addrs[addr] >= t.mostAddr {
		return nil, false
	}
	s = &Refused{table: t, addr: addr}
	t.all[s] = struct{}{}
	t.addrs[addr]++
	t.wg.Add(1)
	return s, true
}

// hold lets Shutdown close raw. It returns false when Shutdown was called before.
func (t *Refusals) hold(s *Refused, raw net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.raw = raw
	return !t.closed
}

func (t *Refusals) leave(s *Refused) {
	t.mu.Lock()
	delete(t.all, s)
	if t.addrs[s.addr]--; t.addrs[s.addr] == 0 {
		delete(t.addrs, s.addr)
	}
	t.mu.Unlock()
	t.wg.Done()
}

// Len returns the number of refused WebSockets that are open.
func (t *Refusals) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.all)
}

// Shutdown closes all refused WebSockets, accepts no others, and returns when their
// goroutines are done.
func (t *Refusals) Shutdown() {
	t.mu.Lock()
	t.closed = true
	for s := range t.all {
		if s.raw != nil {
			_ = s.raw.Close() // an error changes nothing for the client
		}
	}
	t.mu.Unlock()
	t.wg.Wait()
}
