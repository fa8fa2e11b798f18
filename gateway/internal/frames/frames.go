// Package frames encodes the frames that the server itself sends to clients.
package frames

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"p2pconnector/proto"
)

// Encoder encodes frames. Safe for concurrent use.
type Encoder struct {
	Wall func() time.Time // the time of day, for the timestamps of frames
}

// Server encodes a frame that originates at the server. id is the correlation id of the
// frame that it answers; nil for none.
func (e *Encoder) Server(typ proto.FrameType, event string, data json.RawMessage, id []byte) []byte {
	f := proto.ServerFrame{Type: typ, Event: event, Data: data, Time: e.Wall(), MessageID: uuid.NewString(), ID: id}
	return f.Append(make([]byte, 0, len(data)+len(id)+192))
}

// Room encodes a frame about a room. It is a room.EncodeFrame.
func (e *Encoder) Room(typ proto.FrameType, event proto.Event, data json.RawMessage, id []byte) []byte {
	return e.Server(typ, string(event), data, id)
}

// Error encodes an error frame. d describes the frame that caused it, whose correlation id
// is id.
func (e *Encoder) Error(err *proto.Error, d proto.ErrorData, id []byte) []byte {
	d.Message = err.Message
	if d.Field == "" {
		d.Field = err.Field
	}
	return e.Server(proto.TypeError, string(err.Code), Marshal(d), id)
}

// About encodes the error frame for a relayed frame, whose event and correlation id it
// echoes. connectID is the correlation id of the Connect that the frame was made from.
func (e *Encoder) About(frame []byte, err *proto.Error, d proto.ErrorData, connectID string) []byte {
	var about struct {
		Event, Type string
		ID          json.RawMessage
	}
	proto.Unpack(frame, map[string]any{"event": &about.Event, "type": &about.Type, "id": &about.ID})
	d.Event = about.Event
	if about.Type != "" { // a Connect, which travels as the server's frame
		d.Event, about.ID = string(proto.Connect), json.RawMessage(connectID)
	}
	return e.Error(err, d, about.ID)
}

// Marshal encodes a value of a type that always encodes.
func Marshal(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // a type of our own that does not encode: a bug, not input
	}
	return b
}
