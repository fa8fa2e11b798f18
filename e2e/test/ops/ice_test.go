package ops_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/gateway"
	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// TestICEServersURL_ProviderComesBack_ClientsGetItsList: while the provider fails, the gateway is
// ready, operators see why there is no list, and clients get none. Then the clients that are
// connected get it unasked, and others with their Client_Details.
func TestICEServersURL_ProviderComesBack_ClientsGetItsList(t *testing.T) {
	const turn = `{"urls":["turn:turn.example.org"],"username":"u","credential":"c"}`
	var works atomic.Bool
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); !works.Load() || string(body) != `{"ttl":3600}` {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"iceServers":`+turn+`}`)
	}))
	t.Cleanup(provider.Close)
	s := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1, Ops: true, Gateway: func(c *gateway.Config) {
		c.ICEServersURL, c.ICEServersBody, c.ICEServersTTL = provider.URL, `{"ttl":{ttl}}`, time.Hour
	}})
	a, err := client.Dial(t.Context(), client.Options{URLs: []string{s.URL(0)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() }) // the gateway may have ended before
	if got := a.Details().IceServers; got != nil {
		t.Errorf("before the provider works: got %s, want no servers", got)
	}
	eventually(t, "the note about the provider", func() bool {
		status, body := kit.Get(t, s.Ops(0)+"/readyz?verbose")
		return status == http.StatusOK && strings.Contains(body, "ice-servers-url: no list yet: the provider answers with status 503")
	})
	works.Store(true)
	f, err := a.Next(t.Context())
	if err != nil || !f.Is(proto.IceServers) {
		t.Fatalf("got %+v (%v), want Ice_Servers", f, err)
	}
	var d proto.IceServersData
	if err := json.Unmarshal(f.Data, &d); err != nil || string(d.IceServers) != "["+turn+"]" || f.ID != nil {
		t.Errorf("got %s with id %s (%v), want the provider's servers without an id", f.Data, f.ID, err)
	}
	if got := a.Details().IceServers; string(got) != "["+turn+"]" {
		t.Errorf("got %s in the details of the client, want the provider's servers", got)
	}
	if got := s.Dial(t, 0).Details.IceServers; string(got) != "["+turn+"]" {
		t.Errorf("got %s in Client_Details, want the provider's servers", got)
	}
	now := scrape(t, s.Ops(0))
	if ok, failed := now[`p2p_gateway_ice_fetches_total{outcome="ok"}`], now[`p2p_gateway_ice_fetches_total{outcome="failed"}`]; ok != 1 || failed < 1 {
		t.Errorf("got %v fetches and %v failures, want 1 and at least 1", ok, failed)
	}
	if left := now["p2p_gateway_ice_credentials_seconds"]; left < 3500 || left > 3600 {
		t.Errorf("got %v s left, want an hour", left)
	}
	if _, body := kit.Get(t, s.Ops(0)+"/readyz?verbose"); strings.Contains(body, "ice-servers-url") {
		t.Errorf("got %q, want no note any more", body)
	}
}
