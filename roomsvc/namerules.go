package roomsvc

import (
	"encoding/json"
	"fmt"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
)

// What the directory of names does with a request. The rules are pure: they derive a
// decision from the present entry and the request.
//
//	entry                               claim      release
//	none, or free                       write      done
//	of the peer                         done       write the tombstone
//	of another peer, the same secret    write      changed
//	of another peer, another secret     taken      changed
//
// A claim writes only over the revision that it names, and is refused as changed when the
// entry has another. With force it writes over an entry of another secret too.

// nameEntry is what the directory knows of a name.
type nameEntry struct {
	bus.NameEntry
	revision uint64 // 0: no entry
	proven   bool   // the way it was read proves that it was the latest
}

// free reports whether nobody has the name.
func (e *nameEntry) free() bool { return e.revision == 0 || e.Free }

// nameDecision is what follows from a request.
type nameDecision struct {
	write   bool            // next is to be written in place of the entry
	next    bus.NameEntry   // a tombstone when Free
	refused bus.NameRefusal // without write: why; "" is done
}

// decideName returns what kind, claim or release, does to e.
func decideName(kind bus.NameOperation, e *nameEntry, r *bus.NameRequest) nameDecision {
	own := !e.free() && e.Peer == r.Peer
	switch {
	case kind == bus.NameRelease && own:
		return nameDecision{write: true, next: bus.NameEntry{Free: true}}
	case kind == bus.NameRelease && !e.free():
		return nameDecision{refused: bus.RefusedChanged}
	case kind == bus.NameRelease, own:
		return nameDecision{}
	case !e.free() && e.Secret != r.Secret && !(r.Force && e.revision == r.Revision):
		return nameDecision{refused: bus.RefusedTaken}
	case e.revision != r.Revision:
		return nameDecision{refused: bus.RefusedChanged}
	}
	return nameDecision{write: true, next: bus.NameEntry{Peer: r.Peer, Owner: r.Owner, Secret: r.Secret}}
}

// reply returns the answer that shows e.
func (e *nameEntry) reply(refused bus.NameRefusal) *bus.NameReply {
	return &bus.NameReply{Refused: refused, Peer: e.Peer, Owner: e.Owner, Free: e.free(), Revision: e.revision}
}

// decodeName returns the entry in rec. Every delete marker means that the name is free.
func decodeName(rec kv.Record) (nameEntry, error) {
	e := nameEntry{revision: rec.Revision, proven: rec.Latest}
	switch {
	case rec.Revision == 0:
		return e, nil
	case rec.Deleted:
		e.Free = true
		return e, nil
	}
	if err := json.Unmarshal(rec.Value, &e.NameEntry); err != nil {
		return e, fmt.Errorf("revision %d is not a name: %w", rec.Revision, err)
	}
	if !e.Peer.Valid() || !e.Owner.Valid() || e.Free {
		return e, fmt.Errorf("revision %d is not a name: it has no valid peer and owner", rec.Revision)
	}
	return e, nil
}

// checkName refuses a request that is invalid whatever the entry is.
func checkName(kind bus.NameOperation, r *bus.NameRequest) *proto.Error {
	if _, ok := bus.NameKey(r.Namespace, r.Name); !ok {
		return proto.Invalid("name", fmt.Sprintf("A name has 1 to %d bytes, and a namespace lower-case letters.", bus.MaxNameBytes))
	}
	if kind == bus.NameGet {
		return nil
	}
	if !r.Peer.Valid() {
		return proto.Invalid("peer", "peer is not the id of a peer.")
	}
	if kind == bus.NameRelease {
		return nil
	}
	switch {
	case !r.Owner.Valid():
		return proto.Invalid("owner", "owner is not the id of a gateway.")
	case len(r.Secret) > bus.MaxSecretBytes:
		return proto.Invalid("secret", fmt.Sprintf("secret is longer than %d bytes: it must be a digest.", bus.MaxSecretBytes))
	}
	return nil
}

func noNameSpace() *proto.Error {
	return proto.Errorf(proto.LimitExceeded, "The server has no space for more names now. Try again in a minute.")
}
