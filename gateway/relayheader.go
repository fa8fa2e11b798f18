package gateway

import (
	"strings"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// headerOf returns the header of a relay that is timed, or is not for all members.
func headerOf(f *link.Frame) natsbus.Header {
	h := make(natsbus.Header, 2)
	if f.Began != 0 {
		var zero clock.Instant
		h[bus.SentHeader] = []string{metrics.FormatBegan(zero.Add(time.Duration(f.Began)))}
	}
	if len(f.Except) > 0 {
		var list strings.Builder
		for i, p := range f.Except {
			if i > 0 {
				list.WriteByte(',')
			}
			list.WriteString(string(p))
		}
		h[bus.ExceptHeader] = []string{list.String()}
	}
	return h
}

// exceptOf returns the members that a room message with header h is not for.
func exceptOf(h natsbus.Header) (all []proto.PeerID) {
	for p := range strings.SplitSeq(h.Get(bus.ExceptHeader), ",") {
		if id := proto.PeerID(p); id.Valid() {
			all = append(all, id)
		}
	}
	return all
}
