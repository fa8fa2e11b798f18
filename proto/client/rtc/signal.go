package rtc

import (
	"encoding/json"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"p2pconnector/proto"
	"p2pconnector/proto/client"
)

// signal is the data of an Offer, Answer or Candidate, as connector.js sends it too. Peers
// that leave out Call, With, N and Re are understood.
type signal struct {
	Description *webrtc.SessionDescription `json:"description,omitempty"`
	Candidate   *webrtc.ICECandidateInit   `json:"candidate,omitempty"`
	Bye         bool                       `json:"bye,omitempty"`

	Call *int64 `json:"call,omitempty"` // the generation of the sender's connection
	With *int64 `json:"with,omitempty"` // the receiver's generation of which it took a description
	N    *int64 `json:"n,omitempty"`    // the number of an offer
	Re   *int64 `json:"re,omitempty"`   // the number of the offer that is answered
}

// signals are the events that carry a signal.
var signals = []string{string(proto.Offer), string(proto.Answer), string(proto.Candidate)}

func isSignal(event string) bool { return slices.Contains(signals, event) }

func parseSignal(f client.Frame) (s signal, err error) {
	err = json.Unmarshal(f.Data, &s)
	return s, err
}

// drawn is the highest number that was drawn.
var drawn atomic.Int64

// draw returns a number for a generation or an offer that is above all that were drawn
// before, also by an earlier process with the same session.
func draw() int64 {
	for {
		last := drawn.Load()
		n := max(last+1, time.Now().UnixMilli())
		if drawn.CompareAndSwap(last, n) {
			return n
		}
	}
}

// candidatesOf returns the candidates that a description holds.
func candidatesOf(d *webrtc.SessionDescription) (all []webrtc.ICECandidateInit) {
	for line := range strings.Lines(d.SDP) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "a=candidate:"); ok {
			all = append(all, webrtc.ICECandidateInit{Candidate: "candidate:" + value})
		}
	}
	return all
}
