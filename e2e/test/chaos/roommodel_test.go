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
	ban    kind = "Ban"
	unban  kind = "Unban"
	role   kind = "Set_Role"
	say    kind = "Update_Member"
	info   kind = "Info"
	drop   kind = "disconnected" // of a peer whose connection broke; has no answer
	seen   kind = "seen"         // a state that an answer showed, as one that existed meanwhile
)

// input is an operation. Peers are numbers that the history gives them, from 1.
type input struct {
	kind     kind
	peer     byte
	target   byte // remove, ban, unban, role: whom
	value    byte // say: the metadata; role: one of the roles
	capacity byte // create: members; 0 is any number
	make     bool // join: make the room if it is not there
}

// output is the outcome of an operation. Code is "" for success, and unknown when
// it cannot be known.
type output struct {
	code    proto.ErrorCode
	members string // info, seen: peers in order of joining
	creator byte
	extra   string // info: as in roomState, with bans; "" where it is not known
	bans    string
}

// Values of role.
const (
	asMember byte = iota
	asModerator
	asCreator
)

// unknown is the outcome of an operation that may have taken effect, still may, or
// never will.
const unknown proto.ErrorCode = "?"

// roomState is a room as the protocol defines it. The zero value is no room.
type roomState struct {
	members  string // peers in order of joining; "" is no room
	creator  byte
	capacity byte
	extra    string // of each member two bytes: its metadata, and 1 if it is a moderator
	bans     string // in ascending order
}

func (s roomState) has(peer byte) bool { return strings.IndexByte(s.members, peer) >= 0 }

// without returns s after peer has left: the longest-standing member follows a
// creator.
func (s roomState) without(peer byte) roomState {
	if i := strings.IndexByte(s.members, peer); i >= 0 {
		s.members, s.extra = s.members[:i]+s.members[i+1:], s.extra[:2*i]+s.extra[2*i+2:]
	}
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
		return roomOf(in.peer, in.capacity), ""
	case join:
		switch {
		case !there && !in.make:
			return s, proto.NotFound
		case !there:
			return roomOf(in.peer, 0), ""
		case s.has(in.peer):
			return s, proto.AlreadyExists
		case strings.IndexByte(s.bans, in.peer) >= 0:
			return s, proto.Banned
		case s.capacity > 0 && len(s.members) >= int(s.capacity):
			return s, proto.RoomFull
		}
		s.members += string([]byte{in.peer})
		s.extra += "\x00\x00"
		return s, ""
	case leave, drop:
		if !s.has(in.peer) {
			return s, proto.NotFound
		}
		return s.without(in.peer), ""
	case end:
		switch {
		case !there:
			return s, proto.NotFound
		case s.creator != in.peer:
			return s, proto.Unauthorised
		}
		return roomState{}, ""
	case remove, ban, unban, role, say:
		return s.moderate(in)
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
		same := o.extra == "" || s.extra == o.extra && s.bans == o.bans
		return s.members == o.members && s.creator == o.creator && same, s
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
	return fmt.Sprintf("%v, metadata and moderators %v, creator %d, capacity %d, banned %v", []byte(s.members), []byte(s.extra), s.creator, s.capacity, []byte(s.bans))
}

// String implements fmt.Stringer.
func (i input) String() string {
	text := fmt.Sprintf("%s by %d", i.kind, i.peer)
	switch {
	case i.kind == remove, i.kind == ban, i.kind == unban:
		text += fmt.Sprintf(" of %d", i.target)
	case i.kind == role:
		text += fmt.Sprintf(" of %d to %d", i.target, i.value)
	case i.kind == say:
		text += fmt.Sprintf(" to %d", i.value)
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
		return fmt.Sprintf("%v, metadata and moderators %v, creator %d, banned %v", []byte(o.members), []byte(o.extra), o.creator, []byte(o.bans))
	}
	return "done"
}
