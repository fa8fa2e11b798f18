package peerjs_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"p2pconnector/e2e/kit"
	"p2pconnector/gateway"
)

// listAll returns the ids that a gateway lists.
func listAll(t *testing.T, s *kit.Stack, i int) (ids []string) {
	t.Helper()
	status, body := kit.Get(t, httpURL(s, i, "/peerjs/peers"))
	if status != http.StatusOK || json.Unmarshal([]byte(body), &ids) != nil || ids == nil {
		t.Fatalf("got %d %q, want 200 and a list", status, body)
	}
	slices.Sort(ids)
	return ids
}

// TestDiscovery_On_ListsTheClientsOfAllGateways: each gateway lists those of all, as long as
// they are there.
func TestDiscovery_On_ListsTheClientsOfAllGateways(t *testing.T) {
	s := kit.Start(t, kit.Options{Gateway: func(c *gateway.Config) { c.PeerJSDiscovery = true }})
	if got := listAll(t, s, 0); len(got) != 0 {
		t.Errorf("without clients: got %q, want none", got)
	}
	dial(t, s, 0, "ann", "1")
	ben := dial(t, s, 1, `b <&>"`, "2")
	for i := range 2 {
		eventually(t, s, i, "ann", ben.Name)
	}
	ben.Send(`{"type":"LEAVE"}`)
	ben.expectClosed()
	for i := range 2 {
		eventually(t, s, i, "ann")
	}
}

// eventually returns when gateway i lists want: it gives a list to all that ask within a
// second.
func eventually(t *testing.T, s *kit.Stack, i int, want ...string) {
	t.Helper()
	slices.Sort(want)
	var got []string
	for end := time.Now().Add(kit.Patience); time.Now().Before(end); {
		if got = listAll(t, s, i); slices.Equal(got, want) {
			return
		}
	}
	t.Fatalf("gateway %d: got %q, want %q", i, got, want)
}

// TestDiscovery_DirectoryAway_IsNoList: a list that may lack clients would be wrong.
func TestDiscovery_DirectoryAway_IsNoList(t *testing.T) {
	s := kit.Start(t, kit.Options{Gateways: 1, RoomServices: 1, Gateway: func(c *gateway.Config) { c.PeerJSDiscovery = true }})
	s.StopRooms(t, 0)
	if status, body := kit.Get(t, httpURL(s, 0, "/peerjs/peers")); status != http.StatusServiceUnavailable {
		t.Errorf("got %d %q, want 503", status, body)
	}
}
