package loss

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"

	"p2pconnector/proto"
)

// What is recorded of one frame, in the bits of a word.
const (
	gotOnce    = 1 << iota // delivered
	gotTwice               // delivered again
	late                   // delivered behind a later frame of its pair
	errorOnce              // reported
	errorTwice             // reported again
	contrary               // reported again, with another code
	refused                // the first report is Unavailable
	excused                // sent before the gateway of its receiver was killed, which came back unrecovered
)

// outcomes records the outcomes of the frames of all pairs. Safe for concurrent use;
// one goroutine reads each sender's connection, so only one reports on a pair.
type outcomes struct {
	pairs     []record
	accounted atomic.Int64 // frames with an outcome, or excused
	events    atomic.Int64 // deliveries and reports
	astray    atomic.Int64 // frames that reached the wrong client, or that no client sent
	// departures counts how often a client was notified that a member has left a room.
	departures atomic.Int64
	codes      [16]atomic.Int64
}

// record holds the outcomes of the frames of one pair.
type record struct {
	frames []atomic.Uint32 // by number
	sent   atomic.Int64
	newest atomic.Int64 // highest number that arrived
	killed atomic.Int64 // frames sent when the receiver's gateway had been killed
}

func newOutcomes(pairs, frames int) *outcomes {
	o := &outcomes{pairs: make([]record, pairs)}
	for i := range o.pairs {
		o.pairs[i].frames = make([]atomic.Uint32, frames)
	}
	return o
}

// frame returns the record of a pair and its frame, or nil when the pair did not send
// it.
func (o *outcomes) frame(pair int, n int64) (*record, *atomic.Uint32) {
	if pair >= len(o.pairs) || n >= o.pairs[pair].sent.Load() {
		o.astray.Add(1)
		return nil, nil
	}
	r := &o.pairs[pair]
	return r, &r.frames[n]
}

// arrived records that the receiver of a pair has read a frame.
func (o *outcomes) arrived(pair int, n int64) {
	r, f := o.frame(pair, n)
	if f == nil {
		return
	}
	behind := !r.advance(n)
	was := f.Or(gotOnce)
	switch {
	case was&gotOnce != 0:
		f.Or(gotTwice)
	case behind:
		f.Or(late)
	}
	o.note(was)
}

// advance makes n the newest number that arrived. It returns false when a later one has
// arrived.
func (r *record) advance(n int64) bool {
	for {
		newest := r.newest.Load()
		if n < newest {
			return false
		}
		if r.newest.CompareAndSwap(newest, n) {
			return true
		}
	}
}

// reported records that the sender of a pair has read an error about a frame.
func (o *outcomes) reported(pair int, n int64, code proto.ErrorCode) {
	_, f := o.frame(pair, n)
	if f == nil {
		return
	}
	i := codeNumber(code)
	o.codes[i].Add(1)
	was := f.Load()
	switch {
	case was&errorOnce == 0:
		bits := errorOnce | uint32(i)<<codeShift
		if code == proto.Unavailable {
			bits |= refused
		}
		f.Or(bits)
	case int(was>>codeShift) != i:
		f.Or(errorTwice | contrary)
	default:
		f.Or(errorTwice)
	}
	o.note(was)
}

func (o *outcomes) note(was uint32) {
	if was&(gotOnce|errorOnce|excused) == 0 {
		o.accounted.Add(1)
	}
	o.events.Add(1)
}

// gatewayKilled records that the receivers' gateway has just been killed.
func (o *outcomes) gatewayKilled() {
	for i := range o.pairs {
		o.pairs[i].killed.Store(o.pairs[i].sent.Load())
	}
}

// excuse records that a pair's receiver was not recovered: the frames that its gateway
// had when it was killed may be lost.
func (o *outcomes) excuse(pair int) {
	r := &o.pairs[pair]
	for n := range r.killed.Load() {
		if r.frames[n].Or(excused)&(gotOnce|errorOnce|excused) == 0 {
			o.accounted.Add(1)
		}
	}
}

// codeShift is the position of the first report's code in a frame's word.
const codeShift = 16

var reportCodes = []proto.ErrorCode{"", proto.Unavailable, proto.NotDelivered, proto.NotFound, proto.RateLimited}

// codeNumber returns the index of a code in reportCodes, or len(reportCodes) for an
// unknown one.
func codeNumber(code proto.ErrorCode) int {
	for i, c := range reportCodes {
		if c == code {
			return i
		}
	}
	return len(reportCodes)
}

// counts counts the frames of a run by outcome.
type counts struct {
	sent, delivered, reported, both, neither, unrecovered int64
	twice, reordered                                      int64
	reportedTwice, contradicting, refusedAgain, astray    int64
	codes                                                 string
}

func (o *outcomes) count() (c counts) {
	for i := range o.pairs {
		r := &o.pairs[i]
		sent := r.sent.Load()
		c.sent += sent
		for n := range sent {
			c.add(r.frames[n].Load())
		}
	}
	c.astray = o.astray.Load()
	var codes []string
	for i := range o.codes {
		if n := o.codes[i].Load(); n > 0 {
			name := "other"
			if i < len(reportCodes) {
				name = string(reportCodes[i])
			}
			codes = append(codes, fmt.Sprintf("%s %d", name, n))
		}
	}
	c.codes = strings.Join(codes, ", ")
	return c
}

func (c *counts) add(f uint32) {
	one := func(n *int64, yes bool) {
		if yes {
			*n++
		}
	}
	got, failed := f&gotOnce != 0, f&errorOnce != 0
	one(&c.delivered, got)
	one(&c.reported, failed)
	one(&c.both, got && failed)
	one(&c.neither, !got && !failed && f&excused == 0)
	one(&c.unrecovered, !got && !failed && f&excused != 0)
	one(&c.twice, f&gotTwice != 0)
	one(&c.reordered, f&late != 0)
	one(&c.reportedTwice, f&errorTwice != 0)
	one(&c.contradicting, f&contrary != 0)
	one(&c.refusedAgain, f&refused != 0 && f&errorTwice != 0)
}

// bothShare returns the share of frames that were reported although they were
// delivered.
func (c *counts) bothShare() float64 { return float64(c.both) / float64(max(c.sent, 1)) }

// String implements fmt.Stringer.
func (c *counts) String() string {
	return fmt.Sprintf("sent %d: delivered %d, reported %d (%s), both %d (%.2f %%), neither %d, unrecovered %d, twice %d, reordered %d, "+
		"reported twice %d (contradicting %d, after Unavailable %d), astray %d",
		c.sent, c.delivered, c.reported, c.codes, c.both, 100*c.bothShare(), c.neither, c.unrecovered, c.twice, c.reordered,
		c.reportedTwice, c.contradicting, c.refusedAgain, c.astray)
}

// mostBoth is the share of frames that may be reported although they were delivered,
// while their gateways live.
const mostBoth = 0.01

// violations returns the promises that were broken. gatewaysLive says that no gateway
// has ended.
func (c *counts) violations(gatewaysLive bool) (broken []string) {
	for _, v := range []struct {
		what string
		n    int64
	}{
		{"neither delivered nor reported", c.neither},
		{"delivered twice", c.twice},
		{"delivered behind a later one", c.reordered},
		{"reported twice", c.reportedTwice},
		{"delivered to somebody else", c.astray},
	} {
		if v.n > 0 {
			broken = append(broken, fmt.Sprintf("frames %s: got %d, want 0", v.what, v.n))
		}
	}
	if gatewaysLive && c.bothShare() > mostBoth {
		broken = append(broken, fmt.Sprintf("frames reported although delivered: got %.2f %%, want at most %.0f %%", 100*c.bothShare(), 100*mostBoth))
	}
	return broken
}

// A frame's mark is in its id, which a relay keeps and an error echoes: mark, and in
// hex digits its sender (4), its receiver (4) and its number (8).
const (
	mark      = "loss:"
	markBytes = 16
)

// appendMark appends the mark of a pair's frame: client 2i sends to client 2i+1.
func appendMark(dst []byte, pair int, n int64) []byte {
	return appendHex(append(dst, mark...), uint64(2*pair)<<48|uint64(2*pair+1)<<32|uint64(n))
}

func appendHex(dst []byte, v uint64) []byte {
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, "0123456789abcdef"[v>>shift&0xf])
	}
	return dst
}

// findMark returns the contents of a frame's mark.
func findMark(payload []byte) (from, to int, n int64, ok bool) {
	at := bytes.LastIndex(payload, []byte(mark))
	if at < 0 || len(payload)-at < len(mark)+markBytes {
		return 0, 0, 0, false
	}
	var v uint64
	for _, c := range payload[at+len(mark) : at+len(mark)+markBytes] {
		switch {
		case '0' <= c && c <= '9':
			v = v<<4 | uint64(c-'0')
		case 'a' <= c && c <= 'f':
			v = v<<4 | uint64(c-'a'+10)
		default:
			return 0, 0, 0, false
		}
	}
	return int(v >> 48), int(v >> 32 & 0xffff), int64(v & 0xffffffff), true
}
