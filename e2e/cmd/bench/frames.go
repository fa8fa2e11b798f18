package main

import (
	"bytes"
	"strings"

	"p2pconnector/e2e/kit/load"
)

// Every measured frame carries a mark: the time it was sent, in nanoseconds since
// the load began, and a tag of 16 bits.
const (
	mark      = "bench:"
	markBytes = 16 // hex digits behind mark
	tagBits   = 16
	hexDigits = "0123456789abcdef"
	noStamp   = mark + "0000000000000000"
)

// putStamp writes a stamp over the 16 digits of b.
func putStamp(b []byte, v uint64) {
	_ = b[markBytes-1]
	for i := markBytes - 1; i >= 0; i-- {
		b[i] = hexDigits[v&0xf]
		v >>= 4
	}
}

// findStamp returns the stamp that a frame carries, if it has one. It first looks
// where the frames of this benchmark have it.
func findStamp(payload []byte) (uint64, bool) {
	const tail = len(noStamp) + len(`"}`)
	at := len(payload) - tail
	if at < 0 || string(payload[at:at+len(mark)]) != mark {
		if at = bytes.Index(payload, []byte(mark)); at < 0 {
			return 0, false
		}
	}
	at += len(mark)
	if len(payload)-at < markBytes {
		return 0, false
	}
	var v uint64
	for _, c := range payload[at : at+markBytes] {
		switch {
		case '0' <= c && c <= '9':
			v = v<<4 | uint64(c-'0')
		case 'a' <= c && c <= 'f':
			v = v<<4 | uint64(c-'a'+10)
		default:
			return 0, false
		}
	}
	return v, true
}

// stampable is a client's frame that is complete except for its stamp. It must not be
// used by two goroutines at once.
type stampable struct {
	frame []byte
	at    int // of the stamp's digits
}

// newStampable makes a frame of a payload that holds noStamp once.
func newStampable(payload string) stampable {
	frame := load.AppendFrame(nil, load.OpText, []byte(payload))
	return stampable{frame, bytes.Index(frame, []byte(noStamp)) + len(mark)}
}

// stamped returns the frame with a time and a tag. The frame is valid until the next
// call.
func (t *stampable) stamped(now int64, tag uint16) []byte {
	putStamp(t.frame[t.at:], uint64(now)<<tagBits|uint64(tag))
	return t.frame
}

// unstamp splits a stamp into time and tag.
func unstamp(v uint64) (sent int64, tag uint16) { return int64(v >> tagBits), uint16(v) }

// candidateData is the data of a trickled ICE candidate, as browsers make it.
const candidateData = `{"candidate":"candidate:842163049 1 udp 1677729535 203.0.113.17 46154 typ srflx raddr 192.168.1.12 rport 46154 generation 0 ufrag EsAw network-cost 999","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"EsAw"}`

// signalPayload returns the payload of a signal to the peer to: a candidate when size
// is small, and an offer otherwise, padded to size bytes.
func signalPayload(to string, size int) string {
	head, tail := `{"event":"Candidate","to":"`+to+`","data":`, `,"id":"`+noStamp+`"}`
	if size < 1000 {
		return head + padded(candidateData, size-len(head)-len(tail)) + tail
	}
	head = `{"event":"Offer","to":"` + to + `","data":`
	return head + offerData(size-len(head)-len(tail)) + tail
}

// padded lengthens the object obj to size bytes with one more member, if there
// is room for one.
func padded(obj string, size int) string {
	const extra = `,"x":""}`
	fill := size - (len(obj) - 1) - len(extra)
	if fill < 0 {
		return obj
	}
	return obj[:len(obj)-1] + `,"x":"` + strings.Repeat("x", fill) + `"}`
}

// offerData returns a session description of size bytes, with line ends escaped as in
// JSON.
func offerData(size int) string {
	const line = `a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n`
	const head, tail = `{"type":"offer","sdp":"v=0\r\n`, `"}`
	n := max(size-len(head)-len(tail), 0)
	body := strings.Repeat(line, n/len(line))
	return head + body + strings.Repeat("a", n-len(body)) + tail
}
