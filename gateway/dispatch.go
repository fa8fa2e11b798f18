package gateway

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"p2pconnector/proto"
)

// receive handles one text frame. It runs on the connection's reader and returns
// when the frame has been dealt with, so frames of one connection are handled in
// the order in which they were sent.
func (c *conn) receive(b []byte) {
	c.mu.Lock()
	mute := c.mute
	c.mu.Unlock()
	if mute {
		return
	}
	c.busy.Store(true)
	defer c.listen()
	c.began = sample()
	sc := scratches.Get().(*scratch)
	defer giveScratch(sc)
	f := &sc.frame
	e := f.Decode(b)
	c.g.stats.frameIn(f.Event)
	if wait, over := c.meter.take(c.g.coarse.Load(), c.g.cfg.MessagesPerSecond, c.g.cfg.MessageBurst); wait > 0 {
		c.tooFast(f, wait, over)
		return
	}
	if e == nil {
		e = c.dispatch(sc)
	}
	c.first = false
	if e != nil {
		c.refuse(f, e)
	}
}

// listen ends the handling of a frame. A room request may take seconds, and what
// the client sent meanwhile was not read: its time begins now.
func (c *conn) listen() {
	c.guard.restart()
	c.busy.Store(false)
}

// dispatch does what the frame asks for.
func (c *conn) dispatch(sc *scratch) *proto.Error {
	f := &sc.frame
	switch f.Event {
	case proto.Offer, proto.Answer, proto.Candidate, proto.Message, proto.Connect:
		if !c.access.Load().may(canMessage, "") {
			return denied(canMessage)
		}
		if f.Event == proto.Connect {
			return c.connect(sc)
		}
		return c.relay(sc)
	case proto.Ping:
		c.session.deliver(c.g.serverFrame(proto.TypeInfo, string(proto.Pong), nil, f.ID))
		return nil
	case proto.Resume:
		return c.resume(f)
	case proto.Authenticate:
		return c.authenticate(f)
	case proto.IceServers:
		list := c.g.ice.list(c.session.id, time.Now())
		if list == nil {
			list = json.RawMessage("[]")
		}
		c.session.deliver(c.g.serverFrame(proto.TypeInfo, string(proto.IceServers), marshal(proto.IceServersData{IceServers: list}), f.ID))
		return nil
	default:
		return c.roomEvent(f)
	}
}

// refuse sends the error frame that f caused.
func (c *conn) refuse(f *proto.Frame, e *proto.Error) {
	c.g.stats.refused(e.Code)
	c.g.stats.undelivered(f.Event, e.Code)
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
	c.session.deliver(c.g.errorFrame(e, d, f.ID))
}

// roomIn returns data.room when it is a string.
func roomIn(data []byte) (room string) {
	proto.Members(data, func(name string, value []byte) {
		if name == "room" {
			json.Unmarshal(value, &room)
		}
	})
	return room
}

// clip bounds what an error echoes of a client's own text.
func clip(s string) string { return s[:min(len(s), proto.MaxRoomIDBytes)] }

// errorFrame encodes an error frame.
func (g *Gateway) errorFrame(e *proto.Error, d proto.ErrorData, id []byte) []byte {
	d.Message = e.Message
	if d.Field == "" {
		d.Field = e.Field
	}
	return g.serverFrame(proto.TypeError, string(e.Code), marshal(d), id)
}

// serverFrame encodes a frame that the server makes.
func (g *Gateway) serverFrame(typ proto.FrameType, event string, data json.RawMessage, id []byte) []byte {
	f := proto.ServerFrame{Type: typ, Event: event, Data: data, Time: time.Now(), MessageID: uuid.NewString(), ID: id}
	return f.Append(make([]byte, 0, len(data)+len(id)+192))
}
