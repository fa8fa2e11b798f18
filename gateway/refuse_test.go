package gateway

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"p2pconnector/gateway/internal/admission"
	"p2pconnector/gateway/internal/socket/sockettest"
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

// TestRefuseSocket_Page_GetsTheReason: a page gets the error frame, the close code and the
// reason of its refusal, and both are counted.
func TestRefuseSocket_Page_GetsTheReason(t *testing.T) {
	g := testGateway(t, Config{})
	client, server := net.Pipe()
	defer client.Close()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	no := limited(admission.MaxPerAddress)
	done := make(chan bool, 1)
	go func() {
		done <- g.refuseSocket(&hijacked{httptest.NewRecorder(), server}, r, netip.MustParseAddr("203.0.113.7"), no)
	}()
	b := make([]byte, 4096)
	n, err := client.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	_, frames, _ := bytes.Cut(b[:n], []byte("\r\n\r\n"))
	_, text, rest := sockettest.CutFrame(frames)
	if want := string(proto.LimitExceeded); !strings.Contains(string(text), want) {
		t.Errorf("got %q, want an error frame with %s", text, want)
	}
	if _, payload, _ := sockettest.CutFrame(rest); string(payload) != string(proto.AppendCloseReason(nil, no.close, no.reason)) {
		t.Errorf("got close frame %q, want %d %q", payload, no.close, no.reason)
	}
	client.Close()
	if !<-done {
		t.Error("got not answered, want answered")
	}
	if n := g.metrics.Connections.Closes.Load(no.close); n != 1 {
		t.Errorf("got %d close frames counted, want 1", n)
	}
}

// TestDrainingRefuses: a gateway that goes away answers 503 and when to come again.
func TestDrainingRefuses(t *testing.T) {
	g := testGateway(t, Config{})
	g.draining.Store(true)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for k, v := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
		r.Header.Set(k, v)
	}
	r.Header.Set("Origin", "http://evil.example") // it is no reason to say anything else
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || w.Header().Get("Connection") != "close" {
		t.Errorf("answered %d with %v", w.Code, w.Header())
	}
}
