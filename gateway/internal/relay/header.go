package relay

import (
	"strconv"
	"strings"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/gateway/internal/natsbus"
	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// headerOf returns the header of a relay that is timed, is not for all members, or whose
// receiver's gateway may not know that its sender may send it.
func headerOf(f *link.Frame) natsbus.Header {
	h := make(natsbus.Header, 2)
	if f.Shared != "" {
		h[bus.SharedHeader] = []string{bus.RoomToken(f.Shared) + " " + strconv.FormatUint(f.View, 10)}
	}
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

// sharedOf returns the subject token of the room that the sender of a relay with header h
// shares with its receiver, and the revision by which it does; "" for none.
func sharedOf(h natsbus.Header) (token string, revision uint64) {
	token, number, _ := strings.Cut(h.Get(bus.SharedHeader), " ")
	revision, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return "", 0
	}
	return token, revision
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
