package handshake

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestCheckVersion_UnknownVersion_IsLoggedOnce: versions that fit, and clients that name none,
// are not logged, and no number of clients fills the log.
func TestCheckVersion_UnknownVersion_IsLoggedOnce(t *testing.T) {
	for _, c := range []struct {
		query string
		lines int
	}{{"", 0}, {"?version=1", 0}, {"?version=", 0}, {"?version=2", 1}, {"?version=one", 1}, {"?version=" + strings.Repeat("9", 4096), 1}} {
		var log bytes.Buffer
		h := testHandler(t, "")
		h.cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
		for range 3 {
			h.checkVersion(httptest.NewRequest("GET", "/"+c.query, nil))
		}
		if got := strings.Count(log.String(), "level=WARN"); got != c.lines || log.Len() > 500 {
			t.Errorf("%.20s: got %d warnings in %d bytes, want %d in 500 or less", c.query, got, log.Len(), c.lines)
		}
	}
}
