package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/coder/websocket"

	"p2pconnector/proto"
)

// resumeID is the correlation id of a Resume, by which we recognize its error.
const resumeID = "resume"

// gaveUp ends a client that was disconnected for too long.
type gaveUp struct{ err error }

func (g *gaveUp) Error() string { return fmt.Sprintf("disconnected for too long; last try: %v", g.err) }
func (g *gaveUp) Unwrap() error { return g.err }

func isGaveUp(err error) bool {
	_, ok := errors.AsType[*gaveUp](err)
	return ok
}

// comeBack reconnects and resumes, for as long as it may take.
func (c *Client) comeBack() (*websocket.Conn, error) {
	until := time.Now().Add(c.opts.GiveUp)
	for {
		if !c.wait() {
			return nil, ErrClosed
		}
		c.url++
		conn, err := c.resume()
		if err == nil {
			return conn, nil
		}
		c.log.Debug("no connection yet", "peer", c.ID(), "err", err)
		if final(err) || c.ctx.Err() != nil {
			return nil, err
		}
		if time.Now().After(until) {
			return nil, &gaveUp{err}
		}
	}
}

// wait waits until the next try is due: until the time that a draining server
// announced, or for a random part of the backoff. It returns false after Close.
func (c *Client) wait() bool {
	var d time.Duration
	if c.comeback.IsZero() {
		d = c.backoff.next()
	} else {
		d = time.Until(c.comeback)
		c.comeback = time.Time{}
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.ctx.Done():
		return false
	}
}

// resume opens a connection and asks for the session. When the server refuses,
// we are a new peer. A server that is unavailable is of no use.
func (c *Client) resume() (_ *websocket.Conn, err error) {
	session, received := c.Details().Session, c.received
	defer func() {
		if err != nil {
			// A Resume without an answer may have moved the session, but what the server sent
			// with it is lost: the count of the connection that broke holds for the next one.
			c.received = received
		}
	}()
	conn, fresh, err := c.handshake(c.ctx)
	if err != nil {
		return nil, err
	}
	outcome := fresh
	if session != "" {
		if outcome, err = c.resumeOn(conn, fresh, session, received); err != nil {
			conn.CloseNow()
			return nil, err
		}
	}
	if err := c.become(conn, &outcome); err != nil {
		conn.CloseNow()
		return nil, err
	}
	if !c.deliver(outcome) {
		conn.CloseNow()
		return nil, ErrClosed
	}
	return conn, nil
}

// resumeOn sends Resume and returns the Client_Details with our id from now on.
func (c *Client) resumeOn(conn *websocket.Conn, fresh Frame, session string, received uint64) (Frame, error) {
	ctx, cancel := context.WithTimeout(c.ctx, proto.RequestDeadline+handshakeTimeout)
	defer cancel()
	data := proto.ResumeData{Session: session, Received: &received}
	if err := writeJSON(ctx, conn, Out{Event: proto.Resume, Data: data, ID: resumeID}); err != nil {
		return Frame{}, err
	}
	for {
		f, err := c.read(ctx, conn)
		if err != nil {
			return Frame{}, err
		}
		if f.Is(proto.ClientDetails) {
			return f, nil
		}
		e := f.Err()
		if e == nil || string(f.ID) != `"`+resumeID+`"` {
			continue // about the fresh id, which no other peer knows
		}
		switch e.Code {
		case proto.Unavailable, proto.RateLimited:
			return Frame{}, e
		}
		c.log.Warn("the session is lost", "peer", c.ID(), "err", e)
		return fresh, nil
	}
}

// backoff draws waits with full jitter.
type backoff struct {
	base, max time.Duration
	tries     int
}

func (b *backoff) next() time.Duration {
	top := b.max
	if b.tries < 30 && b.base<<b.tries < b.max {
		top = b.base << b.tries
	}
	b.tries++
	return rand.N(top + 1)
}

func (b *backoff) reset() { b.tries = 0 }
