package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"p2pconnector/proto"
)

// reception is what was heard of the other side, and said about it.
type reception struct {
	in        *counter
	told      int64 // of it, by got
	ended     bool  // all of it has come, was written out, and we have said so
	confirmed bool  // the other side has all of ours
	parted    bool  // we have said bye
}

// receive writes what comes to stdout until both sides have said bye. Who has
// said it needs nothing more from the other, so an end of the connection is fine
// from then on.
func (p *pipe) receive(stdout io.Writer) error {
	r := reception{in: newCounter()}
	buf := make([]byte, messageBytes)
	for {
		n, text, err := p.raw.ReadDataChannel(buf)
		switch {
		case err != nil && r.parted:
			return nil
		case err != nil:
			return p.gone()
		case !text:
			if err := p.store(&r, stdout, buf[:n]); err != nil {
				return err
			}
			continue
		}
		var c control
		if err := json.Unmarshal(buf[:n], &c); err != nil {
			return fmt.Errorf("the other side does not speak as p2p call does: %w", err)
		}
		if c.Bye && r.parted {
			return nil
		}
		if err := p.hear(&r, c); err != nil {
			return err
		}
		if r.ended && r.confirmed && !r.parted {
			r.parted = true
			if p.tell(control{Bye: true}) != nil || c.Bye {
				return nil
			}
			defer time.AfterFunc(p.giveUp, p.hangUp).Stop()
		}
	}
}

func (p *pipe) store(r *reception, stdout io.Writer, b []byte) error {
	if r.ended {
		return errors.New("the other side sent more after its end")
	}
	if _, err := stdout.Write(b); err != nil {
		return fmt.Errorf("writing stdout: %w", err)
	}
	r.in.add(b)
	p.got.Store(r.in.bytes)
	if r.in.bytes-r.told >= gotEvery {
		r.told = r.in.bytes
		_ = p.tell(control{Got: r.told}) // when it breaks, so does the next read
	}
	return nil
}

// hear handles one control message.
func (p *pipe) hear(r *reception, c control) error {
	switch {
	case c.Abort != "":
		return partedf("the other side gave up: %s", reason(c.Abort))
	case c.Size > 0:
		p.toGet.Store(c.Size)
	case c.Got > 0:
		p.arrived.Store(c.Got)
		select {
		case p.room <- struct{}{}:
		default:
		}
	case c.End != nil && !r.ended:
		if have := r.in.total(); have != *c.End {
			return fmt.Errorf("what arrived is %v, what was sent is %v: start the call again", have, c.End)
		}
		r.ended = true
		_ = p.tell(control{Received: c.End}) // when it breaks, so does the next read
	case c.Received != nil:
		if whole := p.whole.Load(); whole == nil || *whole != *c.Received {
			return fmt.Errorf("the other side confirms %v, which is not what was sent: start the call again", c.Received)
		}
		r.confirmed = true
	}
	return nil
}

// reason is the other side's text, safe for a terminal.
func reason(text string) string {
	quoted := proto.Quote(text)
	return strings.TrimSuffix(strings.TrimPrefix(quoted, `"`), `"`)
}
