package gateway

import "p2pconnector/proto"

// maxTailBytes bounds what a connection keeps of what it has written.
const maxTailBytes = 64 << 10

// sentBatch is what one system call wrote: whole frames, with their headers.
type sentBatch struct {
	buf    []byte
	frames int // text frames in buf
	big    int // bytes of buf that are one frame above the queue's bound
}

// tail keeps the last batches that were written, until the client confirms them:
// what a broken connection swallowed is sent again on the next one. Guarded by
// the connection's lock.
type tail struct {
	batches []sentBatch
	bytes   int // capacity of the batches
	frames  int
}

// add keeps a batch, and lets go of the oldest when there are too many.
func (t *tail) add(b sentBatch) {
	if b.frames == 0 {
		giveBuffer(b.buf)
		return
	}
	t.batches = append(t.batches, b)
	t.bytes += cap(b.buf)
	t.frames += b.frames
	for len(t.batches) > 0 && (t.bytes > maxTailBytes || t.frames > proto.ReplayFrames) {
		t.drop()
	}
}

func (t *tail) drop() {
	b := t.batches[0]
	t.batches[0] = sentBatch{}
	t.batches = t.batches[1:]
	t.bytes -= cap(b.buf)
	t.frames -= b.frames
	giveBuffer(b.buf)
	if len(t.batches) == 0 {
		t.batches = nil
	}
}

// confirm lets go of what the client has: all but the last unconfirmed frames.
func (t *tail) confirm(unconfirmed uint64) {
	for len(t.batches) > 0 && uint64(t.frames-t.batches[0].frames) >= unconfirmed {
		t.drop()
	}
}

// raw returns the frames that are kept and those of current, oldest first.
func (t *tail) raw(current sentBatch) []byte {
	var b []byte
	for _, x := range t.batches {
		b = append(b, x.buf...)
	}
	return append(b, current.buf...)
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
