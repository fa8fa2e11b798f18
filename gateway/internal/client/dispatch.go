package client

import (
	"time"

	"p2pconnector/gateway/internal/auth"
	"p2pconnector/gateway/internal/metrics"
	"p2pconnector/proto"
)

// Message implements socket.Handler: it handles one text frame. It returns when the frame
// has been handled, or waits in the room queue. Frames that do not wait there are handled
// in the order in which the client sent them.
func (c *Conn) Message(b []byte) {
	if c.translator != nil {
		c.foreign(b)
		return
	}
	c.began = metrics.Sample()
	sc := scratches.Get().(*scratch)
	defer giveScratch(sc)
	f := &sc.frame
	e := f.Decode(b)
	c.tab.cfg.Metrics.Frames.In.Inc(f.Event)
	if wait, persistent := c.frameRate.Take(c.tab.cfg.Clock.Load(), c.tab.cfg.FrameLimit); wait > 0 {
		c.tooFast(f, wait, persistent)
		return
	}
	if short := c.Budget.Receive(len(b)); short.Limit != "" {
		e = short.Err()
	}
	if e == nil {
		e = c.dispatch(sc, b)
	}
	c.first = false
	if e != nil {
		c.refuse(f, e)
	}
}

// tooFast refuses a frame above the rate limit, and closes the connection of a client that
// ignores the refusals.
func (c *Conn) tooFast(f *proto.Frame, wait time.Duration, persistent bool) {
	e := proto.Errorf(proto.RateLimited, "Too many frames: this server takes %d a second from a client. Wait retry_after_ms before the next.", c.tab.cfg.FrameLimit.PerSecond)
	e.RetryAfterMS = max(wait.Milliseconds(), 1)
	c.refuse(f, e)
	if persistent {
		c.closeFlooding()
	}
}

// dispatch carries out the decoded frame in sc; b is its text.
func (c *Conn) dispatch(sc *scratch, b []byte) *proto.Error {
	f := &sc.frame
	switch f.Event {
	case proto.Offer, proto.Answer, proto.Candidate, proto.Message, proto.Connect:
		if !c.Access.Load().May(auth.CanMessage, "") {
			return denied(auth.CanMessage)
		}
		if f.Event == proto.Connect {
			return c.connect(sc)
		}
		if c.waitsForRoom(f) {
			return c.queueRoom(b, string(f.Room))
		}
		return c.relay(sc)
	case proto.Ping:
		c.Session.Deliver(c.tab.cfg.Frames.Server(proto.TypeInfo, string(proto.Pong), nil, f.ID))
		return nil
	case proto.Resume:
		e := c.resume(f)
		if e == nil {
			c.accessChanged() // the session may have joined its rooms with another access token
		}
		return e
	case proto.Authenticate:
		return c.authenticate(f)
	case proto.IceServers:
		c.Session.Deliver(c.Session.ICEServers(f.ID))
		return nil
	default:
		return c.queueRoom(b, roomIn(f.Data))
	}
}

// refuse sends the error frame that f caused. It follows a session that has moved while f
// waited in the room queue.
func (c *Conn) refuse(f *proto.Frame, e *proto.Error) {
	frame := c.refusal(f, e)
	if f.Event == proto.Resume {
		c.enqueue(frame) // the session may have another connection by now, which sent no Resume
		return
	}
	c.Session.Send(frame)
	if e.Code == proto.RateLimited && c.Budget.Persistent() {
		c.closeFlooding()
	}
}

// closeFlooding closes the connection of a client that ignores refusals. The client may
// connect again as soon as it has the close frame.
func (c *Conn) closeFlooding() {
	c.tab.cfg.Budgets.Ended(c.Addr, c.Budget)
	c.Socket.Close(proto.ClosePolicy, "flooding after Rate_Limited", true)
}

// refusal encodes the error frame that f caused, and counts it.
func (c *Conn) refusal(f *proto.Frame, e *proto.Error) []byte {
	c.tab.cfg.Metrics.Frames.Errors.Inc(e.Code)
	c.tab.cfg.Metrics.Relays.Refused(f.Event, e.Code)
	d := proto.ErrorData{Event: string(f.Event), Field: e.Field, RetryAfterMS: e.RetryAfterMS}
	if f.Event == "" && f.Name != nil {
		d.Event = clip(string(f.Name))
	}
	if f.To != nil {
		d.To = clip(string(f.To))
	}
	if f.Room != nil {
		d.Room = clip(string(f.Room))
	} else if f.Data != nil {
		d.Room = clip(roomIn(f.Data))
	}
	if e.Code == proto.UnsupportedEvent {
		d.Events = proto.ClientEventNames()
	}
	return c.tab.cfg.Frames.Error(e, d, f.ID)
}

// roomIn returns data.room when it is a string.
func roomIn(data []byte) (room string) {
	proto.Unpack(data, map[string]any{"room": &room})
	return room
}

// clip cuts client text to the length that an error may echo.
func clip(s string) string { return s[:min(len(s), proto.MaxRoomIDBytes)] }
