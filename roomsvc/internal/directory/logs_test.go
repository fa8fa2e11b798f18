package directory

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv/kvtest"
)

// TestDirectory_RequestFails_LogNamesItsPeer: an operator who looks for a peer finds what went
// wrong with its session and its name.
func TestDirectory_RequestFails_LogNamesItsPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for want, down := range map[string]func() bool{
			"directory request panicked": func() bool { panic("on purpose") },
			"directory request failed":   func() bool { return true },
		} {
			b := kvtest.NewFake()
			b.Down = down
			var log bytes.Buffer
			sessions, names := newSessions(t, b), newNames(t, b)
			handler := slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})
			sessions.cfg.Log, names.cfg.Log = slog.New(handler), slog.New(handler)
			sessions.ask(bus.SessionTake, bus.SessionRequest{Peer: ann, Owner: gwB, Epoch: 1})
			names.claim(ben, "s", 0)
			for _, peer := range []string{string(ann), string(ben)} {
				found := false
				for line := range strings.Lines(log.String()) {
					found = found || strings.Contains(line, want) && strings.Contains(line, "peer="+peer+" ")
				}
				if !found {
					t.Errorf("got no line %q of peer %s in:\n%s\nwant one", want, peer, log.String())
				}
			}
		}
	})
}
