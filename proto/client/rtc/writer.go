package rtc

import (
	"context"

	"github.com/pion/webrtc/v4"
)

const (
	// chunkBytes is what one message of the data channel carries; every WebRTC
	// implementation takes that much.
	chunkBytes = 16 << 10
	// Above highWater unsent bytes a writer waits until lowWater are left.
	highWater, lowWater = 64 * chunkBytes, 16 * chunkBytes
)

// Writer sends what is written to it as binary messages of a data channel. It
// waits while a mebibyte is unsent, so that memory stays bounded however slowly
// the other side reads. It may be used by one goroutine at a time.
type Writer struct {
	ctx context.Context
	dc  *webrtc.DataChannel
	low chan struct{} // the channel's buffer has run low
}

// NewWriter makes the only Writer that dc may have, before or after dc opens. A
// Write that waits ends with ctx; the caller must end ctx when the channel
// breaks.
func NewWriter(ctx context.Context, dc *webrtc.DataChannel) *Writer {
	w := &Writer{ctx: ctx, dc: dc, low: make(chan struct{}, 1)}
	dc.SetBufferedAmountLowThreshold(lowWater)
	dc.OnBufferedAmountLow(func() {
		select {
		case w.low <- struct{}{}:
		default:
		}
	})
	return w
}

// Write implements io.Writer. It returns when all of b is on its way.
func (w *Writer) Write(b []byte) (n int, err error) {
	for len(b) > 0 {
		// The amount is below highWater now, or the event is still to come: it
		// fires whenever the amount falls to lowWater.
		for w.dc.BufferedAmount() > highWater {
			select {
			case <-w.low:
			case <-w.ctx.Done():
				return n, context.Cause(w.ctx)
			}
		}
		size := min(chunkBytes, len(b))
		if err := w.dc.Send(b[:size]); err != nil {
			return n, err
		}
		n, b = n+size, b[size:]
	}
	return n, nil
}
