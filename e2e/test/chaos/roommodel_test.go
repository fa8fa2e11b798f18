package chaos

import (
	"fmt"
	"hash/maphash"
	"strings"

	"github.com/anishathalye/porcupine"

	"p2pconnector/proto"
)

// kind is the operation of an entry in a room's history.
type kind string

const (
	create kind = "Create"
	join   kind = "Join"
	leave  kind = "Leave"
	end    kind = "End"
	remove kind = "Remove"
	info   kind = "Info"
	drop   kind = "disconnected" // of a peer whose connection broke; has no answer
	seen   kind = "seen"         // a state that an answer showed, as one that existed meanwhile
)

// input is an operation. Peers are numbers that the history gives them, from 1.
type input struct {
	kind     kind
	peer     byte
	target   byte // remove: whom
	capacity byte // create: members; 0 is any number
	make     bool // join: make the room if it is not there
}

// output is the outcome of an operation. Code is "" for success, and unknown when
// it cannot be known.
type output struct {
	code    proto.ErrorCode
	members string // info, seen: peers in order of joining
	creator byte
}

// unknown is the outcome of an operation that may have taken effect, still may, or
// never will.
const unknown proto.ErrorCode = "?"

// roomState is a room as the protocol defines it. The zero value is no room.
type roomState struct {
	members  string // peers in order of joining; "" is no room
	creator  byte
	capacity byte
}

func (s roomState) has(peer byte) bool { return strings.IndexByte(s.members, peer) >= 0 }

// without returns s after peer has left: the longest-standing member follows a
// creator.
func (s roomState) without(peer byte) roomState {
	s.members = strings.Replace(s.members, string([]byte{peer}), "", 1)
	if s.members == "" {
		return roomState{}
	}
	if s.creator == peer {
		s.creator = s.members[0]
	}
	return s
}

// do applies one operation by the rules of the protocol, and returns the state
// after it and the error that answers it.
func (s roomState) do(in input) (roomState, proto.ErrorCode) {
	there := s.members != ""
	switch in.kind {
	case create:
		if there {
			return s, proto.DuplicateRoom
		}
		return roomState{string([]byte{in.peer}), in.peer, in.capacity}, ""
	case join:
		switch {
		case !there && !in.make:
			return s, proto.NotFound
		case !there:
			return roomState{string([]byte{in.peer}), in.peer, 0}, ""
		case s.has(in.peer):
			return s, proto.AlreadyExists
		case s.capacity > 0 && len(s.members) >= int(s.capacity):
			return s, proto.RoomFull
		}
		s.members += string([]byte{in.peer})
		return s, ""
	case leave, drop:
		if !s.has(in.peer) {
			return s, proto.NotFound
		}
		return s.without(in.peer), ""
	case end, remove:
		switch {
		case !there:
			return s, proto.NotFound
		case s.creator != in.peer:
			return s, proto.Unauthorised
		case in.kind == end:
			return roomState{}, ""
		case !s.has(in.target):
			return s, proto.NotFound
		}
		return s.without(in.target), ""
	case info:
		switch {
		case !there:
			return s, proto.NotFound
		case !s.has(in.peer):
			return s, proto.Unauthorised
		}
	}
	return s, ""
}

// step is the model's step. An operation of unknown outcome always takes effect,
// but possibly not before the end of the history, where it has no visible effect.
func step(state, in, out any) (bool, any) {
	s, i, o := state.(roomState), in.(input), out.(output)
	next, code := s.do(i)
	switch {
	case o.code == unknown:
		return true, next
	case code != o.code:
		return false, s
	case (i.kind == info || i.kind == seen) && code == "":
		return s.members == o.members && s.creator == o.creator, s
	}
	return true, next
}

var hashSeed = maphash.MakeSeed()

var model = porcupine.Model{
	Init:              func() any { return roomState{} },
	Step:              step,
	Hash:              func(s any) uint64 { return maphash.Comparable(hashSeed, s.(roomState)) },
	DescribeState:     func(s any) string { return s.(roomState).String() },
	DescribeOperation: func(in, out any) string { return in.(input).String() + " → " + out.(output).String() },
}

// String implements fmt.Stringer.
func (s roomState) String() string {
	if s.members == "" {
		return "no room"
	}
	return fmt.Sprintf("%v, creator %d, capacity %d", []byte(s.members), s.creator, s.capacity)
}

// String implements fmt.Stringer.
func (i input) String() string {
	text := fmt.Sprintf("%s by %d", i.kind, i.peer)
	switch {
	case i.kind == remove:
		text += fmt.Sprintf(" of %d", i.target)
	case i.kind == create:
		text += fmt.Sprintf(" for %d", i.capacity)
	case i.make:
		text += ", made if need be"
	}
	return text
}

// String implements fmt.Stringer.
func (o output) String() string {
	switch {
	case o.code != "":
		return string(o.code)
	case o.members != "":
		return fmt.Sprintf("%v, creator %d", []byte(o.members), o.creator)
	}
	return "done"
}
