package client

import (
	"runtime/debug"
	"slices"
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/membudget"
	"p2pconnector/gateway/internal/room"
	"p2pconnector/gateway/internal/socket"
	"p2pconnector/proto"
)

// Bounds of one connection's room queue, the frame that is being handled included.
const (
	maxRoomMessages = 4           // of max-message-bytes each: the bound in bytes
	roomFullRetry   = time.Second // after a refusal

	// roomTurnWait is how long a request may wait for its turn at the room service. It is
	// longer than JetStream takes to replace a leader, and leaves time for the answer.
	roomTurnWait = proto.RequestDeadline - 2*time.Second
)

// roomQueue holds the frames that wait for a connection's room requests: the requests
// themselves, which are handled in the order in which they were sent, and the messages to
// their rooms. Every other frame passes them. The queue exists, and has a worker, only
// while there is something to handle. conn.roomsMu guards it.
type roomQueue struct {
	current *roomFrame // being handled; nil between two
	waiting []*roomFrame
	frames  int           // all of them
	bytes   int           // in all of them
	recheck bool          // the access token may not cover all rooms of the peer: checked before the frames that wait
	over    chan struct{} // closed when the worker has ended
	budget  *membudget.Budget
}

// roomFrame is a frame of the queue.
type roomFrame struct {
	text     []byte // a copy: the reader reuses its buffer
	room     string // that the frame is about; "" when it names none
	deadline time.Time
	done     chan struct{} // of a request: closed just before its answer is sent
	recheck  bool          // not a frame: leave the rooms that the access token does not cover
}

// answered reports whether the client may know that f has been handled.
func (f *roomFrame) answered() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

// holdsLocked reports whether a message to room must wait: the client may have sent
// Join_Room and the message at once. A message that it sends after the answer does not
// wait, so that a Pong after the message shows that it was handled.
func (q *roomQueue) holdsLocked(room []byte) bool {
	about := func(f *roomFrame) bool { return f.room == string(room) }
	return q.current != nil && about(q.current) && !q.current.answered() || slices.ContainsFunc(q.waiting, about)
}

// waitsForRoom reports whether f is a message to a room for which a request of this
// connection is not done yet.
func (c *Conn) waitsForRoom(f *proto.Frame) bool {
	if f.Event != proto.Message || f.Room == nil || f.To != nil {
		return false
	}
	c.roomsMu.Lock()
	defer c.roomsMu.Unlock()
	return c.rooms != nil && c.rooms.holdsLocked(f.Room)
}

// queueRoom queues a frame about room for the worker, or refuses it. The reader calls it.
// From now on the session stays the same: Resume works only before the first such frame.
func (c *Conn) queueRoom(text []byte, room string) *proto.Error {
	f := &roomFrame{text: slices.Clone(text), room: room, deadline: time.Now().Add(proto.RequestDeadline), done: make(chan struct{})}
	c.roomsMu.Lock()
	defer c.roomsMu.Unlock()
	if c.Socket.Muted() {
		return nil // ignored like every frame from now on: the session may have left
	}
	q := c.rooms
	most := c.tab.cfg.RoomQueueFrames + c.tab.cfg.MaxRooms // after a loss clients ask about all their rooms
	if q == nil {
		q = c.newQueueLocked()
	} else if q.frames >= most || q.bytes+len(text) > maxRoomMessages*c.tab.cfg.MaxMessageBytes {
		c.tab.cfg.Metrics.Rooms.QueueFull.Inc()
		e := proto.Errorf(proto.RateLimited, "Too much waits for your earlier room requests: at most %d frames may. Wait for their answers, then send this again.", most)
		e.RetryAfterMS = roomFullRetry.Milliseconds()
		return e
	}
	if !c.tab.cfg.Buffers.Reserve(membudget.Requests, q.bytes, len(text)) {
		c.tab.cfg.Metrics.Rooms.QueueFull.Inc()
		e := proto.Errorf(proto.RateLimited, "The server has too little memory for frames that wait for room requests. Send this again in a moment.")
		e.RetryAfterMS = roomFullRetry.Milliseconds()
		return e
	}
	q.waiting = append(q.waiting, f)
	q.frames++
	q.bytes += len(text)
	return nil
}

// newQueueLocked makes the connection's queue and starts its worker. There must be none.
func (c *Conn) newQueueLocked() *roomQueue {
	c.rooms = &roomQueue{over: make(chan struct{}), budget: c.tab.cfg.Buffers}
	c.tab.wg.Add(1)
	go c.workRooms(c.rooms)
	return c.rooms
}

// workRooms handles the frames of the queue until it is empty.
func (c *Conn) workRooms(q *roomQueue) {
	defer c.tab.wg.Done()
	defer close(q.over)
	sc := scratches.Get().(*scratch)
	defer giveScratch(sc)
	for f := c.nextRoom(q); f != nil; f = c.nextRoom(q) {
		c.workRoom(q, f, sc)
	}
}

// nextRoom takes the next frame from the queue. It returns nil when there is none, and
// removes the queue.
func (c *Conn) nextRoom(q *roomQueue) *roomFrame {
	c.roomsMu.Lock()
	defer c.roomsMu.Unlock()
	q.doneLocked()
	if q.recheck {
		q.recheck = false
		q.current = &roomFrame{recheck: true}
		q.frames++
		return q.current
	}
	if len(q.waiting) == 0 {
		c.rooms = nil
		return nil
	}
	f := q.waiting[0]
	q.waiting[0] = nil
	q.waiting = q.waiting[1:]
	q.current = f
	return f
}

// doneLocked removes the current frame, if there is one, from the counts of the queue.
func (q *roomQueue) doneLocked() {
	if q.current != nil {
		q.removedLocked(q.current)
		q.current = nil
	}
}

// removedLocked removes f from the counts of the queue.
func (q *roomQueue) removedLocked(f *roomFrame) {
	q.frames--
	q.bytes -= len(f.text)
	q.budget.Release(membudget.Requests, len(f.text))
}

// workRoom handles one frame. It removes the frame from the queue before it sends a
// refusal to the client.
func (c *Conn) workRoom(q *roomQueue, f *roomFrame, sc *scratch) {
	defer func() {
		if p := recover(); p != nil {
			c.Panicked(p, debug.Stack())
		}
	}()
	if f.recheck {
		c.LeaveUncovered()
		return
	}
	e := sc.frame.Decode(f.text)
	if e == nil {
		e = c.carryOut(f, sc)
	}
	c.roomsMu.Lock()
	q.doneLocked()
	c.roomsMu.Unlock()
	if e != nil {
		c.refuse(&sc.frame, e)
	}
}

// carryOut carries out a frame of the queue. The newest access token counts, because
// Authenticate does not wait in the queue.
func (c *Conn) carryOut(f *roomFrame, sc *scratch) *proto.Error {
	message := sc.frame.Event == proto.Message
	switch {
	case !c.Session.Live(), c.tab.ended(), !message && time.Now().After(f.deadline):
		return notBegun()
	case !message:
		return c.roomEvent(&sc.frame, f)
	case !c.Access.Load().May(auth.CanMessage, ""):
		return denied(auth.CanMessage)
	}
	sc.out = sc.frame.AppendRelay(sc.out[:0], c.Session.ID())
	return c.messageRoom(proto.RoomID(sc.frame.Room), sc.out, 0)
}

// roomTurn waits for the turn of a request of c at the room service. The caller calls leave
// when it has been answered. A request whose session has left the connection meanwhile is not
// sent, because the client may have sent later ones by another connection.
func (c *Conn) roomTurn(w *roomFrame) (leave func(), e *proto.Error) {
	before := c.tab.cfg.Requests.Replies()
	leave, ok := c.tab.cfg.Turns.Await(c.Session.TurnKey(), time.Until(w.deadline)-proto.RequestDeadline+roomTurnWait, c.tab.cfg.Ended)
	switch {
	case !c.Session.Has(&c.Conn), c.tab.ended():
		if ok {
			leave()
		}
		return nil, notBegun()
	case ok:
		return leave, nil
	case c.tab.cfg.Requests.Replies() == before:
		return nil, room.Unavailable() // to anybody, so others are not what it waited for
	}
	c.tab.cfg.Metrics.Rooms.RequestsRefused.Inc()
	e = proto.Errorf(proto.RateLimited, "Too many room requests of your address or user, or of all clients, wait for the room service. Wait retry_after_ms, then send this again.")
	e.RetryAfterMS = roomFullRetry.Milliseconds()
	return nil, e
}

// notBegun returns the error for a frame that was queued and is not handled.
func notBegun() *proto.Error {
	return proto.Errorf(proto.Unavailable, "The server did not begin with this: your earlier room requests took too long, your session left the connection, or the server ends. Send it again.")
}

// RefuseRooms refuses the frames that wait when the session leaves the connection, because
// the session's next gateway has not seen them. It returns the error frames, which
// go with the session. The connection is muted, so that no more frames are queued.
func (c *Conn) RefuseRooms() (refusals []byte) {
	c.roomsMu.Lock()
	defer c.roomsMu.Unlock()
	q := c.rooms
	if q == nil {
		return nil
	}
	var f proto.Frame
	for _, w := range q.waiting {
		if e := f.Decode(w.text); e == nil {
			refusals = socket.AppendText(refusals, c.refusal(&f, notBegun()))
		}
		q.removedLocked(w)
	}
	q.waiting, q.recheck = nil, false
	return refusals
}

// awaitRooms waits until the queue is empty. The reader calls it when reading has ended.
func (c *Conn) awaitRooms() {
	c.roomsMu.Lock()
	q := c.rooms
	c.roomsMu.Unlock()
	if q != nil {
		<-q.over
	}
}
