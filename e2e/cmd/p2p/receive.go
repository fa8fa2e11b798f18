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

// reception is the state of the messages from the other side, and of our
// answers.
type reception struct {
	in        *counter
	reported  int64 // bytes of it that we have reported by got
	ended     bool  // all of it has arrived and was written out, and we have sent received
	confirmed bool  // the other side has received all of our data
	parted    bool  // we have sent bye
}

// receive writes the incoming data to stdout until both sides have sent bye. A
// side that has sent bye needs nothing more from the other, so the connection
// may end from then on.
func (p *pipe) receive(stdout io.Writer) error {
	r := reception{in: newCounter()}
	buf := make([]byte, messageBytes)
	for {
		n, text, err := p.raw.ReadDataChannel(buf)
		switch {
		case err != nil && r.parted:
			return nil
		case err != nil:
			return p.lostError()
		case !text:
			if err := p.store(&r, stdout, buf[:n]); err != nil {
				return err
			}
			continue
		}
		var c control
		if err := json.Unmarshal(buf[:n], &c); err != nil {
			return fmt.Errorf("the other side does not follow the protocol of p2p call: %w", err)
		}
		if c.Bye && r.parted {
			return nil
		}
		if err := p.hear(&r, c); err != nil {
			return err
		}
		if r.ended && r.confirmed && !r.parted {
			r.parted = true
			if p.sendControl(control{Bye: true}) != nil || c.Bye {
				return nil
			}
			defer time.AfterFunc(p.giveUp, p.hangUp).Stop()
		}
	}
}

func (p *pipe) store(r *reception, stdout io.Writer, b []byte) error {
	if r.ended {
		return errors.New("the other side sent data after its end")
	}
	if _, err := stdout.Write(b); err != nil {
		return fmt.Errorf("writing stdout: %w", err)
	}
	r.in.add(b)
	p.got.Store(r.in.bytes)
	if r.in.bytes-r.reported >= gotEvery {
		r.reported = r.in.bytes
		_ = p.sendControl(control{Got: r.reported}) // when this fails, so does the next read
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
			return fmt.Errorf("received %v, but the other side sent %v: start the call again", have, c.End)
		}
		r.ended = true
		_ = p.sendControl(control{Received: c.End}) // when this fails, so does the next read
	case c.Received != nil:
		if whole := p.whole.Load(); whole == nil || *whole != *c.Received {
			return fmt.Errorf("the other side confirms %v, which differs from the data sent: start the call again", c.Received)
		}
		r.confirmed = true
	}
	return nil
}

// reason returns the other side's text, safe for a terminal.
func reason(text string) string {
	quoted := proto.Quote(text)
	return strings.TrimSuffix(strings.TrimPrefix(quoted, `"`), `"`)
}
