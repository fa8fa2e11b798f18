package gateway

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestDrainingRefuses: a gateway that goes away answers 503 and when to come again.
func TestDrainingRefuses(t *testing.T) {
	g := testGateway(t, Config{})
	g.draining.Store(true)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for k, v := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || w.Header().Get("Connection") != "close" {
		t.Errorf("answered %d with %v", w.Code, w.Header())
	}
}
