package socket

import (
	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/proto"
)

// MaxRetransmitBytes bounds the written bytes that a connection keeps. The bound on frames
// is proto.DefaultReplayFrames.
const MaxRetransmitBytes = 64 << 10

// minRetransmitBytes is the initial size of the ring.
const minRetransmitBytes = 512

// freeRetransmitBytes is the size up to which the ring takes nothing from the budget.
const freeRetransmitBytes = 4 << 10

// retransmitBuffer keeps the last frames that were written until the client confirms
// them: frames that a broken connection lost are sent again on the next connection. It is
// a ring that grows with its content, so that a connection with few frames keeps little
// memory, as far as the budget allows. Guarded by the connection's lock.
type retransmitBuffer struct {
	budget *membudget.Budget

	ring   []byte
	first  int // index at which the oldest frame begins
	bytes  int // held
	frames int // text frames held
}

// add keeps whole frames, and drops the oldest when there are too many. texts is the
// number of text frames among them.
func (t *retransmitBuffer) add(b []byte, texts int) {
	if texts == 0 {
		return
	}
	b, texts = t.cut(b, texts, MaxRetransmitBytes) // first: the ring must not grow for frames that never fit
	if texts == 0 {
		t.clear()
		return
	}
	t.growTo(min(t.bytes+len(b), MaxRetransmitBytes))
	b, texts = t.cut(b, texts, len(t.ring))
	for t.bytes+len(b) > len(t.ring) || t.frames+texts > proto.DefaultReplayFrames {
		t.drop()
	}
	at := t.wrap(t.first + t.bytes)
	copy(t.ring, b[copy(t.ring[at:], b):])
	t.bytes += len(b)
	t.frames += texts
}

// cut drops the oldest frames of b while it holds more than most bytes or too many frames, and
// then all frames in the ring, which are older.
func (t *retransmitBuffer) cut(b []byte, texts, most int) (rest []byte, left int) {
	for len(b) > most || texts > proto.DefaultReplayFrames {
		t.first, t.bytes, t.frames = 0, 0, 0
		var op byte
		if op, _, b = cutFrame(b); op == opText {
			texts--
		}
	}
	return b, texts
}

// growTo makes room for n bytes in all. When the budget has no room for that, the ring keeps
// its size, and the oldest frames are dropped earlier.
func (t *retransmitBuffer) growTo(n int) {
	size := max(minRetransmitBytes, len(t.ring))
	for size < n {
		size *= 2
	}
	if had := t.reserved(); size > max(freeRetransmitBytes, len(t.ring)) && !t.budget.Reserve(membudget.Retransmit, had, size-had) {
		size = max(freeRetransmitBytes, len(t.ring))
	}
	if size > len(t.ring) {
		t.ring, t.first = t.appendTo(make([]byte, 0, size))[:size], 0
	}
}

// reserved returns the bytes of the budget that the ring has.
func (t *retransmitBuffer) reserved() int {
	if len(t.ring) <= freeRetransmitBytes {
		return 0
	}
	return len(t.ring)
}

// wrap returns i modulo the size of the ring.
func (t *retransmitBuffer) wrap(i int) int {
	if i >= len(t.ring) {
		i -= len(t.ring)
	}
	return i
}

// drop drops the oldest frame.
func (t *retransmitBuffer) drop() {
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

// confirm drops the frames that the client has: all but the last unconfirmed text frames.
func (t *retransmitBuffer) confirm(unconfirmed uint64) {
	if unconfirmed == 0 {
		t.clear()
	}
	for uint64(t.frames) > unconfirmed {
		t.drop()
	}
}

// clear drops all frames, and the ring.
func (t *retransmitBuffer) clear() {
	if n := t.reserved(); n > 0 {
		t.budget.Release(membudget.Retransmit, n)
	}
	*t = retransmitBuffer{budget: t.budget}
}

// appendTo appends the frames that are kept, oldest first.
func (t *retransmitBuffer) appendTo(b []byte) []byte {
	end := t.first + t.bytes
	b = append(b, t.ring[t.first:min(end, len(t.ring))]...)
	if end > len(t.ring) {
		b = append(b, t.ring[:end-len(t.ring)]...)
	}
	return b
}
