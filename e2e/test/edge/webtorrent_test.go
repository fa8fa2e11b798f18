package edge_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/e2e/kit/raw"
	"p2pconnector/gateway"
)

// TestWebTorrent_Settings_AreObeyed tries the interval, the size of a swarm, the rate, and the
// switch.
func TestWebTorrent_Settings_AreObeyed(t *testing.T) {
	e := start(t, func(c *gateway.Config) {
		c.WebTorrentInterval, c.WebTorrentMaxPeers, c.WebTorrentRate = 7*time.Second, 1, -1
	})
	const hash = `"01234567890123456789"`
	announce := func(peer string) string {
		t.Helper()
		c, _, err := raw.Dial(t.Context(), e.addr, "/announce", nil)
		must(t, err)
		t.Cleanup(func() { _ = c.Close() }) // the gateway may have closed it
		must(t, c.SetDeadline(time.Now().Add(kit.Patience)))
		text := ""
		for range 300 { // above the default rate
			_, err := c.Write(raw.Encode(raw.Fin|raw.Text, fmt.Appendf(nil, `{"action":"announce","info_hash":%s,"peer_id":%q}`, hash, peer)))
			must(t, err)
			b, err := c.Next()
			must(t, err)
			text = string(b)
		}
		return text
	}
	if got := announce("aaaaaaaaaaaaaaaaaaaa"); !strings.Contains(got, `"interval":7`) || !strings.Contains(got, `"incomplete":1`) {
		t.Errorf("the first: got %s, want interval 7 and one member", got)
	}
	if got := announce("bbbbbbbbbbbbbbbbbbbb"); !strings.Contains(got, "the swarm is full") {
		t.Errorf("the second: got %s, want a refusal", got)
	}
	off := start(t, func(c *gateway.Config) { c.WebTorrentOff = true })
	if resp, _ := off.refused(t, "/announce", nil); resp.StatusCode != http.StatusNotFound {
		t.Errorf("switched off: got %s, want 404", resp.Status)
	}
}
