package handshake

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pconnector/gateway/internal/admission"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/proto"
)

// hijacked is a ResponseWriter whose connection may be taken over.
type hijacked struct {
	*httptest.ResponseRecorder
	raw net.Conn
}

func (h *hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.raw, bufio.NewReadWriter(bufio.NewReader(h.raw), bufio.NewWriter(h.raw)), nil
}

// testHandler returns a Handler that accepts no client, and answers all with closed.
func testHandler(t *testing.T, closed string) *Handler {
	t.Helper()
	a, err := admission.New(admission.Config{})
	if err != nil {
		t.Fatal(err)
	}
	m := metrics.New()
	return New(Config{
		Admission: a, Pages: http.NotFoundHandler(), Closed: func() string { return closed },
		ErrorFrame: func(e *proto.Error) []byte { return []byte(e.Error()) },
		Handshakes: &m.Handshakes, Connections: &m.Connections, Logger: slog.New(slog.DiscardHandler),
	})
}

// TestRefuseSocket_Page_GetsTheReason: a page gets the error frame, the close code and the
// reason of its refusal, and both are counted.
func TestRefuseSocket_Page_GetsTheReason(t *testing.T) {
	h := testHandler(t, "")
	client, server := net.Pipe()
	defer client.Close()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	no := limited(admission.MaxPerAddress)
	done := make(chan bool, 1)
	go func() {
		done <- h.refuseSocket(&hijacked{httptest.NewRecorder(), server}, r, netip.MustParseAddr("203.0.113.7"), no)
	}()
	b := make([]byte, 4096)
	n, err := client.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	_, frames, _ := bytes.Cut(b[:n], []byte("\r\n\r\n"))
	text := []byte(string(proto.LimitExceeded) + ": " + no.message)
	payload := proto.AppendCloseReason(nil, no.close, no.reason)
	want := slices.Concat([]byte{0x81, byte(len(text))}, text, []byte{0x88, byte(len(payload))}, payload)
	if !bytes.Equal(frames, want) {
		t.Errorf("got frames %q, want an error frame and a close frame: %q", frames, want)
	}
	client.Close()
	if !<-done {
		t.Error("got not answered, want answered")
	}
	if n := h.cfg.Connections.Closes.Load(no.close); n != 1 {
		t.Errorf("got %d close frames counted, want 1", n)
	}
	if n := h.cfg.Handshakes.Statuses.Load(no.status); n != 1 {
		t.Errorf("got %d handshakes of status %d counted, want 1", n, no.status)
	}
}

// TestHandshake_GatewayClosed_SaysWhenToComeAgain: a gateway that accepts no clients answers
// 503, whatever else is wrong with a handshake.
func TestHandshake_GatewayClosed_SaysWhenToComeAgain(t *testing.T) {
	h := testHandler(t, "Going away.")
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for k, v := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
		r.Header.Set(k, v)
	}
	r.Header.Set("Origin", "http://evil.example") // the answer must not depend on it
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || w.Header().Get("Connection") != "close" {
		t.Errorf("got %d with %v, want 503 that closes and says when to come again", w.Code, w.Header())
	}
	if got := w.Body.String(); !strings.Contains(got, "Going away.") {
		t.Errorf("got %q, want the reason", got)
	}
}

// A page that is refused over TLS, and reads no more than its refusal, must not delay the
// end of the gateway.
func TestRefuseSocket_PageStopsReadingTLS_ShutdownDoesNotWait(t *testing.T) {
	s := httptest.NewTLSServer(nil)
	certificate := s.TLS
	s.Close()
	synctest.Test(t, func(t *testing.T) {
		h := testHandler(t, "")
		near, far := net.Pipe() // holds nothing: what is not read is not written
		defer far.Close()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
		done := make(chan bool, 1)
		go func() {
			w := &hijacked{httptest.NewRecorder(), tls.Server(near, certificate)}
			done <- h.refuseSocket(w, r, netip.MustParseAddr("203.0.113.7"), limited(admission.MaxPerAddress))
		}()
		if _, err := tls.Client(far, &tls.Config{InsecureSkipVerify: true}).Read(make([]byte, 4096)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // what follows the refusal is on its way
		began := time.Now()
		h.Shutdown()
		<-done
		if took := time.Since(began); took != 0 {
			t.Errorf("got %v until it was closed, want 0s", took)
		}
	})
}
