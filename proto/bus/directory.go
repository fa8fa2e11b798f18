package bus

import (
	"time"

	"p2pconnector/proto"
)

// The session directory says which gateway owns a session that has moved. The
// room service keeps it in SessionsBucket; gateways ask and change it under
// SessionsPrefix.

// SessionsPrefix is the group that the directory's endpoints stand in.
const SessionsPrefix = "p2p.sessions"

// SessionOperation is the last token of an endpoint of the directory.
type SessionOperation string

// Operations of the session directory.
const (
	SessionTake SessionOperation = "take" // a gateway becomes the owner, in the next epoch
	SessionGet  SessionOperation = "get"  // who owns it?
	SessionEnd  SessionOperation = "end"  // the owner reports that the session is over
	SessionSync SessionOperation = "sync" // which of these sessions does the requester not own?
)

// SessionOperations lists all endpoints of the directory.
var SessionOperations = []SessionOperation{SessionTake, SessionGet, SessionEnd, SessionSync}

// Endpoint returns the name of op in NATS's service tools and in metrics, where
// the endpoints of rooms stand beside it.
func (op SessionOperation) Endpoint() string { return "sessions-" + string(op) }

// SessionsSubject returns the subject of requests for op.
func SessionsSubject(op SessionOperation) string { return SessionsPrefix + "." + string(op) }

// Bounds of the directory.
const (
	// MaxSyncSessions bounds the sessions of one sync request.
	MaxSyncSessions = 512
	// MaxEpoch is the last epoch that a session can reach: what JSON numbers hold exactly.
	MaxEpoch = 1<<53 - 1
	// SessionTombstone is how long the directory remembers that a session has
	// ended. It is longer than any session grace, so that a client that tries to
	// resume the session still gets the answer that it is over.
	SessionTombstone = 15 * time.Minute
)

// SessionEntry is the value of a key of SessionsBucket. No entry means that the
// gateway that issued the peer's id owns the session, in epoch 0. When the
// session has ended, the entry is a delete marker that vanishes after
// SessionTombstone.
type SessionEntry struct {
	Owner   proto.GatewayID `json:"owner,omitempty"`   // empty when Ended, and where there is no entry
	Epoch   uint64          `json:"epoch,omitempty"`   // grows by one with each owner
	Attempt uint64          `json:"attempt,omitempty"` // of Owner, as in the take
	Ended   bool            `json:"ended,omitempty"`
}

// SessionRequest is a gateway's request to the directory; the last token of the subject is
// its operation. All operations may be repeated safely.
type SessionRequest struct {
	Peer     proto.PeerID    `json:"peer,omitempty"`     // take, get, end
	Owner    proto.GatewayID `json:"owner,omitempty"`    // take: the gateway that wants to own it; end, sync: the requester
	Epoch    uint64          `json:"epoch,omitempty"`    // take: the epoch to own, which is the last known one and 1; end: that of Owner
	Revision uint64          `json:"revision,omitempty"` // take, end: the entry's, as last seen; 0: not seen
	Attempt  uint64          `json:"attempt,omitempty"`  // take: number of Owner's attempt; 0: Owner takes back what it had
	Sessions []Owned         `json:"sessions,omitempty"` // sync: at most MaxSyncSessions
}

// Owned is a session that a gateway serves.
type Owned struct {
	Peer  proto.PeerID `json:"peer"`
	Epoch uint64       `json:"epoch,omitempty"`
}

// SessionRefusal is why the directory refuses a request. Copies of the request that are
// still on their way take no effect either.
type SessionRefusal string

// Refusals of take and end.
const (
	RefusedMoved SessionRefusal = "moved" // the entry is another: ask its owner
	RefusedEnded SessionRefusal = "ended" // the session is over
)

// SessionReply is the directory's answer. Without Error it shows the entry as it
// was at some moment between request and reply; Revision 0 is no entry, or one
// that has Ended: a reply never shows a tombstone's revision, so that no take can
// overwrite one. An Error of code Unavailable leaves open whether the request took
// effect, or will.
type SessionReply struct {
	Error   *proto.Error   `json:"error,omitempty"`
	Refused SessionRefusal `json:"refused,omitempty"` // take, end
	SessionEntry
	Revision uint64       `json:"revision,omitempty"` // of the entry, see above
	Sessions []SessionRow `json:"sessions,omitempty"` // sync: those that the requester does not own in the epoch it named, by peer
}

// SessionRow is an entry of the directory in a list; Revision as in SessionReply.
type SessionRow struct {
	Peer proto.PeerID `json:"peer"`
	SessionEntry
	Revision uint64 `json:"revision,omitempty"`
}
