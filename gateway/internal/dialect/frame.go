package dialect

import (
	"bytes"
	"strconv"

	"p2pconnector/proto"
)

// Frame is what one client of a dialect sends to another, between their gateways:
//
//	{"event":"dialect/<name>","from":"<peer>","n":<n>,"tries":<tries>,"data":<text>}
type Frame struct {
	Name  []byte // of the dialect
	From  []byte // the sender's peer id
	N     uint64 // counts the sender's frames
	Tries int    // how often it came back
	Lost  bool   // it came back and may have reached its receiver: it must not be sent again
	Text  []byte // for the receiver: JSON
}

const (
	frameHead  = `{"event":"dialect/`
	frameFrom  = `","from":"`
	frameN     = `","n":`
	frameTries = `,"tries":`
	frameData  = `,"data":`
	// lostTries stands in place of the number of tries of a frame that is lost.
	lostTries  = 99
	peerIDSize = 36
)

// Append appends f. Name must be lower-case letters, From a valid peer id, Text valid JSON.
func (f *Frame) Append(dst []byte) []byte {
	dst = append(append(dst, frameHead...), f.Name...)
	dst = append(append(dst, frameFrom...), f.From...)
	dst = strconv.AppendUint(append(dst, frameN...), f.N, 10)
	tries := min(f.Tries, lostTries-1)
	if f.Lost {
		tries = lostTries
	}
	dst = strconv.AppendInt(append(dst, frameTries...), int64(tries), 10)
	dst = append(append(dst, frameData...), f.Text...)
	return append(dst, '}')
}

// Of returns the name of the dialect that a frame of the gateway belongs to; nil for the
// gateway's own protocol. It points into frame.
func Of(frame []byte) []byte {
	rest, ok := bytes.CutPrefix(frame, []byte(frameHead))
	if !ok {
		return nil
	}
	return rest[:max(0, bytes.IndexByte(rest, '"'))]
}

// Parse reads a frame that Append made; ok is false for any other. The frame's fields point
// into b.
func Parse(b []byte) (f Frame, ok bool) {
	f.Name = Of(b)
	if len(f.Name) == 0 {
		return f, false
	}
	rest, ok := bytes.CutPrefix(b[len(frameHead)+len(f.Name):], []byte(frameFrom))
	if !ok || len(rest) < peerIDSize || !proto.PeerID(rest[:peerIDSize]).Valid() {
		return f, false
	}
	f.From, rest = rest[:peerIDSize], rest[peerIDSize:]
	var n, tries uint64
	if n, rest, ok = cutNumber(rest, frameN); !ok {
		return f, false
	}
	if tries, rest, ok = cutNumber(rest, frameTries); !ok || tries > lostTries {
		return f, false
	}
	rest, ok = bytes.CutPrefix(rest, []byte(frameData))
	if !ok || len(rest) < 2 || rest[len(rest)-1] != '}' {
		return f, false
	}
	f.N, f.Tries, f.Lost, f.Text = n, int(tries), tries == lostTries, rest[:len(rest)-1]
	return f, true
}

// cutNumber cuts prefix and the digits behind it off b.
func cutNumber(b []byte, prefix string) (n uint64, rest []byte, ok bool) {
	rest, ok = bytes.CutPrefix(b, []byte(prefix))
	digits := 0
	for digits < len(rest) && '0' <= rest[digits] && rest[digits] <= '9' {
		digits++
	}
	if !ok || digits > 19 {
		return 0, b, false
	}
	n, err := strconv.ParseUint(string(rest[:digits]), 10, 64)
	return n, rest[digits:], err == nil
}

// Returned returns the frame that the sender of frame gets when it was not delivered; nil
// when frame is no Frame. lost says that it may have reached its receiver all the same.
func Returned(frame []byte, lost bool) []byte {
	f, ok := Parse(frame)
	if !ok {
		return nil
	}
	f.Tries++
	f.Lost = f.Lost || lost
	return f.Append(make([]byte, 0, len(frame)+1))
}
