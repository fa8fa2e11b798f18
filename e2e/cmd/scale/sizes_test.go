package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto/client"
)

func TestMain(m *testing.M) { kit.Main(m) }

// TestSizes_RunningSystem_AreThoseOfTheModel compares the model's sizes with what two
// gateways and a room service send while members join a room and relay.
func TestSizes_RunningSystem_AreThoseOfTheModel(t *testing.T) {
	s := kit.Start(t, kit.Options{RoomServices: 1})
	nc := s.Connect(t)
	d := defaults()
	want := sizesOf(d)
	kinds := []struct {
		name, subject, part string // part is in the payload
		want                float64
	}{
		{"lease", "p2p.lease.*", "settings", want.lease},
		{"settings", "p2p.settings.rooms", "", want.settings},
		{"ack", "p2p.gw.*.ack.*", "next", want.ack},
		{"join", "p2p.rooms.join", metadataText(), want.request},
		{"change of a room", "p2p.gw.*.state.*", `"added"`, want.change},
		{"relay", "p2p.gw.*.peer.*", "", want.relay},
	}
	seen := make([]chan float64, len(kinds))
	for i, k := range kinds {
		seen[i] = make(chan float64, 1)
		_, err := nc.Subscribe(k.subject, func(m *nats.Msg) {
			if strings.Contains(string(m.Data), k.part) {
				select {
				case seen[i] <- wire(m.Subject, m.Reply, len(m.Data)):
				default:
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	a, b := s.Client(t, 0, client.Options{}), s.Client(t, 1, client.Options{})
	for _, c := range []*client.Client{a, b} {
		if _, err := c.Join(t.Context(), roomID, client.JoinOptions{Create: true, Metadata: metadata()}); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Offer(t.Context(), b.ID(), strings.Repeat("x", frameBytes-len(fmt.Sprintf(`{"type":"relay","event":"Offer","from":%q,"data":""}`, a.ID())))); err != nil {
		t.Fatal(err)
	}
	late := time.After(kit.Patience)
	for i, k := range kinds {
		select {
		case got := <-seen[i]:
			t.Logf("%s: %.0f bytes, the model's %.0f", k.name, got, k.want)
			if got < 0.7*k.want || got > 1.3*k.want {
				t.Errorf("a %s has %.0f bytes on the wire, want 0.7 to 1.3 of the model's %.0f", k.name, got, k.want)
			}
		case <-late:
			t.Fatalf("no %s was sent", k.name)
		}
	}
}

func metadataText() string { return strings.Trim(string(metadata()), `"`) }
