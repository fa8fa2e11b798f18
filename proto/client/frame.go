package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"p2pconnector/proto"
)

// Frame is a frame from the server: its own, or one that it relayed, which has
// From and no Type.
type Frame struct {
	Type      proto.FrameType
	Event     string          // a proto.Event, or a proto.ErrorCode when Type is error
	From      proto.PeerID    // of a relayed frame
	Room      proto.RoomID    // of a relayed room message
	ID        json.RawMessage // of the frame that it answers; in a relayed frame the sender's
	Data      json.RawMessage
	Timestamp time.Time // of the server's own frames, as is the next
	MessageID string

	Raw []byte // as received; ID and Data point into it
}

// Parse parses a frame from the server. Unlike encoding/json it matches member
// names exactly, so that no peer can forge the server's "room" by sending
// "Room".
func Parse(b []byte) (Frame, error) {
	f := Frame{Raw: b}
	var err error
	text := func(name string, value []byte, into any) {
		if e := json.Unmarshal(value, into); e != nil && err == nil {
			err = fmt.Errorf("client: member %s: %w", name, e)
		}
	}
	ok := proto.Members(b, func(name string, value []byte) {
		switch name {
		case "type":
			text(name, value, &f.Type)
		case "event":
			text(name, value, &f.Event)
		case "from":
			text(name, value, &f.From)
		case "room":
			text(name, value, &f.Room)
		case "timestamp":
			text(name, value, &f.Timestamp)
		case "message_id":
			text(name, value, &f.MessageID)
		case "id":
			f.ID = value
		case "data":
			f.Data = value
		}
	})
	if !ok {
		err = errors.New("client: the server sent no JSON object")
	}
	return f, err
}

// Is reports whether f is the server's own frame of that event.
func (f *Frame) Is(e proto.Event) bool {
	return f.Type != "" && f.Type != proto.TypeError && f.Event == string(e)
}

// RoomData reads the data of a frame about a room. Of a Waiting_Updated it holds the room, the
// revision and, in Waiting, everyone who waits; of a Join_Waiting the room alone.
func (f *Frame) RoomData() (proto.RoomData, error) {
	var d proto.RoomData
	if err := json.Unmarshal(f.Data, &d); err != nil {
		return d, fmt.Errorf("client: data of %s: %w", f.Event, err)
	}
	return d, nil
}

// Details reads the data of a Client_Details frame.
func (f *Frame) Details() (proto.Details, error) {
	var d proto.Details
	if err := json.Unmarshal(f.Data, &d); err != nil {
		return d, fmt.Errorf("client: data of %s: %w", f.Event, err)
	}
	return d, nil
}

// Resumed is the result of a reconnect.
type Resumed struct {
	ID        proto.PeerID // the client's id now
	Same      bool         // the session was resumed: same id, rooms kept
	Recovered bool         // and no frame for it was lost meanwhile
}

// Resumed reports what the Client_Details frame f says about a return; ok is
// false for any other frame.
func (f *Frame) Resumed() (r Resumed, ok bool) {
	if !f.Is(proto.ClientDetails) {
		return r, false
	}
	d, err := f.Details()
	if err != nil {
		return r, false
	}
	return Resumed{ID: d.ID, Same: d.Resumed, Recovered: d.Recovered != nil && *d.Recovered}, true
}

// Err returns the error that f carries, or nil when it is no error frame.
func (f *Frame) Err() *Error {
	if f.Type != proto.TypeError {
		return nil
	}
	e := &Error{Code: proto.ErrorCode(f.Event)}
	if json.Unmarshal(f.Data, &e.ErrorData) != nil {
		e.Message = "The server sent an error whose data could not be read."
	}
	return e
}

// Out is a frame to send. Data and ID are any values that encoding/json encodes;
// nil leaves them out.
type Out struct {
	Event proto.Event  `json:"event"`
	To    proto.PeerID `json:"to,omitempty"`
	Room  proto.RoomID `json:"room,omitempty"`
	Data  any          `json:"data,omitempty"`
	ID    any          `json:"id,omitempty"`
}
