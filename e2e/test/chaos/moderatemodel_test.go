package chaos

import (
	"slices"
	"strings"

	"p2pconnector/proto"
)

// roomOf returns a new room.
func roomOf(creator, capacity byte) roomState {
	return roomState{members: string([]byte{creator}), creator: creator, capacity: capacity, extra: "\x00\x00"}
}

// moderate applies an operation about one member, or about a ban. Peers have no user names.
func (s roomState) moderate(in input) (roomState, proto.ErrorCode) {
	creator := s.creator == in.peer
	switch {
	case s.members == "":
		return s, proto.NotFound
	case in.kind == say:
		if !s.has(in.peer) {
			return s, proto.NotFound
		}
		return s.with(in.peer, 0, in.value), ""
	case in.kind == role && in.value == asCreator && in.target == s.creator && s.moderates(in.peer):
		return s, "" // a hand-over that is done already, repeated
	case !creator && (in.kind == role || !s.moderates(in.peer)):
		return s, proto.Unauthorised
	case in.kind == role:
		return s.setRole(in)
	case in.kind == unban:
		if strings.IndexByte(s.bans, in.target) < 0 {
			return s, proto.NotFound
		}
		s.bans = strings.Replace(s.bans, string([]byte{in.target}), "", 1)
		return s, ""
	case !creator && (in.target == s.creator || s.moderates(in.target)) && (in.kind == ban || in.target != in.peer):
		return s, proto.Unauthorised
	case in.kind == ban && in.target == in.peer:
		return s, proto.InvalidMessage
	case in.kind == remove && !s.has(in.target):
		return s, proto.NotFound
	}
	if in.kind == ban && strings.IndexByte(s.bans, in.target) < 0 {
		bans := append([]byte(s.bans), in.target)
		slices.Sort(bans)
		s.bans = string(bans)
	}
	return s.without(in.target), ""
}

func (s roomState) setRole(in input) (roomState, proto.ErrorCode) {
	switch {
	case !s.has(in.target):
		return s, proto.NotFound
	case in.target == s.creator && in.value != asCreator:
		return s, proto.InvalidMessage
	case in.value != asCreator:
		return s.with(in.target, 1, in.value), ""
	case in.target != s.creator:
		s = s.with(s.creator, 1, asModerator).with(in.target, 1, asMember)
		s.creator = in.target
	}
	return s, ""
}

func (s roomState) moderates(peer byte) bool {
	i := strings.IndexByte(s.members, peer)
	return i >= 0 && s.extra[2*i+1] == asModerator
}

// with returns s with byte at of what is known of a member set to value.
func (s roomState) with(peer byte, at int, value byte) roomState {
	extra := []byte(s.extra)
	extra[2*strings.IndexByte(s.members, peer)+at] = value
	s.extra = string(extra)
	return s
}
