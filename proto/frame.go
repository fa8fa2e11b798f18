package proto

import "bytes"

// Frame is a client's frame after one validating pass. It points into the bytes
// it was decoded from and is valid as long as they are. The zero value is
// ready; reuse one per connection and decoding does not allocate. A Frame must
// not be used by two goroutines at once.
type Frame struct {
	Event Event  // canonical; empty when unknown
	Name  []byte // the event as the client spelled it
	To    []byte // nil when absent
	Room  []byte // nil when absent
	ID    []byte // correlation id as raw JSON; nil when absent
	Data  []byte // raw JSON; nil when absent

	scan    scanner
	members []member
}

// Errors that Decode returns for frames that say nothing.
var (
	errNotObject = Invalid("", "This is not a valid frame. Send one JSON object per text frame: valid UTF-8, no duplicate names, nothing behind it, at most 32 levels deep.")
	errNoEvent   = Missing("event", "`event` is missing or not a string. Name what you want, for example {\"event\":\"Ping\"}.")
	errBadID     = Invalid("id", "`id` must be a string or a number of at most 256 bytes. It is echoed in the answer.")
	errTo        = Missing("to", "`to` must be a string: the id of the peer this frame is for.")
	errRoom      = Missing("room", "`room` must be a string: the id of a room.")
)

// keptMembers bounds the capacity for members that a Frame keeps for the next
// frame.
const keptMembers = 64

// Reset drops the frame and the bytes it was decoded from, and frees the memory
// that a frame with very many members took. Call it when the frame is done with,
// so that an idle connection holds no memory for its past frames.
func (f *Frame) Reset() {
	if cap(f.members) > keptMembers {
		f.members = nil
	}
	*f = Frame{scan: scanner{names: f.scan.names[:0]}, members: f.members[:0]}
}

// Decode reads b and keeps a reference to it. On an error it still sets those
// members that could be read, so that the error can echo the id.
func (f *Frame) Decode(b []byte) *Error {
	f.Reset()
	s := &f.scan
	s.b = b
	s.space()
	if s.i >= len(b) || b[s.i] != '{' || !s.object(0, &f.members) {
		return errNotObject
	}
	s.space()
	if s.i != len(b) {
		return errNotObject
	}
	return f.envelope()
}

// envelope sets the fields of f from the members that the server reads.
func (f *Frame) envelope() *Error {
	var bad *Error
	for _, m := range f.members {
		val := f.scan.b[m.val:m.end]
		switch string(f.scan.text(m.name)) {
		case "event":
			f.Name = f.str(m)
		case "to":
			if f.To = f.str(m); f.To == nil && string(val) != "null" && bad == nil {
				bad = errTo
			}
		case "room":
			if f.Room = f.str(m); f.Room == nil && string(val) != "null" && bad == nil {
				bad = errRoom
			}
		case "data":
			f.Data = val
		case "id":
			c := val[0]
			switch {
			case string(val) == "null":
			case len(val) <= MaxCorrelationID && (c == '"' || c == '-' || '0' <= c && c <= '9'):
				f.ID = val
			default:
				bad = errBadID
			}
		}
	}
	if f.Name == nil {
		return errNoEvent
	}
	e, ok := ParseEvent(f.Name)
	if !ok {
		return Errorf(UnsupportedEvent, "Event %s is not known. `events` lists those that work.", Quote(string(f.Name)))
	}
	f.Event = e
	return bad
}

// str returns the text of m's value, or nil when the value is not a string.
func (f *Frame) str(m member) []byte {
	b := f.scan.b
	if b[m.val] != '"' {
		return nil
	}
	for _, c := range b[m.val+1 : m.end-1] {
		if c == '\\' {
			return f.scan.text(name{start: m.val + 1, end: m.end - 1, escaped: true})
		}
	}
	return b[m.val+1 : m.end-1]
}

// AppendRelay appends the frame as its receiver gets it: `event` in canonical
// spelling, `from` set by the server, the other members byte for byte. It
// leaves out `to` and the members that only the server may write (from, type,
// timestamp, message_id) in any case, and every other spelling of `room`, so no
// peer can pose as another, as the server, or as a member. f must have been
// decoded without error.
func (f *Frame) AppendRelay(dst []byte, from PeerID) []byte {
	dst = append(dst, `{"event":"`...)
	dst = append(dst, f.Event...)
	dst = append(dst, `","from":"`...)
	dst = append(dst, from...)
	dst = append(dst, '"')
	for _, m := range f.members {
		if reserved(f.scan.text(m.name)) {
			continue
		}
		dst = append(dst, ',')
		dst = append(dst, f.scan.b[m.start:m.end]...)
	}
	return append(dst, '}')
}

// How finished frames of a peer begin, up to the sender.
const (
	relayHead   = `{"event":"`
	relayFrom   = `","from":"`
	connectHead = `{"type":"info","event":"Offer","data":{"event":"Offer","from":"`
)

// RelaySender returns the id of the peer that a finished frame is from: one that
// AppendRelay has made, or the Offer with ConnectData that a Connect became. It
// points into frame, and is nil for a frame of the server's own.
func RelaySender(frame []byte) []byte {
	rest, ok := bytes.CutPrefix(frame, []byte(relayHead))
	if ok {
		_, rest, ok = bytes.Cut(rest, []byte(relayFrom)) // no event's name holds a quotation mark
	} else {
		rest, ok = bytes.CutPrefix(frame, []byte(connectHead))
	}
	if !ok || len(rest) <= peerIDBytes || rest[peerIDBytes] != '"' {
		return nil
	}
	return rest[:peerIDBytes]
}

// IsRoomMessage reports whether a finished frame of a peer is a Message to a room, whose
// membership the server has checked. A Message names either a room or a peer; other events
// pass on any `room` that their senders wrote.
func IsRoomMessage(frame []byte) bool {
	if !bytes.HasPrefix(frame, []byte(relayHead+string(Message)+relayFrom)) {
		return false
	}
	room := false
	Members(frame, func(name string, value []byte) {
		room = room || name == "room" && value[0] == '"'
	})
	return room
}

// reserved reports whether the server writes the member n of a relayed frame, or
// leaves it out. Names are compared as encoding/json and others match them to
// fields, without regard to case and with Unicode folding ("timeſtamp"): a
// member that they would take for the server's must not pass.
func reserved(n []byte) bool {
	if len(n) < len("to") || len(n) > len("meſſage_id") {
		return false
	}
	switch n[0] | 0x20 {
	case 'e':
		return bytes.EqualFold(n, []byte("event"))
	case 'f':
		return bytes.EqualFold(n, []byte("from"))
	case 'm':
		return bytes.EqualFold(n, []byte("message_id"))
	case 'r': // `room` passes: the server has checked that the sender is a member; it checks no other spelling
		return string(n) != "room" && bytes.EqualFold(n, []byte("room"))
	case 't':
		return bytes.EqualFold(n, []byte("to")) || bytes.EqualFold(n, []byte("type")) || bytes.EqualFold(n, []byte("timestamp"))
	}
	return false
}

// Members calls yield for each member of the JSON object obj in turn, its name with escapes
// resolved and its raw value. It returns false when obj is not a valid object. obj may be
// one level deeper than a frame, because the Offer that a Connect becomes is.
func Members(obj []byte, yield func(name string, value []byte)) bool {
	s := scanner{b: obj}
	var ms []member
	s.space()
	if s.i >= len(obj) || obj[s.i] != '{' || !s.object(-1, &ms) {
		return false
	}
	if s.space(); s.i != len(obj) {
		return false
	}
	for _, m := range ms {
		yield(string(s.text(m.name)), obj[m.val:m.end])
	}
	return true
}
