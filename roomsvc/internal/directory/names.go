package directory

import (
	"encoding/json"
	"errors"
	"fmt"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
	"p2pconnector/roomsvc/internal/kv"
)

// Names is the directory of names: (namespace, name) → peer. A claim or a release:
//
//	entry                               claim      release
//	none, or free                       write      done
//	of the peer                         done       write the tombstone
//	of another peer, the same secret    write      changed
//	of another peer, another secret     taken      changed
//
// A claim writes only over the revision that it names, and is refused as changed when the
// entry has another. With force it writes over an entry of another secret too.
type Names struct {
	*Directory[bus.NameOperation, bus.NameRequest, bus.NameEntry, bus.NameReply]
	scan Scan
}

// NameRequest is a request to Names.
type NameRequest = Request[bus.NameOperation, bus.NameRequest, bus.NameReply]

// NewNames returns the directory of names that is kept in b, whose keys scan reads.
func NewNames(b kv.Bucket, scan Scan, cfg Config) *Names {
	d := &Names{scan: scan}
	d.Directory = newDirectory(b, cfg, &cfg.Metrics.Names, nameRules, &pool{most: maxListCalls, room: maxListWaiting})
	d.pass = func(kind bus.NameOperation) once[bus.NameOperation, bus.NameRequest, bus.NameReply] {
		if kind == bus.NameList {
			return d.list
		}
		return nil
	}
	return d
}

var nameRules = rules[bus.NameOperation, bus.NameRequest, bus.NameEntry, bus.NameReply]{
	name:    "names",
	peer:    func(r *bus.NameRequest) proto.PeerID { return r.Peer },
	check:   checkName,
	key:     nameKey,
	decode:  decodeName,
	assume:  assumeName,
	decide:  decideName,
	unsure:  nameUnsure,
	reply:   nameReply,
	fail:    func(e *proto.Error) *bus.NameReply { return &bus.NameReply{Error: e} },
	outcome: func(r *bus.NameReply) (*proto.Error, string) { return r.Error, string(r.Refused) },
	full:    "The server has no space for more names now. Try again in a minute.",
	left:    nameLeft,
}

type nameEntry = entry[bus.NameEntry]

// free reports whether nobody has the name.
func free(e *nameEntry) bool { return e.revision == 0 || e.value.Free }

func nameKey(r *bus.NameRequest) (string, error) {
	key, ok := bus.NameKey(r.Namespace, r.Name)
	if !ok {
		return "", errors.New("no key of a name") // checkName has refused it
	}
	return key, nil
}

// assumeName: a claim that knows of no entry assumes that there is none.
func assumeName(kind bus.NameOperation, r *bus.NameRequest) (nameEntry, bool) {
	return nameEntry{}, kind == bus.NameClaim && r.Revision == 0
}

// decideName returns what kind does to e.
func decideName(kind bus.NameOperation, e *nameEntry, r *bus.NameRequest) decision[bus.NameEntry] {
	type decided = decision[bus.NameEntry]
	own := !free(e) && e.value.Peer == r.Peer
	switch {
	case kind == bus.NameGet:
		return decided{}
	case kind == bus.NameRelease && own:
		return decided{write: true, remove: true, next: bus.NameEntry{Free: true}}
	case kind == bus.NameRelease && !free(e):
		return decided{refused: string(bus.RefusedChanged)}
	case kind == bus.NameRelease, own:
		return decided{}
	case !free(e) && e.value.Secret != r.Secret && !(r.Force && e.revision == r.Revision):
		return decided{refused: string(bus.RefusedTaken)}
	case e.revision != r.Revision:
		return decided{refused: string(bus.RefusedChanged)}
	}
	return decided{write: true, next: bus.NameEntry{Peer: r.Peer, Owner: r.Owner, Secret: r.Secret}}
}

// nameUnsure: what a claim or a release wrote may have been replaced since by the claim of
// another peer.
func nameUnsure(_ bus.NameOperation, _ *bus.NameRequest, reply *bus.NameReply) bool {
	return reply.Error != nil || reply.Refused != ""
}

// nameReply returns the answer that shows e, without its secret.
func nameReply(e *nameEntry, refused string) *bus.NameReply {
	return &bus.NameReply{Refused: bus.NameRefusal(refused), Peer: e.value.Peer, Owner: e.value.Owner, Free: free(e), Revision: e.revision}
}

// nameLeft: a release by the peer that has the name, so that the name stays with a peer that
// takes it meanwhile.
func nameLeft(key string, e *nameEntry) (proto.GatewayID, bus.NameOperation, *bus.NameRequest) {
	namespace, name, ok := bus.ParseNameKey(key)
	if !ok || free(e) {
		return "", "", nil
	}
	return e.value.Owner, bus.NameRelease, &bus.NameRequest{Namespace: namespace, Name: name, Peer: e.value.Peer}
}

// decodeName sets e to the entry in rec. Every delete marker means that the name is free.
func decodeName(e *nameEntry, rec kv.Record) error {
	e.revision, e.latest = rec.Revision, rec.Latest
	switch {
	case rec.Revision == 0:
		return nil
	case rec.Deleted:
		e.value.Free = true
		return nil
	}
	if err := json.Unmarshal(rec.Value, &e.value); err != nil {
		return fmt.Errorf("revision %d is not a name: %w", rec.Revision, err)
	}
	if !e.value.Peer.Valid() || !e.value.Owner.Valid() || e.value.Free {
		return fmt.Errorf("revision %d is not a name: it has no valid peer and owner", rec.Revision)
	}
	return nil
}

// checkName refuses a request that is invalid whatever the entry is.
func checkName(kind bus.NameOperation, r *bus.NameRequest) *proto.Error {
	if kind == bus.NameList {
		if _, ok := bus.NamespaceKeys(r.Namespace); !ok {
			return proto.Invalid("namespace", "A namespace has lower-case letters only.")
		}
		return nil
	}
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
