package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"p2pconnector/proto/client/rtc"
)

const (
	readBytes    = 64 << 10        // of stdin at once
	abortTimeout = 2 * time.Second // how long sending an abort may take
)

// pipe copies stdin to the other side of a call and the other side's data to stdout.
// Each direction ends by itself; the call ends with both.
type pipe struct {
	*link
	giveUp time.Duration
	toSend int64 // bytes, when that is known; 0 = not

	sent    atomic.Int64  // bytes read from stdin and sent
	arrived atomic.Int64  // of those, the bytes that the other side reports as written out
	room    chan struct{} // arrived has grown
	got     atomic.Int64  // bytes written to stdout
	toGet   atomic.Int64  // bytes that the other side has announced; 0 = none

	whole atomic.Pointer[total] // total of the sent data; nil until the end of stdin
}

func newPipe(l *link, giveUp time.Duration) *pipe {
	return &pipe{link: l, giveUp: giveUp, room: make(chan struct{}, 1)}
}

// run returns nil when both sides have received all data. A nil stdin counts as empty.
// When run returns an error, a read of stdin or a write to stdout may still be pending,
// and nothing waits for it.
func (p *pipe) run(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	writes, stop := context.WithCancel(ctx)
	defer stop()
	received, unread, sent := make(chan error, 1), make(chan error, 1), make(chan struct{})
	go func() { received <- p.receive(stdout) }()
	go func() {
		defer close(sent)
		if err := p.send(writes, stdin); err != nil {
			unread <- err
		}
	}()
	lost, late := p.lost, (<-chan time.Time)(nil)
	for {
		select {
		case err := <-received:
			if err == nil {
				<-sent // the other side has confirmed our end
				return nil
			}
			return p.abort(err)
		case err := <-unread:
			return p.abort(err)
		case <-ctx.Done():
			return p.abort(errInterrupted)
		case <-lost:
			// Data that has arrived is still written out; then receive reports the
			// result.
			p.hangUp()
			stop()
			lost, late = nil, time.After(p.giveUp)
		case <-late:
			return p.lostError()
		}
	}
}

// send sends stdin and its end. It returns only errors of stdin; when the channel
// breaks, receive knows the reason better.
func (p *pipe) send(ctx context.Context, stdin io.Reader) error {
	out := newCounter()
	to := rtc.NewWriter(ctx, p.dc)
	broken := func(err error) bool {
		if err != nil && ctx.Err() == nil {
			p.hangUp()
		}
		return err != nil
	}
	if p.toSend > 0 && broken(p.sendControl(control{Size: p.toSend})) {
		return nil
	}
	buf := make([]byte, readBytes)
	for stdin != nil {
		n, err := stdin.Read(buf)
		if !p.mayTake(ctx, int64(n)) {
			return nil
		}
		if _, err := to.Write(buf[:n]); broken(err) {
			return nil
		}
		out.add(buf[:n])
		p.sent.Store(out.bytes)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("reading stdin: %w", err)
		}
	}
	all := out.total()
	p.whole.Store(&all)
	broken(p.sendControl(control{End: &all}))
	return nil
}

// mayTake waits until the other side accepts n more bytes. It returns false when ctx has
// ended.
func (p *pipe) mayTake(ctx context.Context, n int64) bool {
	for p.sent.Load()+n-p.arrived.Load() > windowBytes {
		select {
		case <-p.room:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

func (p *pipe) sendControl(c control) error {
	text, err := c.text()
	if err != nil {
		return err
	}
	return p.dc.SendText(text)
}

// abort sends the reason to the other side, waits a short time until that has hung up,
// and returns err.
func (p *pipe) abort(err error) error {
	if _, known := errors.AsType[*partedError](err); known {
		return err
	}
	if p.sendControl(control{Abort: oneLine(err)}) != nil {
		return err
	}
	hungUp := make(chan struct{})
	go func() { // ends with the connection, which the caller ends
		defer close(hungUp)
		buf := make([]byte, messageBytes)
		for e := error(nil); e == nil; {
			_, _, e = p.raw.ReadDataChannel(buf)
		}
	}()
	after := time.NewTimer(abortTimeout)
	defer after.Stop()
	select {
	case <-hungUp:
	case <-after.C:
	}
	return err
}

// hangUp closes the connection. Data that has arrived can still be read.
func (p *pipe) hangUp() { _ = p.pc.Close() } // closed before, maybe

// lostError returns the error of a call whose other side has disappeared.
func (p *pipe) lostError() error {
	return partedf("the connection to the other side was lost after %s sent and %s received: the copy is not complete, start it again on both sides",
		amount(p.sent.Load()), amount(p.got.Load()))
}
