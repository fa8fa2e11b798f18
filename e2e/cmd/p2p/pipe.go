package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"p2pconnector/e2e/datachannel"
)

const (
	readBytes = 64 << 10        // of stdin at once
	farewell  = 2 * time.Second // how long an abort may take to get across
)

// pipe carries stdin to the other side of a call and what comes from there to
// stdout. Each direction ends by itself; the call ends with both.
type pipe struct {
	*link
	giveUp time.Duration
	toSend int64 // bytes, when that is known; 0 = not

	sent    atomic.Int64  // bytes read from stdin and put on their way
	arrived atomic.Int64  // of those, written out by the other side as far as it has said
	room    chan struct{} // arrived has grown
	got     atomic.Int64  // bytes written to stdout
	toGet   atomic.Int64  // bytes that the other side has announced; 0 = none

	whole atomic.Pointer[total] // all that was sent; nil until the end of stdin
}

func newPipe(l *link, giveUp time.Duration) *pipe {
	return &pipe{link: l, giveUp: giveUp, room: make(chan struct{}, 1)}
}

// run returns nil when both sides have all that the other sent. A nil stdin is
// an empty one. When it returns an error, a read of stdin or a write to stdout
// may still be under way, and is waited for by nobody.
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
				<-sent // the other side has confirmed the end of it
				return nil
			}
			return p.abort(err)
		case err := <-unread:
			return p.abort(err)
		case <-ctx.Done():
			return p.abort(errInterrupted)
		case <-lost:
			// What has come already is still written out; then receive says how it went.
			p.hangUp()
			stop()
			lost, late = nil, time.After(p.giveUp)
		case <-late:
			return p.gone()
		}
	}
}

// send sends stdin and its end. Only what is wrong with stdin is its error; when
// the channel breaks, receive knows better why.
func (p *pipe) send(ctx context.Context, stdin io.Reader) error {
	out := newCounter()
	to := datachannel.NewWriter(ctx, p.dc)
	broken := func(err error) bool {
		if err != nil && ctx.Err() == nil {
			p.hangUp()
		}
		return err != nil
	}
	if p.toSend > 0 && broken(p.tell(control{Size: p.toSend})) {
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
	broken(p.tell(control{End: &all}))
	return nil
}

// mayTake waits until the other side may be sent n bytes more. It is false when
// ctx has ended.
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

func (p *pipe) tell(c control) error {
	text, err := c.text()
	if err != nil {
		return err
	}
	return p.dc.SendText(text)
}

// abort lets the other side know why the call ends, waits until it has hung up,
// but not for long, and returns err.
func (p *pipe) abort(err error) error {
	if _, known := errors.AsType[*partedError](err); known {
		return err
	}
	if p.tell(control{Abort: oneLine(err)}) != nil {
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
	after := time.NewTimer(farewell)
	defer after.Stop()
	select {
	case <-hungUp:
	case <-after.C:
	}
	return err
}

// hangUp closes the connection. What has come is still there to be read.
func (p *pipe) hangUp() { _ = p.pc.Close() } // closed before, maybe

// gone is the error of a call whose other side has vanished.
func (p *pipe) gone() error {
	return partedf("the connection to the other side was lost after %s sent and %s received: the copy is not complete, start it again on both sides",
		amount(p.sent.Load()), amount(p.got.Load()))
}
