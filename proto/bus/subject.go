package bus

import (
	"encoding/base64"
	"math"
	"strings"

	"p2pconnector/proto"
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
	// GatewayInbox and RoomsInbox begin the subjects of answers from NATS itself
	// and between gateways. Each service has its own, so that permissions can keep
	// it from reading the other's.
	GatewayInbox = "_INBOX_gateway"
	RoomsInbox   = "_INBOX_roomsvc"
	// LostInbox begins the reply subject on which a back end gets the Outcome of a frame
	// that it publishes to a gateway.
	LostInbox = "_INBOX_lost"
	// LeaseWildcard is the subscription to the leases of all gateways.
	LeaseWildcard = leasePrefix + "*"
)

// Kind is the token that says what a message to a gateway is.
type Kind string

// Kinds of message below p2p.gw.<g>.
const (
	KindPeer    Kind = "peer"    // a finished frame for a peer
	KindRoom    Kind = "room"    // a finished frame for the members of a room
	KindState   Kind = "state"   // a committed change of a room
	KindSession Kind = "session" // a session moves
	KindReply   Kind = "reply"   // the reply to a request of this gateway
	KindSent    Kind = "sent"    // the reply subject of a relay: NATS reports there that nobody received it
	KindAck     Kind = "ack"     // an Ack of this gateway's relays
	KindLink    Kind = "link"    // a Poll for an Ack
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
	OpUnban  Operation = "unban"
	OpRole   Operation = "role"  // changes what a member may do
	OpAdmit  Operation = "admit" // makes a peer that waits a member
	OpUpdate Operation = "update"
	OpMember Operation = "member" // changes a member's metadata
	OpResume Operation = "resume" // a member's session moved to another gateway
	OpGet    Operation = "get"
	OpSync   Operation = "sync" // which of these rooms have changed?
	OpKeys   Operation = "keys" // the keys that sign session tokens
	OpList   Operation = "list" // for operators: rooms, a page at a time
)

// Operations lists all endpoints.
var Operations = []Operation{OpCreate, OpJoin, OpLeave, OpEnd, OpRemove, OpUnban, OpRole, OpAdmit, OpUpdate, OpMember, OpResume, OpGet, OpSync, OpKeys, OpList}

// RoomsSubject returns the subject of requests for op.
func RoomsSubject(op Operation) string { return RoomsPrefix + "." + string(op) }

// GatewayWildcard returns the one static subscription of gateway g.
func GatewayWildcard(g proto.GatewayID) (string, error) {
	if !g.Valid() {
		return "", proto.ErrGatewayID
	}
	return gatewayPrefix + string(g) + ".>", nil
}

// LeaseSubject returns the subject on which gateway g publishes its Lease.
func LeaseSubject(g proto.GatewayID) (string, error) {
	if !g.Valid() {
		return "", proto.ErrGatewayID
	}
	return leasePrefix + string(g), nil
}

// PeerSubject returns the subject on which a back end publishes a finished frame for p,
// below the gateway that issued its id.
func PeerSubject(p proto.PeerID) (string, error) {
	if !p.Valid() {
		return "", proto.ErrPeerID
	}
	return string(appendPeerKind(nil, p.Home(), KindPeer, p)), nil
}

// AppendPeerSubject appends the subject of frames for p at gateway g, which need not
// be the one that issued it. It does not allocate when dst has room.
func AppendPeerSubject(dst []byte, g proto.GatewayID, p proto.PeerID) ([]byte, error) {
	if !g.Valid() {
		return dst, proto.ErrGatewayID
	}
	if !p.Valid() {
		return dst, proto.ErrPeerID
	}
	return appendPeerKind(dst, g, KindPeer, p), nil
}

// SessionSubject returns the subject on which gateway g receives a
// SessionMessage about p.
func SessionSubject(g proto.GatewayID, p proto.PeerID) (string, error) {
	return peerKind(g, KindSession, p)
}

func peerKind(g proto.GatewayID, k Kind, p proto.PeerID) (string, error) {
	if !g.Valid() {
		return "", proto.ErrGatewayID
	}
	if !p.Valid() {
		return "", proto.ErrPeerID
	}
	return string(appendPeerKind(nil, g, k, p)), nil
}

func appendPeerKind(dst []byte, g proto.GatewayID, k Kind, p proto.PeerID) []byte {
	dst = appendGateway(dst, g, k)
	return append(dst, p...)
}

func appendGateway(dst []byte, g proto.GatewayID, k Kind) []byte {
	dst = append(dst, gatewayPrefix...)
	dst = append(dst, g...)
	dst = append(dst, '.')
	dst = append(dst, k...)
	return append(dst, '.')
}

// AppendRoomSubject appends the subject of a frame from peer from for g's
// members of room. view is the revision of the room by which the sender's gateway
// chose those it sends to; 0 for none.
func AppendRoomSubject(dst []byte, g proto.GatewayID, room proto.RoomID, from proto.PeerID, view uint64) ([]byte, error) {
	if err := checkRoom(g, room); err != nil {
		return dst, err
	}
	if !from.Valid() {
		return dst, proto.ErrPeerID
	}
	dst = appendGateway(dst, g, KindRoom)
	dst = base64.RawURLEncoding.AppendEncode(dst, []byte(room))
	dst = append(dst, '.')
	dst = append(dst, from...)
	if view > 0 {
		dst = appendNumber(append(dst, '_'), view)
	}
	return dst, nil
}

// ServerFrom stands in place of the sender in a room subject when a back end
// publishes: no member is left out.
const ServerFrom = "server"

// ServerRoomSubject returns the subject on which a back end publishes a finished frame for
// g's members of room.
func ServerRoomSubject(g proto.GatewayID, room proto.RoomID) (string, error) {
	if err := checkRoom(g, room); err != nil {
		return "", err
	}
	return string(appendGateway(nil, g, KindRoom)) + RoomToken(room) + "." + ServerFrom, nil
}

// StateSubject returns the subject on which gateway g receives each Change of
// room.
func StateSubject(g proto.GatewayID, room proto.RoomID) (string, error) {
	if err := checkRoom(g, room); err != nil {
		return "", err
	}
	return string(appendGateway(nil, g, KindState)) + RoomToken(room), nil
}

func checkRoom(g proto.GatewayID, room proto.RoomID) error {
	if !g.Valid() {
		return proto.ErrGatewayID
	}
	if !room.Valid() && !IsTopic(room) {
		return proto.ErrRoomID
	}
	return nil
}

// AnyPeerWildcard is the subscription of all gateways in the queue group AnyPeerQueue:
// one of them receives what a back end sends to a peer without naming a gateway.
const (
	AnyPeerWildcard = anyPeerPrefix + "*"
	AnyPeerQueue    = "gateways"
)

const anyPeerPrefix = "p2p.to."

// AnyPeerSubject returns the subject on which a back end publishes a finished frame
// for p, whichever gateway serves p.
func AnyPeerSubject(p proto.PeerID) (string, error) {
	if !p.Valid() {
		return "", proto.ErrPeerID
	}
	return anyPeerPrefix + string(p), nil
}

// ParseAnyPeer returns the peer of a subject that AnyPeerSubject made.
func ParseAnyPeer(subject string) (proto.PeerID, bool) {
	p, ok := strings.CutPrefix(subject, anyPeerPrefix)
	return proto.PeerID(p), ok && proto.PeerID(p).Valid()
}

// Sent is what the reply subject of a relay holds.
type Sent struct {
	Gateway proto.GatewayID // the sender's
	To      proto.GatewayID // the receiver's
	Seq     uint64          // number on the link from Gateway to To, from 1
	Base    uint64          // lowest number on it that is not acknowledged
	Epoch   uint64          // of the sender's session
	ToEpoch uint64          // of the receiver's, by which the relay was routed
}

// AppendSentSubject appends the reply subject of a relay. The gateways must be valid.
func AppendSentSubject(dst []byte, x *Sent) []byte {
	dst = append(appendGateway(dst, x.Gateway, KindSent), x.To...)
	dst = appendNumber(append(dst, '.'), x.Seq)
	dst = appendNumber(append(dst, '.'), x.Base)
	if x.Epoch > 0 || x.ToEpoch > 0 {
		dst = appendNumber(append(dst, '_'), x.Epoch)
		dst = appendNumber(append(dst, '_'), x.ToEpoch)
	}
	return dst
}

// ParseSent parses the reply subject of a relay without allocating. It returns
// false when subject is no such subject.
func ParseSent(subject string) (x Sent, ok bool) {
	g, kind, tail, ok := cutGateway(subject)
	if !ok || kind != KindSent {
		return Sent{}, false
	}
	to, rest, ok := strings.Cut(tail, ".")
	seq, rest, ok2 := strings.Cut(rest, ".")
	base, epochs, moved := strings.Cut(rest, "_")
	if !ok || !ok2 || !proto.GatewayID(to).Valid() {
		return Sent{}, false
	}
	x.Gateway, x.To = g, proto.GatewayID(to)
	x.Seq, ok = parseNumber(seq)
	x.Base, ok2 = parseNumber(base)
	if !ok || !ok2 {
		return Sent{}, false
	}
	if moved {
		epoch, toEpoch, both := strings.Cut(epochs, "_")
		x.Epoch, ok = parseNumber(epoch)
		x.ToEpoch, ok2 = parseNumber(toEpoch)
		if !both || !ok || !ok2 || x.Epoch == 0 && x.ToEpoch == 0 {
			return Sent{}, false
		}
	}
	return x, true
}

// AckSubject returns the subject on which gateway from acknowledges gateway g's
// relays. Both must be valid.
func AckSubject(g, from proto.GatewayID) string {
	return string(appendGateway(nil, g, KindAck)) + string(from)
}

// LinkSubject returns the subject on which gateway from asks gateway g for an Ack.
// Both must be valid.
func LinkSubject(g, from proto.GatewayID) string {
	return string(appendGateway(nil, g, KindLink)) + string(from)
}

// ReplySubject returns the reply subject of request number n of gateway g. g must
// be valid.
func ReplySubject(g proto.GatewayID, n uint64) string {
	return string(appendNumber(appendGateway(nil, g, KindReply), n))
}

// Inbound is a parsed subject below p2p.gw.<g>.
type Inbound struct {
	Gateway proto.GatewayID
	Kind    Kind
	First   string // peer, room token, gateway, or number; in KindSent what ParseSent parses
	Second  string // the sender, in KindRoom
	View    uint64 // the room's revision that the sender knew, in KindRoom; 0: none
}

// ParseInbound parses a gateway's subject without allocating. It returns false
// for a subject that no builder of this package makes.
func ParseInbound(subject string) (Inbound, bool) {
	g, kind, tail, ok := cutGateway(subject)
	if !ok {
		return Inbound{}, false
	}
	in := Inbound{Gateway: g, Kind: kind, First: tail}
	switch in.Kind {
	case KindPeer, KindSession:
		ok = proto.PeerID(tail).Valid()
	case KindRoom:
		in.First, in.Second, ok = strings.Cut(tail, ".")
		if from, view, seen := strings.Cut(in.Second, "_"); ok && seen {
			in.Second = from
			in.View, ok = parseNumber(view)
			ok = ok && in.View > 0 && from != ServerFrom
		}
		ok = ok && validToken(in.First) && (in.Second == ServerFrom || proto.PeerID(in.Second).Valid())
	case KindState:
		ok = validToken(tail)
	case KindSent:
		_, ok = ParseSent(subject)
	case KindReply:
		_, ok = parseNumber(tail)
	case KindAck, KindLink:
		ok = proto.GatewayID(tail).Valid()
	default:
		ok = false
	}
	if !ok {
		return Inbound{}, false
	}
	return in, true
}

// cutGateway returns the gateway and the kind of a gateway's subject, and what follows them.
func cutGateway(subject string) (g proto.GatewayID, k Kind, tail string, ok bool) {
	rest, ok := strings.CutPrefix(subject, gatewayPrefix)
	if !ok || len(rest) < 10 || rest[8] != '.' || !proto.GatewayID(rest[:8]).Valid() {
		return "", "", "", false
	}
	kind, tail, ok := strings.Cut(rest[9:], ".")
	return proto.GatewayID(rest[:8]), Kind(kind), tail, ok && tail != ""
}

// Numbers are in base 36. Each relay has two of them, and package strconv divides by a base
// that is known only when it runs.
const (
	base      = 36
	digits    = "0123456789abcdefghijklmnopqrstuvwxyz"
	maxDigits = 13 // of an uint64
)

func appendNumber(dst []byte, n uint64) []byte {
	var b [maxDigits]byte
	i := len(b) - 1
	for ; n >= base; n /= base {
		b[i] = digits[n%base]
		i--
	}
	b[i] = digits[n]
	return append(dst, b[i:]...)
}

// parseNumber parses what appendNumber appends, and no other spelling of a number.
func parseNumber(s string) (n uint64, ok bool) {
	if s == "" || s[0] == '0' && len(s) > 1 || len(s) > maxDigits {
		return 0, false
	}
	for i := range len(s) {
		var digit uint64
		switch c := s[i]; {
		case '0' <= c && c <= '9':
			digit = uint64(c - '0')
		case 'a' <= c && c <= 'z':
			digit = uint64(c-'a') + 10
		default:
			return 0, false
		}
		if i == maxDigits-1 && n > (math.MaxUint64-digit)/base {
			return 0, false
		}
		n = n*base + digit
	}
	return n, true
}

// ParseLease returns the gateway of a lease subject.
func ParseLease(subject string) (proto.GatewayID, bool) {
	g, ok := strings.CutPrefix(subject, leasePrefix)
	return proto.GatewayID(g), ok && proto.GatewayID(g).Valid()
}
