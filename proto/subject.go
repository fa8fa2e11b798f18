package proto

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// Subjects are built in this file and nowhere else. Each builder checks or
// encodes what it is given, so no identifier, however hostile, becomes a
// wildcard, an empty token or a second token.

// Prefixes and fixed subjects.
const (
	gatewayPrefix = "p2p.gw."
	leasePrefix   = "p2p.lease."

	// RoomsPrefix is the group that the room service's endpoints stand in.
	RoomsPrefix = "p2p.rooms"
	// GatewayInbox and RoomsInbox begin the subjects that answers from NATS itself
	// and between gateways come on: each service has its own, so that it can be
	// kept from reading the other's.
	GatewayInbox = "_INBOX_gateway"
	RoomsInbox   = "_INBOX_roomsvc"
	// LeaseWildcard is what follows every gateway's lease.
	LeaseWildcard = leasePrefix + "*"
)

// Kind is the token that says what a message to a gateway is.
type Kind string

// Kinds of message below p2p.gw.<g>.
const (
	KindPeer    Kind = "peer"    // a finished frame for a peer
	KindRoom    Kind = "room"    // a finished frame for the members of a room
	KindState   Kind = "state"   // a committed change of a room
	KindSession Kind = "session" // a session is taken over
	KindLost    Kind = "lost"    // what became of a relay
	KindReply   Kind = "reply"   // the reply to a request of this gateway
	KindLink    Kind = "link"    // how many relays another gateway has sent here
	KindGap     Kind = "gap"     // relays that another gateway has missed
)

// Operation is the last token of a room service endpoint.
type Operation string

// Operations of the room service.
const (
	OpCreate Operation = "create"
	OpJoin   Operation = "join"
	OpLeave  Operation = "leave"
	OpEnd    Operation = "end"
	OpRemove Operation = "remove"
	OpUpdate Operation = "update"
	OpResume Operation = "resume" // a member's session moved to another gateway
	OpGet    Operation = "get"
	OpSync   Operation = "sync" // which of these rooms have changed?
	OpKeys   Operation = "keys" // the keys that sign session tokens
	OpList   Operation = "list" // for operators: rooms, a page at a time
)

// Operations lists all endpoints.
var Operations = []Operation{OpCreate, OpJoin, OpLeave, OpEnd, OpRemove, OpUpdate, OpResume, OpGet, OpSync, OpKeys, OpList}

// RoomsSubject is where requests for op go.
func RoomsSubject(op Operation) string { return RoomsPrefix + "." + string(op) }

// GatewayWildcard is the one static subscription of gateway g.
func GatewayWildcard(g GatewayID) (string, error) {
	if !g.Valid() {
		return "", ErrGatewayID
	}
	return gatewayPrefix + string(g) + ".>", nil
}

// LeaseSubject is where gateway g says that it lives.
func LeaseSubject(g GatewayID) (string, error) {
	if !g.Valid() {
		return "", ErrGatewayID
	}
	return leasePrefix + string(g), nil
}

// AppendPeerSubject appends the subject of frames for p. It does not allocate
// when dst has room.
func AppendPeerSubject(dst []byte, p PeerID) ([]byte, error) {
	if !p.Valid() {
		return dst, ErrPeerID
	}
	return appendPeerKind(dst, GatewayID(p[:8]), KindPeer, p), nil
}

// PeerSubject is where frames for p go.
func PeerSubject(p PeerID) (string, error) {
	b, err := AppendPeerSubject(nil, p)
	return string(b), err
}

// PeerSubjectAt is the subject of p below a gateway that did not issue it: where
// a former holder forwards what reached it too late.
func PeerSubjectAt(g GatewayID, p PeerID) (string, error) { return peerKind(g, KindPeer, p) }

// SessionSubject is where gateway g is asked for the session of p.
func SessionSubject(g GatewayID, p PeerID) (string, error) { return peerKind(g, KindSession, p) }

func peerKind(g GatewayID, k Kind, p PeerID) (string, error) {
	if !g.Valid() {
		return "", ErrGatewayID
	}
	if !p.Valid() {
		return "", ErrPeerID
	}
	return string(appendPeerKind(nil, g, k, p)), nil
}

func appendPeerKind(dst []byte, g GatewayID, k Kind, p PeerID) []byte {
	dst = appendGateway(dst, g, k)
	return append(dst, p...)
}

func appendGateway(dst []byte, g GatewayID, k Kind) []byte {
	dst = append(dst, gatewayPrefix...)
	dst = append(dst, g...)
	dst = append(dst, '.')
	dst = append(dst, k...)
	return append(dst, '.')
}

// AppendRoomSubject appends the subject of a frame from peer from for g's
// members of room. view is the revision of the room by which the sender's gateway
// chose those it sends to; 0 for none.
func AppendRoomSubject(dst []byte, g GatewayID, room RoomID, from PeerID, view uint64) ([]byte, error) {
	if err := checkRoom(g, room); err != nil {
		return dst, err
	}
	if !from.Valid() {
		return dst, ErrPeerID
	}
	dst = appendGateway(dst, g, KindRoom)
	dst = base64.RawURLEncoding.AppendEncode(dst, []byte(room))
	dst = append(dst, '.')
	dst = append(dst, from...)
	if view > 0 {
		dst = strconv.AppendUint(append(dst, '_'), view, 36)
	}
	return dst, nil
}

// ServerFrom stands in place of the sender in a room subject when a back end
// publishes: no member is left out.
const ServerFrom = "server"

// ServerRoomSubject is where a back end publishes a finished frame for g's members of room.
func ServerRoomSubject(g GatewayID, room RoomID) (string, error) {
	if err := checkRoom(g, room); err != nil {
		return "", err
	}
	return string(appendGateway(nil, g, KindRoom)) + room.Token() + "." + ServerFrom, nil
}

// StateSubject is where gateway g hears of changes of room.
func StateSubject(g GatewayID, room RoomID) (string, error) {
	if err := checkRoom(g, room); err != nil {
		return "", err
	}
	return string(appendGateway(nil, g, KindState)) + room.Token(), nil
}

func checkRoom(g GatewayID, room RoomID) error {
	if !g.Valid() {
		return ErrGatewayID
	}
	if !room.Valid() {
		return ErrRoomID
	}
	return nil
}

// AppendLostSubject appends the reply subject of relay number seq of gateway g,
// the link-th that it sent to the gateway it is for. Both only grow, the second
// without gaps, so a receiver can tell a frame that it saw before from a new one,
// and notices one that is missing. era is that of the sender's session. g must be
// valid.
func AppendLostSubject(dst []byte, g GatewayID, seq, link, era uint64) []byte {
	dst = strconv.AppendUint(appendGateway(dst, g, KindLost), seq, 36)
	dst = strconv.AppendUint(append(dst, '.'), link, 36)
	if era > 0 {
		dst = strconv.AppendUint(append(dst, '_'), era, 36)
	}
	return dst
}

// LinkSubject is where gateway from tells gateway g how many relays it has sent
// there. Both must be valid.
func LinkSubject(g, from GatewayID) string {
	return string(appendGateway(nil, g, KindLink)) + string(from)
}

// GapSubject is where gateway from tells gateway g which of g's relays it has
// missed. Both must be valid.
func GapSubject(g, from GatewayID) string {
	return string(appendGateway(nil, g, KindGap)) + string(from)
}

// ReplySubject is where request number n of gateway g is answered. g must be valid.
func ReplySubject(g GatewayID, n uint64) string {
	return string(strconv.AppendUint(appendGateway(nil, g, KindReply), n, 36))
}

// Inbound is a subject below p2p.gw.<g>. taken apart.
type Inbound struct {
	Gateway GatewayID
	Kind    Kind
	First   string // peer, room token, gateway, or number
	Second  string // the sender, in KindRoom; the second number, in KindLost
	View    uint64 // the room's revision that the sender knew, in KindRoom; 0: none
	Era     uint64 // of the sender's session, in KindLost
}

// ParseInbound takes a gateway's subject apart without allocating. It is false
// for a subject that no builder of this package makes.
func ParseInbound(subject string) (Inbound, bool) {
	rest, ok := strings.CutPrefix(subject, gatewayPrefix)
	if !ok || len(rest) < 10 || rest[8] != '.' || !GatewayID(rest[:8]).Valid() {
		return Inbound{}, false
	}
	in := Inbound{Gateway: GatewayID(rest[:8])}
	kind, tail, ok := strings.Cut(rest[9:], ".")
	if !ok || tail == "" {
		return Inbound{}, false
	}
	in.Kind, in.First = Kind(kind), tail
	switch in.Kind {
	case KindPeer, KindSession:
		ok = PeerID(tail).Valid()
	case KindRoom:
		in.First, in.Second, ok = strings.Cut(tail, ".")
		if from, view, seen := strings.Cut(in.Second, "_"); ok && seen {
			in.Second = from
			in.View, ok = parseNumber(view)
			ok = ok && in.View > 0 && from != ServerFrom
		}
		ok = ok && validToken(in.First) && (in.Second == ServerFrom || PeerID(in.Second).Valid())
	case KindState:
		ok = validToken(tail)
	case KindLost:
		in.First, in.Second, ok = strings.Cut(tail, ".")
		if ok {
			link, era, later := strings.Cut(in.Second, "_")
			if later {
				in.Second = link
				in.Era, ok = parseNumber(era)
				ok = ok && in.Era > 0
			}
			_, first := parseNumber(in.First)
			_, second := parseNumber(in.Second)
			ok = ok && first && second
		}
	case KindReply:
		_, ok = parseNumber(tail)
	case KindLink, KindGap:
		ok = GatewayID(tail).Valid()
	default:
		ok = false
	}
	if !ok {
		return Inbound{}, false
	}
	return in, true
}

// parseNumber is strict where ParseUint is not: one number has one spelling.
func parseNumber(s string) (uint64, bool) {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' || s[0] == '0' && len(s) > 1 {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(s, 36, 64)
	return n, err == nil
}

// Relay is what the reply subject of a relay says.
type Relay struct {
	Gateway GatewayID // the sender's
	Seq     uint64    // number among all relays of that gateway
	Link    uint64    // number among those to one gateway; 0 for what has no link
	Era     uint64    // of the sender's session, which grows with each gateway that holds it
}

// ParseLost takes the reply subject of a relay apart without allocating; false
// when subject is none.
func ParseLost(subject string) (r Relay, ok bool) {
	in, ok := ParseInbound(subject)
	if !ok || in.Kind != KindLost {
		return r, false
	}
	r.Gateway, r.Era = in.Gateway, in.Era
	r.Seq, _ = parseNumber(in.First)
	r.Link, _ = parseNumber(in.Second)
	return r, true
}

// ParseLease returns the gateway of a lease subject.
func ParseLease(subject string) (GatewayID, bool) {
	g, ok := strings.CutPrefix(subject, leasePrefix)
	return GatewayID(g), ok && GatewayID(g).Valid()
}
