package bus

import (
	"encoding/base64"
	"strings"
	"time"

	"p2pconnector/proto"
)

// The directory of names says which peer a name stands for, in a namespace of the protocol
// that uses it. The room service keeps it in NamesBucket; gateways ask and change it under
// NamesPrefix.

// NamesPrefix is the group that the endpoints of the directory of names stand in.
const NamesPrefix = "p2p.names"

// NameOperation is the last token of an endpoint of the directory of names.
type NameOperation string

// Operations of the directory of names.
const (
	NameClaim   NameOperation = "claim"   // a peer takes a name
	NameGet     NameOperation = "get"     // which peer has it?
	NameRelease NameOperation = "release" // the peer gives it back
	NameList    NameOperation = "list"    // which names are taken?
)

// NameOperations lists all endpoints of the directory of names.
var NameOperations = []NameOperation{NameClaim, NameGet, NameRelease, NameList}

// Endpoint returns the name of op in NATS's service tools and in metrics.
func (op NameOperation) Endpoint() string { return "names-" + string(op) }

// NamesSubject returns the subject of requests for op.
func NamesSubject(op NameOperation) string { return NamesPrefix + "." + string(op) }

// Bounds of the directory of names.
const (
	// MaxNameBytes is the length of the longest name.
	MaxNameBytes = 128
	// MaxSecretBytes is the length of the longest secret.
	MaxSecretBytes = 64
	// MaxNameList is how many names a list shows at most.
	MaxNameList = 1000
	// NameTombstone is how long the directory remembers that a name was given back. It is
	// much longer than a request can be pending, so that no late claim brings a peer back
	// that has left.
	NameTombstone = 2 * time.Minute
)

// maxNamespaceBytes is the length of the longest namespace.
const maxNamespaceBytes = 16

// NameEntry is the value of a key of NamesBucket. A name that was given back leaves a
// delete marker, which vanishes after NameTombstone.
type NameEntry struct {
	Peer   proto.PeerID    `json:"peer,omitempty"`   // empty when Free
	Owner  proto.GatewayID `json:"owner,omitempty"`  // the gateway that serves Peer
	Secret string          `json:"secret,omitempty"` // who knows it may take the name over: a digest, never what a client sent
	Free   bool            `json:"free,omitempty"`   // nobody has the name
}

// NameRequest is a gateway's request to the directory of names; the last token of the
// subject is its operation. All operations may be repeated safely.
type NameRequest struct {
	Namespace string          `json:"namespace"`
	Name      string          `json:"name,omitempty"`     // not for list
	Peer      proto.PeerID    `json:"peer,omitempty"`     // claim, release
	Owner     proto.GatewayID `json:"owner,omitempty"`    // claim: the gateway that serves Peer
	Secret    string          `json:"secret,omitempty"`   // claim: a digest
	Revision  uint64          `json:"revision,omitempty"` // claim: the entry's, as last seen; 0: there is none
	Force     bool            `json:"force,omitempty"`    // claim: the peer at Revision is known to be gone
}

// NameRefusal is why the directory of names refuses a request. Copies of the request that
// are still on their way take no effect either.
type NameRefusal string

// Refusals of claim and release.
const (
	RefusedTaken   NameRefusal = "taken"   // another peer has the name, and another secret
	RefusedChanged NameRefusal = "changed" // the entry has another revision: look at it and try again
)

// NameReply is the directory's answer. Without Error it shows the entry as it was at some
// moment between request and reply; Revision 0 is no entry. A reply never shows a Secret.
// An Error of code Unavailable leaves open whether the request took effect, or will. The
// answer to a list has nothing but Names and More.
type NameReply struct {
	Error    *proto.Error    `json:"error,omitempty"`
	Refused  NameRefusal     `json:"refused,omitempty"`
	Peer     proto.PeerID    `json:"peer,omitempty"`
	Owner    proto.GatewayID `json:"owner,omitempty"`
	Free     bool            `json:"free,omitempty"`
	Revision uint64          `json:"revision,omitempty"`
	Names    []string        `json:"names,omitempty"`
	More     bool            `json:"more,omitempty"` // there are more than MaxNameList names
}

// NameKeys stands for every key of NamesBucket.
const NameKeys = "*.*"

// NameKey returns the key of a name in NamesBucket: its namespace, and the name encoded. ok
// is false when one of them is empty or too long, or the namespace holds anything but
// lower-case letters.
func NameKey(namespace, name string) (key string, ok bool) {
	if !validNamespace(namespace) || name == "" || len(name) > MaxNameBytes {
		return "", false
	}
	return namespace + "." + base64.RawURLEncoding.EncodeToString([]byte(name)), true
}

// NamespaceKeys stands for the keys of all names in a namespace; ok is false when it is
// invalid.
func NamespaceKeys(namespace string) (keys string, ok bool) {
	return namespace + ".*", validNamespace(namespace)
}

// ParseNameKey is the inverse of NameKey.
func ParseNameKey(key string) (namespace, name string, ok bool) {
	namespace, token, ok := strings.Cut(key, ".")
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if again, valid := NameKey(namespace, string(b)); !ok || err != nil || !valid || again != key {
		return "", "", false
	}
	return namespace, string(b), true
}

func validNamespace(s string) bool {
	if s == "" || len(s) > maxNamespaceBytes || s == "barrier" { // the room service's own keys begin so
		return false
	}
	for i := range len(s) {
		if s[i] < 'a' || s[i] > 'z' {
			return false
		}
	}
	return true
}
