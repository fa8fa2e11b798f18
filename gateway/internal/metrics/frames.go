package metrics

import (
	"bytes"

	"p2pconnector/gateway/internal/egress"
	"p2pconnector/proto"
)

// Frames counts the frames of all connections.
type Frames struct {
	In      CounterSet[proto.Event]      // from clients
	Errors  CounterSet[proto.ErrorCode]  // error frames that answer a client's frame
	Limited CounterSet[egress.LimitName] // refused because a budget of bytes was short

	out CounterSet[proto.Event]
}

// errorFrames is the event under which all error frames are counted as frames out.
const errorFrames proto.Event = "Error"

func (f *Frames) init() {
	events := make([]proto.Event, len(proto.ClientEvents))
	for i, d := range proto.ClientEvents {
		events[i] = d.Event
	}
	f.In.init(events...)
	for _, d := range proto.ServerEvents {
		events = append(events, d.Event)
	}
	f.out.init(append(events, errorFrames)...)
	codes := make([]proto.ErrorCode, len(proto.ErrorCodes))
	for i, d := range proto.ErrorCodes {
		codes[i] = d.Code
	}
	f.Errors.init(codes...)
	f.Limited.init(egress.Names()...)
}

var (
	relayStart = []byte(`{"event":"`)
	errorStart = []byte(`{"type":"error"`)
	typeStart  = []byte(`{"type":"`)
	eventKey   = []byte(`","event":"`)
)

// Queued counts a frame that was queued for a connection. It does not parse the frame,
// because frames encoded by proto begin with their type or their event.
func (f *Frames) Queued(frame []byte) {
	rest, ok := bytes.CutPrefix(frame, relayStart)
	switch {
	case ok:
	case bytes.HasPrefix(frame, errorStart):
		f.out.Inc(errorFrames)
		return
	case bytes.HasPrefix(frame, typeStart):
		// The longest type is six letters.
		if i := bytes.Index(frame[:min(len(frame), 32)], eventKey); i >= 0 {
			rest = frame[i+len(eventKey):]
		}
	}
	n := max(0, bytes.IndexByte(rest[:min(len(rest), 24)], '"'))
	if c := f.out.by[proto.Event(rest[:n])]; c != nil { // an index expression, so that the event is not copied
		c.Inc()
		return
	}
	f.out.other.Inc()
}
