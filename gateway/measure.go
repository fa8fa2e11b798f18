package gateway

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/gateway/internal/link"
	"p2pconnector/proto"
)

// One relayed frame in sampleEvery is timed: reading the clock for each would
// cost more than what is measured.
const sampleEvery = 64

// sentHeader holds when a frame that is timed reached its sender's gateway, in
// Unix nanoseconds: monotonic clocks mean nothing to other hosts.
const sentHeader = "P2p-Sent"

// maxTook is the longest time between two gateways that is believed; beyond it
// their hosts' clocks disagree.
const maxTook = time.Minute

// errorFrames stands for all error frames in the count of frames out.
const errorFrames proto.Event = "Error"

// sample returns the time for a frame that is to be timed, and 0 for most.
func sample() clock.Instant {
	if rand.Uint32()%sampleEvery != 0 {
		return 0
	}
	return clock.Now()
}

// undelivered counts a frame for other peers that was not delivered.
func (s *stats) undelivered(e proto.Event, c proto.ErrorCode) {
	switch e {
	case proto.Connect, proto.Offer, proto.Answer, proto.Candidate, proto.Message:
	default:
		return
	}
	switch c {
	case proto.NotFound, proto.NotDelivered, proto.Unavailable:
		s.dropped(c)
	}
}

// tookHere notes that a timed frame was queued for a connection of this gateway.
func (s *stats) tookHere(began clock.Instant) {
	if began != 0 {
		s.relayTime.here.Observe(clock.Now().Sub(began).Seconds())
	}
}

// tookNATS does the same for a frame that came over NATS, if it is timed.
func (s *stats) tookNATS(h nats.Header) {
	v := h.Get(sentHeader)
	if v == "" {
		return
	}
	began, err := strconv.ParseInt(v, 10, 64)
	if took := time.Since(time.Unix(0, began)); err == nil && took < maxTook && took > -maxTook {
		s.relayTime.nats.Observe(max(took, 0).Seconds())
	}
}

// sentHeaderOf is the header of a frame that is timed.
func sentHeaderOf(began clock.Instant) nats.Header {
	return nats.Header{sentHeader: []string{strconv.FormatInt(began.Wall().UnixNano(), 10)}}
}

// exceptHeader lists the members that a room message is not for, by id and comma: they
// get it by themselves.
const exceptHeader = "P2p-Except"

// headerOf is what goes with a relay that is timed, or is not for all.
func headerOf(f *link.Frame) nats.Header {
	h := make(nats.Header, 2)
	if f.Began != 0 {
		var zero clock.Instant
		h = sentHeaderOf(zero.Add(time.Duration(f.Began)))
	}
	if len(f.Except) > 0 {
		var list strings.Builder
		for i, p := range f.Except {
			if i > 0 {
				list.WriteByte(',')
			}
			list.WriteString(string(p))
		}
		h.Set(exceptHeader, list.String())
	}
	return h
}

// exceptOf returns the members that a room message is not for.
func exceptOf(h nats.Header) (all []proto.PeerID) {
	for p := range strings.SplitSeq(h.Get(exceptHeader), ",") {
		if id := proto.PeerID(p); id.Valid() {
			all = append(all, id)
		}
	}
	return all
}

var (
	relayStart = []byte(`{"event":"`)
	errorStart = []byte(`{"type":"error"`)
	typeStart  = []byte(`{"type":"`)
	eventKey   = []byte(`","event":"`)
)

// frameOut counts a frame that was queued for a connection. Frames begin with
// their type or their event, as proto encodes them, so that nothing is parsed.
func (s *stats) frameOut(frame []byte) {
	rest, ok := bytes.CutPrefix(frame, relayStart)
	switch {
	case ok:
	case bytes.HasPrefix(frame, errorStart):
		s.framesOut.add(errorFrames)
		return
	case bytes.HasPrefix(frame, typeStart):
		// The longest type is six letters.
		if i := bytes.Index(frame[:min(len(frame), 32)], eventKey); i >= 0 {
			rest = frame[i+len(eventKey):]
		}
	}
	n := max(0, bytes.IndexByte(rest[:min(len(rest), 24)], '"'))
	if c := s.framesOut.by[proto.Event(rest[:n])]; c != nil {
		c.Add(1)
		return
	}
	s.framesOut.other.Add(1)
}
