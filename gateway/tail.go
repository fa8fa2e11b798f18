package gateway

import "p2pconnector/proto"

// Bounds of what a connection keeps of what it has written.
const (
	maxTailBytes = 64 << 10
	minTailBytes = 512
)

// tail keeps the last frames that were written, until the client confirms them:
// what a broken connection swallowed is sent again on the next one. It is a ring
// that grows with what it holds, so that a connection which is told little keeps
// little. Guarded by the connection's lock.
type tail struct {
	ring   []byte
	first  int // where the oldest frame begins
	bytes  int // held
	frames int // text frames held
}

// add keeps whole frames, texts of which are text frames, and lets go of the
// oldest when there are too many.
func (t *tail) add(b []byte, texts int) {
	if texts == 0 {
		return
	}
	for len(b) > maxTailBytes || texts > proto.ReplayFrames {
		t.clear()
		var op byte
		if op, _, b = cutFrame(b); op == opText {
			texts--
		}
	}
	for t.bytes+len(b) > maxTailBytes || t.frames+texts > proto.ReplayFrames {
		t.drop()
	}
	t.growTo(t.bytes + len(b))
	at := t.wrap(t.first + t.bytes)
	copy(t.ring, b[copy(t.ring[at:], b):])
	t.bytes += len(b)
	t.frames += texts
}

// growTo makes room for n bytes in all.
func (t *tail) growTo(n int) {
	if n <= len(t.ring) {
		return
	}
	size := max(minTailBytes, len(t.ring))
	for size < n {
		size *= 2
	}
	t.ring, t.first = t.appendTo(make([]byte, 0, size))[:size], 0
}

// wrap is i on the ring.
func (t *tail) wrap(i int) int {
	if i >= len(t.ring) {
		i -= len(t.ring)
	}
	return i
}

// drop lets go of the oldest frame.
func (t *tail) drop() {
	var head [maxHeader]byte
	n := copy(head[:], t.ring[t.first:])
	copy(head[n:], t.ring)
	op, size := frameSize(head[:])
	t.first = t.wrap(t.first + size)
	t.bytes -= size
	if op == opText {
		t.frames--
	}
}

// confirm lets go of what the client has: all but the last unconfirmed frames.
func (t *tail) confirm(unconfirmed uint64) {
	if unconfirmed == 0 {
		t.clear()
	}
	for uint64(t.frames) > unconfirmed {
		t.drop()
	}
}

// clear lets go of everything.
func (t *tail) clear() { *t = tail{} }

// appendTo appends the frames that are kept, oldest first.
func (t *tail) appendTo(b []byte) []byte {
	end := t.first + t.bytes
	b = append(b, t.ring[t.first:min(end, len(t.ring))]...)
	if end > len(t.ring) {
		b = append(b, t.ring[:end-len(t.ring)]...)
	}
	return b
}

// lastTexts returns the last n text frames of b, or all when there are fewer.
func lastTexts(b []byte, n uint64) (frames [][]byte) {
	for len(b) > 0 {
		op, payload, rest := cutFrame(b)
		if b = rest; op == opText {
			frames = append(frames, payload)
		}
	}
	if uint64(len(frames)) > n {
		frames = frames[uint64(len(frames))-n:]
	}
	return frames
}
