package socket

import (
	"strings"

	"p2pconnector/proto"
)

// DefaultQueueBytes is the bound on a connection's outbound queue unless Config says otherwise.
const DefaultQueueBytes = 256 << 10

// minWeight is the least that a frame weighs in a queue, in bytes, so that the bounds also hold
// for many small frames.
const minWeight = 256

// queueBounds are the bounds of an outbound queue, all of them parts of its bytes. The last two
// are for the frames of other peers, while the client does not keep up.
type queueBounds struct {
	bytes  int // including the bytes being written
	frames int
	share  int // of one peer, and the backlog from which on peers have shares
	peers  int // of all peers
}

func newQueueBounds(bytes int) queueBounds {
	return queueBounds{bytes: bytes, frames: bytes / minWeight, share: bytes / 4, peers: bytes * 3 / 4}
}

// shares counts the bytes that wait, by the peer that sent them.
type shares map[proto.PeerID]int

// SendFrom queues a text frame that another peer has sent to this client alone. Unlike Send it
// never closes the connection of a client that reads too slowly, because the client has not
// asked for such frames, and anybody who knows its id may send them. It returns ShareFull when
// the queue is three quarters full or memory is short, or when more than a quarter waits and the frames of from
// use up a quarter. The last quarter is for the server, and for the rooms of the client.
// SendFrom keeps no reference to from or text.
func (c *Conn) SendFrom(from proto.PeerID, text []byte) Result {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing || c.dead {
		return Closed
	}
	weight := max(len(text)+maxHeader, minWeight)
	free, ok := c.admitsLocked(from, weight)
	if !ok || !c.roomLocked(len(text)+maxHeader) {
		return ShareFull
	}
	if !free {
		c.countLocked(from, weight)
	}
	return c.sendLocked(text)
}

// admitsLocked reports whether a frame of weight n may wait. It is free, and not counted, as
// long as the client keeps up or little waits.
func (c *Conn) admitsLocked(from proto.PeerID, n int) (free, ok bool) {
	backlog := max(len(c.buf)+c.inflight-c.large, c.frames*minWeight)
	switch {
	case backlog+n > c.server.bounds.peers:
		return false, false
	case backlog <= c.server.bounds.share, c.keepsUpLocked():
		return true, true
	}
	used := c.shares[from] + c.current.shares[from]
	return false, used == 0 || used+n <= c.server.bounds.share // otherwise no frame above the share would ever pass
}

// countLocked counts a frame of weight n that is about to be queued. The counts of a batch go
// with it, so they are as bounded as the queue.
func (c *Conn) countLocked(from proto.PeerID, n int) {
	if c.shares == nil {
		c.shares = make(shares)
	}
	waits, counted := c.shares[from]
	if !counted {
		from = proto.PeerID(strings.Clone(string(from)))
	}
	c.shares[from] = waits + n
}
