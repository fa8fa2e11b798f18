package chaos

import (
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// nameLoad makes peers of all gateways claim names, take them over with the secret or by
// force, give them back, and look them up.
type nameLoad struct{}

// peersEach is how many peers of one gateway want the same names.
const peersEach = 2

// peerID returns the id of a peer of the load by its number, from 1.
func (nameLoad) peerID(r *registry, number byte) proto.PeerID {
	g := r.gateways[(number-1)/peersEach]
	return proto.PeerID(fmt.Sprintf("%s-0000-8000-8000-%012x", g, number))
}

func (nameLoad) model() porcupine.Model { return nameModel }

func (nameLoad) entry(*registry) string {
	return "name-" + string(proto.NewPeerID(proto.NewGatewayID()))
}

func (l nameLoad) try(r *registry, entry string, n byte, known any) attempt {
	k, _ := known.(bus.NameReply)
	in := nameInput{kind: bus.NameClaim, peer: (n-1)*peersEach + 1 + byte(rand.N(peersEach))}
	switch rand.N(10) {
	case 0, 1:
		in.kind = bus.NameGet
	case 2, 3:
		in.kind = bus.NameRelease
	default:
		in.secret, in.revision, in.force = byte(rand.N(2)), k.Revision, rand.N(4) == 0
	}
	req := bus.NameRequest{
		Namespace: "chaos", Name: strings.TrimPrefix(entry, "name-"), Peer: l.peerID(r, in.peer), Owner: r.gateways[n-1],
		Secret: fmt.Sprint(in.secret), Revision: in.revision, Force: in.force,
	}
	a := attempt{input: in, known: k}
	if in.kind != bus.NameGet {
		a.unknown = nameOutput{code: string(unknown)}
	}
	reply := new(bus.NameReply)
	a.result = r.ask(bus.NamesSubject(in.kind), &req, reply, func() *proto.Error { return reply.Error })
	if a.result == answered {
		out := nameOutput{code: string(reply.Refused), shown: name{free: reply.Free, revision: reply.Revision}}
		for number := byte(1); number <= takers*peersEach; number++ {
			if l.peerID(r, number) == reply.Peer {
				out.shown.peer = number
			}
		}
		a.what, a.output, a.known = string(in.kind)+" "+string(reply.Refused), out, *reply
	}
	return a
}

// name is the entry of one name in the directory as the protocol defines it. Peers and
// secrets are numbers. A reply shows no secret.
type name struct {
	peer, secret byte
	free         bool   // no peer has the name
	revision     uint64 // 0: no entry; anyRevision: written by a claim or release of unknown outcome
}

const anyRevision = ^uint64(0)

// nameInput is an operation on a name.
type nameInput struct {
	kind         bus.NameOperation
	peer, secret byte
	revision     uint64
	force        bool
}

// nameOutput is the outcome of an operation: "" for success, a refusal, or unknown; and the
// entry that the answer shows.
type nameOutput struct {
	code  string
	shown name
}

// do applies one operation by the rules of the protocol, and returns the entry after it,
// whether it was written, and the refusal that answers it. seen says that the entry is at
// the revision that the operation names.
func (s name) do(in nameInput, seen bool) (next name, written bool, code string) {
	own := !s.free && s.peer == in.peer
	switch {
	case in.kind == bus.NameGet, in.kind == bus.NameRelease && s.free, in.kind == bus.NameClaim && own:
		return s, false, ""
	case in.kind == bus.NameRelease && !own:
		return s, false, string(bus.RefusedChanged)
	case in.kind == bus.NameRelease:
		return name{free: true}, true, ""
	case !s.free && s.secret != in.secret && !(in.force && seen):
		return s, false, string(bus.RefusedTaken)
	case !seen:
		return s, false, string(bus.RefusedChanged)
	}
	return name{peer: in.peer, secret: in.secret}, true, ""
}

// nameStep is the model's step. An operation of unknown outcome takes effect at any time,
// which may be the very end. The revision that it writes is known when the next answer shows
// it. Until then the entry may be at the revision that an operation names, if the answer
// says so.
func nameStep(state, in, out any) (bool, any) {
	s, i, o := state.(name), in.(nameInput), out.(nameOutput)
	seen := i.revision == s.revision
	if s.revision == anyRevision {
		seen = i.revision != 0 && (o.code == string(unknown) || o.code == "")
	}
	next, written, code := s.do(i, seen)
	switch {
	case o.code == string(unknown):
		if written {
			next.revision = anyRevision
		}
		return true, next
	case code != o.code, next.peer != o.shown.peer, next.free != o.shown.free:
		return false, s
	case written:
		next.revision = o.shown.revision
		return s.revision == anyRevision || next.revision > s.revision, next
	case s.revision == anyRevision:
		next.revision = o.shown.revision
		return next.revision != 0, next
	}
	return s.revision == o.shown.revision, s
}

var nameModel = porcupine.Model{
	Init:          func() any { return name{free: true} },
	Step:          nameStep,
	Hash:          func(s any) uint64 { return maphash.Comparable(hashSeed, s.(name)) },
	DescribeState: func(s any) string { return fmt.Sprintf("%+v", s) },
	DescribeOperation: func(in, out any) string {
		i := in.(nameInput)
		return fmt.Sprintf("%s by %d, secret %d, revision %d, force %v → %+v", i.kind, i.peer, i.secret, i.revision, i.force, out)
	},
}

func TestNameModel_RightAndWrongHistories_AreDistinguished(t *testing.T) {
	op := func(call, ret int64, in nameInput, out nameOutput) porcupine.Operation {
		return porcupine.Operation{Input: in, Call: call, Output: out, Return: ret}
	}
	claim := func(peer, secret byte, revision uint64) nameInput {
		return nameInput{kind: bus.NameClaim, peer: peer, secret: secret, revision: revision}
	}
	forced := func(peer byte, revision uint64) nameInput {
		return nameInput{kind: bus.NameClaim, peer: peer, secret: 9, revision: revision, force: true}
	}
	has := func(peer byte, revision uint64) nameOutput {
		return nameOutput{shown: name{peer: peer, revision: revision}}
	}
	refused := func(code bus.NameRefusal, o nameOutput) nameOutput { o.code = string(code); return o }
	lost := nameOutput{code: string(unknown)}
	nobody := func(revision uint64) nameOutput { return nameOutput{shown: name{free: true, revision: revision}} }
	get, release := nameInput{kind: bus.NameGet}, nameInput{kind: bus.NameRelease, peer: 1}
	first := op(1, 2, claim(1, 1, 0), has(1, 5))
	for name, c := range map[string]struct {
		ops []porcupine.Operation
		ok  bool
	}{
		"two winners":                      {[]porcupine.Operation{op(1, 3, claim(1, 1, 0), has(1, 5)), op(2, 4, claim(2, 2, 0), has(2, 6))}, false},
		"the second is refused":            {[]porcupine.Operation{op(1, 3, claim(1, 1, 0), has(1, 5)), op(2, 4, claim(2, 2, 0), refused(bus.RefusedTaken, has(1, 5)))}, true},
		"refused before anybody claims":    {[]porcupine.Operation{op(1, 2, claim(2, 2, 0), refused(bus.RefusedTaken, has(1, 5))), op(3, 4, claim(1, 1, 0), has(1, 5))}, false},
		"taken over with the secret":       {[]porcupine.Operation{first, op(3, 4, claim(2, 1, 5), has(2, 6))}, true},
		"taken over with another secret":   {[]porcupine.Operation{first, op(3, 4, claim(2, 2, 5), has(2, 6))}, false},
		"taken over, not seen":             {[]porcupine.Operation{first, op(3, 4, claim(2, 1, 4), has(2, 6))}, false},
		"taken over by force":              {[]porcupine.Operation{first, op(3, 4, forced(2, 5), has(2, 6))}, true},
		"by force, not seen":               {[]porcupine.Operation{first, op(3, 4, forced(2, 4), has(2, 6))}, false},
		"an old answer":                    {[]porcupine.Operation{first, op(3, 4, get, nobody(0))}, false},
		"a revision that falls":            {[]porcupine.Operation{first, op(3, 4, claim(2, 1, 5), has(2, 4))}, false},
		"given back, and claimed":          {[]porcupine.Operation{first, op(3, 4, release, nobody(6)), op(5, 6, claim(2, 2, 6), has(2, 7))}, true},
		"given back by another":            {[]porcupine.Operation{first, op(3, 4, nameInput{kind: bus.NameRelease, peer: 2}, nobody(6))}, false},
		"claimed late, after it was free":  {[]porcupine.Operation{first, op(3, 4, release, nobody(6)), op(5, 6, claim(2, 2, 0), has(2, 7))}, false},
		"a claim of unknown outcome":       {[]porcupine.Operation{op(1, never, claim(1, 1, 0), lost), op(2, 3, get, nobody(0)), op(4, 5, get, has(1, 5)), op(6, 7, claim(2, 1, 5), has(2, 6))}, true},
		"refused, and took effect":         {[]porcupine.Operation{op(1, 2, claim(1, 1, 0), refused(bus.RefusedChanged, has(2, 6))), op(1, 2, claim(2, 1, 5), has(2, 6))}, false},
		"unknown, then at two revisions":   {[]porcupine.Operation{op(1, never, claim(1, 1, 0), lost), op(2, 3, get, has(1, 5)), op(4, 5, get, has(1, 6))}, false},
		"unknown, taken over at once":      {[]porcupine.Operation{op(1, never, claim(1, 1, 0), lost), op(4, 5, claim(2, 1, 5), has(2, 6))}, true},
		"unknown, and its revision missed": {[]porcupine.Operation{op(1, never, claim(1, 1, 0), lost), op(4, 5, claim(2, 1, 4), refused(bus.RefusedChanged, has(1, 5)))}, true},
	} {
		if got := porcupine.CheckOperations(nameModel, c.ops); got != c.ok {
			t.Errorf("%s: got %v, want %v", name, got, c.ok)
		}
	}
}
