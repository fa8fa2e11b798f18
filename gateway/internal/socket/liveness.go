package socket

import (
	"encoding/binary"
	"time"

	"p2pconnector/gateway/internal/clock"
	"p2pconnector/proto"
)

// Heartbeat is the time between the server's pings.
const Heartbeat = 15 * time.Second

// The other times of a connection.
const (
	idleTimeout  = 40 * time.Second // nothing read, not even a pong
	writeTimeout = 10 * time.Second // one write without progress
	closeTimeout = 2 * time.Second  // for the last bytes and the client's echo
	confirmAfter = 2 * time.Second  // quiet time after which a ping asks to confirm the frames sent
)

// Sweep sends due pings and checks the connection's timeouts; its owner calls it once a
// second. A code other than 0 is the owner's reason to close the connection.
func (c *Conn) Sweep(now time.Time, code proto.CloseCode) {
	at := clock.At(now)
	if !c.busy.Load() { // otherwise the client waits for the server
		if at.Sub(c.validator.lastRead.Load()) > idleTimeout {
			c.server.cfg.IdleClient()
			c.Abort()
			return
		}
		if began := c.validator.beganAt.Load(); began != 0 && at.Sub(began) > maxMessageTime {
			c.Close(proto.ClosePolicy, "a message took longer than 10 seconds", true)
		}
	}
	if code != 0 {
		c.Close(code, code.Reason(), true)
	}
	c.mu.Lock()
	stuck := c.writing && at.Sub(c.wroteAt) > writeTimeout
	late := !c.closeBy.IsZero() && now.After(c.closeBy)
	confirm := !c.writing && c.sent+uint64(c.frames) > c.pinged && at.Sub(c.wroteAt) > confirmAfter
	if !stuck && !late && (confirm || at > c.nextPing.Load()) {
		c.pingLocked(at)
	}
	c.mu.Unlock()
	if stuck || late {
		c.Abort()
	}
}

// Ping queues a ping, and returns when, by the server's clock.
func (c *Conn) Ping() clock.Instant {
	at := c.server.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pingLocked(at)
	return at
}

// LastRead returns when something, be it a pong, was last read from the client, by the
// server's clock.
func (c *Conn) LastRead() clock.Instant { return c.validator.lastRead.Load() }

// pingLocked queues a ping whose payload is the number of text frames sent before it, so
// that the pong confirms them.
func (c *Conn) pingLocked(at clock.Instant) {
	c.nextPing.Store(at.Add(Heartbeat))
	c.pinged = c.sent + uint64(c.frames)
	if c.closing || c.dead {
		return
	}
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], c.pinged)
	c.appendLocked(opPing, b[:])
}

// ponged records the frames that the client has confirmed.
func (c *Conn) ponged(payload []byte) {
	if len(payload) != 8 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := binary.BigEndian.Uint64(payload); n <= c.sent && n > c.confirmed {
		c.confirmed = n
		c.written.confirm(c.sent - n)
	}
}
