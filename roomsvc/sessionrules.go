package roomsvc

import (
	"encoding/json"
	"fmt"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
)

// What the session directory does with a request. The rules are pure: they
// derive a decision from the present entry and the request.
//
//	entry                          take                     end
//	none                           epoch 1: write           done
//	                               above: ended
//	ended                          ended                    done
//	of owner, in epoch             done                     write the tombstone
//	at revision, of epoch-1        write                    moved
//	anything else                  moved                    moved

// entry is what the directory knows of a peer's session.
type entry struct {
	bus.SessionEntry
	revision uint64 // 0: no entry
	proven   bool   // the way it was read proves that it was the latest
}

// decision is what follows from a request.
type decision struct {
	write   bool               // next is to be written in place of the entry
	next    bus.SessionEntry   // a tombstone when Ended
	refused bus.SessionRefusal // without write: why; "" is done
}

// decide returns what kind, take or end, does to e.
func decide(kind bus.SessionOperation, e *entry, r *bus.SessionRequest) decision {
	if kind == bus.SessionTake {
		return decideTake(e, r)
	}
	return decideEnd(e, r)
}

func decideTake(e *entry, r *bus.SessionRequest) decision {
	wanted := bus.SessionEntry{Owner: r.Owner, Epoch: r.Epoch}
	switch {
	case e.Ended, e.revision == 0 && r.Epoch > 1:
		return decision{refused: bus.RefusedEnded}
	case e.revision == 0:
		return decision{write: true, next: wanted}
	case e.SessionEntry == wanted:
		return decision{}
	case e.revision == r.Revision && e.Epoch+1 == r.Epoch:
		return decision{write: true, next: wanted}
	}
	return decision{refused: bus.RefusedMoved}
}

func decideEnd(e *entry, r *bus.SessionRequest) decision {
	switch {
	case e.revision == 0, e.Ended:
		return decision{}
	case e.Owner == r.Owner && e.Epoch == r.Epoch:
		return decision{write: true, next: bus.SessionEntry{Epoch: r.Epoch, Ended: true}}
	}
	return decision{refused: bus.RefusedMoved}
}

// shownRevision returns the revision of e that gateways get. It hides that of a
// tombstone, because a take that named it would overwrite the tombstone without
// a read.
func (e *entry) shownRevision() uint64 {
	if e.Ended {
		return 0
	}
	return e.revision
}

// assumed returns the entry that r takes for the present one, which saves a
// read: the write conflicts when the entry is another. It returns false when r
// does not name one.
func assumed(kind bus.SessionOperation, r *bus.SessionRequest) (entry, bool) {
	switch {
	case kind == bus.SessionTake && (r.Revision > 0 || r.Epoch == 1):
		e := entry{revision: r.Revision}
		e.Epoch = r.Epoch - 1
		return e, true
	case kind == bus.SessionEnd && r.Revision > 0:
		return entry{SessionEntry: bus.SessionEntry{Owner: r.Owner, Epoch: r.Epoch}, revision: r.Revision}, true
	}
	return entry{}, false
}

// owns reports whether e makes g the owner of peer in epoch.
func (e *entry) owns(peer proto.PeerID, g proto.GatewayID, epoch uint64) bool {
	if e.revision == 0 {
		return epoch == 0 && peer.Home() == g
	}
	return !e.Ended && e.Owner == g && e.Epoch == epoch
}

// decodeSession returns the entry in rec. A delete marker that other tools
// wrote also means that the session has ended.
func decodeSession(rec kv.Record) (entry, error) {
	e := entry{revision: rec.Revision, proven: rec.Latest}
	if rec.Revision == 0 {
		return e, nil
	}
	err := json.Unmarshal(rec.Value, &e.SessionEntry)
	switch {
	case rec.Deleted && err != nil:
		e.SessionEntry = bus.SessionEntry{Ended: true}
	case rec.Deleted:
		e.Ended = true
	case err != nil:
		return e, fmt.Errorf("revision %d is not a session: %w", rec.Revision, err)
	case !e.Owner.Valid() || e.Epoch == 0 || e.Epoch > bus.MaxEpoch || e.Ended:
		return e, fmt.Errorf("revision %d is not a session: it has no valid owner and epoch", rec.Revision)
	}
	return e, nil
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

func noSessionSpace() *proto.Error {
	return proto.Errorf(proto.LimitExceeded, "The session directory has no space for more sessions that move. Go on with a fresh id, or try again in a minute.")
}
