package directory

import (
	"encoding/json"
	"fmt"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
)

// Sessions is the directory of sessions: peer → owner, in an epoch. A take or an end:
//
//	entry                            take                     end
//	none                             epoch 1: write           done
//	                                 above: ended
//	ended                            ended                    done
//	of owner, in epoch, by attempt   done                     write the tombstone
//	of owner, in epoch               moved                    write the tombstone
//	at revision, of epoch-1          write                    moved
//	anything else                    moved                    moved
type Sessions struct {
	*Directory[bus.SessionOperation, bus.SessionRequest, bus.SessionEntry, bus.SessionReply]
	batch kv.BatchBucket // the same bucket
}

// SessionRequest is a request to Sessions.
type SessionRequest = Request[bus.SessionOperation, bus.SessionRequest, bus.SessionReply]

// NewSessions returns the directory of sessions that is kept in b.
func NewSessions(b kv.BatchBucket, cfg Config) *Sessions {
	d := &Sessions{batch: b}
	d.Directory = newDirectory(b, cfg, &cfg.Metrics.Sessions, sessionRules, &pool{most: maxSyncCalls, room: maxSyncWaiting})
	d.pass = func(kind bus.SessionOperation) once[bus.SessionOperation, bus.SessionRequest, bus.SessionReply] {
		if kind == bus.SessionSync {
			return d.sync
		}
		return nil
	}
	return d
}

var sessionRules = rules[bus.SessionOperation, bus.SessionRequest, bus.SessionEntry, bus.SessionReply]{
	name:    "sessions",
	peer:    func(r *bus.SessionRequest) proto.PeerID { return r.Peer },
	check:   checkSession,
	key:     func(r *bus.SessionRequest) (string, error) { return bus.SessionKey(r.Peer) },
	decode:  decodeSession,
	assume:  assumeSession,
	decide:  decideSession,
	unsure:  sessionUnsure,
	reply:   sessionReply,
	fail:    func(e *proto.Error) *bus.SessionReply { return &bus.SessionReply{Error: e} },
	outcome: func(r *bus.SessionReply) (*proto.Error, string) { return r.Error, string(r.Refused) },
	full:    "The session directory has no space for more sessions that move. Go on with a fresh id, or try again in a minute.",
	left:    sessionLeft,
}

type sessionEntry = entry[bus.SessionEntry]

// assumeSession assumes the entry that the request knows.
func assumeSession(kind bus.SessionOperation, r *bus.SessionRequest) (sessionEntry, bool) {
	switch {
	case kind == bus.SessionTake && (r.Revision > 0 || r.Epoch == 1):
		return sessionEntry{value: bus.SessionEntry{Epoch: r.Epoch - 1}, revision: r.Revision}, true
	case kind == bus.SessionEnd && r.Revision > 0:
		return sessionEntry{value: bus.SessionEntry{Owner: r.Owner, Epoch: r.Epoch}, revision: r.Revision}, true
	}
	return sessionEntry{}, false
}

// decideSession returns what kind does to e.
func decideSession(kind bus.SessionOperation, e *sessionEntry, r *bus.SessionRequest) decision[bus.SessionEntry] {
	switch kind {
	case bus.SessionTake:
		return decideTake(e, r)
	case bus.SessionEnd:
		return decideEnd(e, r)
	}
	return decision[bus.SessionEntry]{}
}

func decideTake(e *sessionEntry, r *bus.SessionRequest) decision[bus.SessionEntry] {
	type decided = decision[bus.SessionEntry]
	wanted := bus.SessionEntry{Owner: r.Owner, Epoch: r.Epoch, Attempt: r.Attempt}
	switch {
	case e.value.Ended, e.revision == 0 && r.Epoch > 1:
		return decided{refused: string(bus.RefusedEnded)}
	case e.revision == 0:
		return decided{write: true, next: wanted}
	case e.value == wanted:
		return decided{}
	case e.revision == r.Revision && e.value.Epoch+1 == r.Epoch:
		return decided{write: true, next: wanted}
	}
	return decided{refused: string(bus.RefusedMoved)}
}

func decideEnd(e *sessionEntry, r *bus.SessionRequest) decision[bus.SessionEntry] {
	type decided = decision[bus.SessionEntry]
	switch {
	case e.revision == 0, e.value.Ended:
		return decided{}
	case e.value.Owner == r.Owner && e.value.Epoch == r.Epoch:
		return decided{write: true, remove: true, next: bus.SessionEntry{Epoch: r.Epoch, Ended: true}}
	}
	return decided{refused: string(bus.RefusedMoved)}
}

// sessionUnsure: another request may have changed the entry since a take wrote it. When two
// attempts want the same epoch, the entry in that epoch names the one that got it. An end
// is never refused after it has taken effect.
func sessionUnsure(kind bus.SessionOperation, r *bus.SessionRequest, reply *bus.SessionReply) bool {
	return kind == bus.SessionTake &&
		(reply.Error != nil || reply.Refused == bus.RefusedEnded || reply.Refused == bus.RefusedMoved && reply.Epoch > r.Epoch)
}

func sessionReply(e *sessionEntry, refused string) *bus.SessionReply {
	return &bus.SessionReply{Refused: bus.SessionRefusal(refused), SessionEntry: e.value, Revision: shownRevision(e)}
}

// shownRevision returns the revision of e that gateways get. It hides that of a tombstone,
// because a take that named it would overwrite the tombstone without a read.
func shownRevision(e *sessionEntry) uint64 {
	if e.value.Ended {
		return 0
	}
	return e.revision
}

// sessionLeft: an end by the owner in its epoch, so that a session that another gateway takes
// meanwhile goes on.
func sessionLeft(key string, e *sessionEntry) (proto.GatewayID, bus.SessionOperation, *bus.SessionRequest) {
	peer, ok := bus.ParseSessionKey(key)
	if !ok || e.revision == 0 || e.value.Ended {
		return "", "", nil
	}
	return e.value.Owner, bus.SessionEnd, &bus.SessionRequest{Peer: peer, Owner: e.value.Owner, Epoch: e.value.Epoch, Revision: e.revision}
}

// owns reports whether e makes g the owner of peer in epoch.
func owns(e *sessionEntry, peer proto.PeerID, g proto.GatewayID, epoch uint64) bool {
	if e.revision == 0 {
		return epoch == 0 && peer.Home() == g
	}
	return !e.value.Ended && e.value.Owner == g && e.value.Epoch == epoch
}

// decodeSession sets e to the entry in rec. A delete marker that other tools wrote also means
// that the session has ended.
func decodeSession(e *sessionEntry, rec kv.Record) error {
	e.revision, e.latest = rec.Revision, rec.Latest
	if rec.Revision == 0 {
		return nil
	}
	err := json.Unmarshal(rec.Value, &e.value)
	switch {
	case rec.Deleted && err != nil:
		e.value = bus.SessionEntry{Ended: true}
	case rec.Deleted:
		e.value.Ended = true
	case err != nil:
		return fmt.Errorf("revision %d is not a session: %w", rec.Revision, err)
	case !e.value.Owner.Valid() || e.value.Epoch == 0 || e.value.Epoch > bus.MaxEpoch || e.value.Ended:
		return fmt.Errorf("revision %d is not a session: it has no valid owner and epoch", rec.Revision)
	}
	return nil
}

// checkSession refuses a request that is invalid whatever the entry is.
func checkSession(kind bus.SessionOperation, r *bus.SessionRequest) *proto.Error {
	if kind != bus.SessionSync {
		if r.Peer == "" {
			return proto.Missing("peer", "peer is missing. Name the peer whose session this is about.")
		}
		if !r.Peer.Valid() {
			return proto.Invalid("peer", "peer is not the id of a peer.")
		}
	}
	if kind != bus.SessionGet {
		if r.Owner == "" {
			return proto.Missing("owner", "owner is missing. Name the gateway.")
		}
		if !r.Owner.Valid() {
			return proto.Invalid("owner", "owner is not the id of a gateway.")
		}
	}
	if r.Epoch > bus.MaxEpoch {
		return proto.Invalid("epoch", fmt.Sprintf("epoch is above %d.", uint64(bus.MaxEpoch)))
	}
	switch kind {
	case bus.SessionTake:
		if r.Epoch == 0 {
			return proto.Invalid("epoch", "epoch must be the last known one and 1.")
		}
		if r.Revision > 0 && r.Epoch == 1 {
			// The write would not detect that the entry is of a later epoch.
			return proto.Invalid("epoch", "An entry is of epoch 1 at least, and so the next one of 2.")
		}
	case bus.SessionSync:
		return checkOwned(r.Sessions)
	}
	return nil
}

func checkOwned(list []bus.Owned) *proto.Error {
	if len(list) > bus.MaxSyncSessions {
		return proto.Invalid("sessions", fmt.Sprintf("More than %d sessions in one request. Send them in several.", bus.MaxSyncSessions))
	}
	for _, o := range list {
		if !o.Peer.Valid() {
			return proto.Invalid("sessions", "A session's peer is not the id of a peer.")
		}
	}
	return nil
}
