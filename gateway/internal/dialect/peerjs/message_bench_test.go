package peerjs

import (
	"fmt"
	"strings"
	"testing"
)

// What a frame of a usual size costs before it is relayed.
func BenchmarkMessage_Candidate_IsReadAndWritten(b *testing.B) {
	text := fmt.Appendf(nil, `{"type":"CANDIDATE","payload":{"candidate":{"candidate":%q,"sdpMid":"0"},"type":"data","connectionId":"dc_1"},"dst":"ben"}`, strings.Repeat("x", 180))
	b.ReportAllocs()
	for b.Loop() {
		m, ok := parse(text)
		if !ok {
			b.Fatal("got no message, want one")
		}
		m.appendTo(make([]byte, 0, m.size("ann")), "ann")
	}
}
