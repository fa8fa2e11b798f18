package gateway

import (
	"strings"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/proto"
)

const (
	// sentHeader holds when a frame that is timed reached its sender's gateway.
	sentHeader = "P2p-Sent"
	// exceptHeader lists the members that a room message is not for, by id and comma: they
	// get it by themselves.
	exceptHeader = "P2p-Except"
)

// headerOf is what goes with a relay that is timed, or is not for all.
func headerOf(f *link.Frame) natsbus.Header {
	h := make(natsbus.Header, 2)
	if f.Began != 0 {
		var zero clock.Instant
		h[sentHeader] = []string{metrics.FormatBegan(zero.Add(time.Duration(f.Began)))}
	}
	if len(f.Except) > 0 {
		var list strings.Builder
		for i, p := range f.Except {
			if i > 0 {
				list.WriteByte(',')
			}
			list.WriteString(string(p))
		}
		h[exceptHeader] = []string{list.String()}
	}
	return h
}

// exceptOf returns the members that a room message is not for.
func exceptOf(h natsbus.Header) (all []proto.PeerID) {
	for p := range strings.SplitSeq(h.Get(exceptHeader), ",") {
		if id := proto.PeerID(p); id.Valid() {
			all = append(all, id)
		}
	}
	return all
}
