package chaos

import (
	"fmt"
	"hash/maphash"
	"testing"

	"github.com/anishathalye/porcupine"

	"p2pconnector/proto/bus"
)

// owned is the entry of one session in the directory as the protocol defines it.
// The zero value is no entry. Gateways are numbers, from 1.
type owned struct {
	owner   byte
	epoch   uint64
	attempt byte // of owner
	ended   bool
}

// inquiry is an operation on a session's entry.
type inquiry struct {
	kind    bus.SessionOperation
	owner   byte
	epoch   uint64
	attempt byte // take
	home    bool // owner issued the peer's id
}

// finding is the outcome of an inquiry: "" for success, a refusal, or unknown;
// and the entry that the answer shows.
type finding struct {
	code  string
	shown owned
	own   bool // sync: the session was not listed
}

// do applies one operation by the rules of the protocol, and returns the entry
// after it and the refusal that answers it.
func (s owned) do(in inquiry) (owned, string) {
	wanted := owned{owner: in.owner, epoch: in.epoch, attempt: in.attempt}
	switch in.kind {
	case bus.SessionTake:
		switch {
		case s == wanted:
			return s, ""
		case s.ended:
			return s, string(bus.RefusedEnded)
		case s.epoch+1 == in.epoch:
			return wanted, ""
		}
		return s, string(bus.RefusedMoved)
	case bus.SessionEnd:
		switch {
		case s == owned{}, s.ended:
			return s, ""
		case s.owner == in.owner && s.epoch == in.epoch:
			return owned{epoch: in.epoch, ended: true}, ""
		}
		return s, string(bus.RefusedMoved)
	}
	return s, ""
}

func (s owned) has(in inquiry) bool {
	return !s.ended && s.epoch > 0 && s.owner == in.owner && s.epoch == in.epoch || s == owned{} && in.home && in.epoch == 0
}

// inquire is the model's step. As with rooms, an operation of unknown outcome
// takes effect at any time, which may be the very end.
func inquire(state, in, out any) (bool, any) {
	s, i, o := state.(owned), in.(inquiry), out.(finding)
	next, code := s.do(i)
	switch {
	case o.code == string(unknown):
		return true, next
	case code != o.code:
		return false, s
	case i.kind == bus.SessionSync:
		return o.own == s.has(i) && (o.own || o.shown == s), s
	}
	return o.shown == next, next
}

var directoryModel = porcupine.Model{
	Init:          func() any { return owned{} },
	Step:          inquire,
	Hash:          func(s any) uint64 { return maphash.Comparable(hashSeed, s.(owned)) },
	DescribeState: func(s any) string { return fmt.Sprintf("%+v", s) },
	DescribeOperation: func(in, out any) string {
		i := in.(inquiry)
		return fmt.Sprintf("%s by %d, epoch %d, attempt %d → %+v", i.kind, i.owner, i.epoch, i.attempt, out)
	},
}

func TestDirectoryModel_RightAndWrongHistories_AreDistinguished(t *testing.T) {
	op := func(call, ret int64, in inquiry, out finding) porcupine.Operation {
		return porcupine.Operation{Input: in, Call: call, Output: out, Return: ret}
	}
	take := func(w byte, epoch uint64) inquiry {
		return inquiry{kind: bus.SessionTake, owner: w, epoch: epoch}
	}
	second := inquiry{kind: bus.SessionTake, owner: 1, epoch: 1, attempt: 2}
	won := func(w byte, epoch uint64) finding { return finding{shown: owned{owner: w, epoch: epoch}} }
	moved := func(w byte, epoch uint64) finding {
		return finding{code: string(bus.RefusedMoved), shown: owned{owner: w, epoch: epoch}}
	}
	get := inquiry{kind: bus.SessionGet}
	end := inquiry{kind: bus.SessionEnd, owner: 1, epoch: 1}
	over := owned{epoch: 1, ended: true}
	first := op(1, 2, take(1, 1), won(1, 1))
	for name, c := range map[string]struct {
		ops []porcupine.Operation
		ok  bool
	}{
		"one after the other":           {[]porcupine.Operation{first, op(3, 4, take(2, 2), won(2, 2))}, true},
		"two winners of an epoch":       {[]porcupine.Operation{op(1, 3, take(1, 1), won(1, 1)), op(2, 4, take(2, 1), won(2, 1))}, false},
		"the second is refused":         {[]porcupine.Operation{op(1, 3, take(1, 1), won(1, 1)), op(2, 4, take(2, 1), moved(1, 1))}, true},
		"the same again":                {[]porcupine.Operation{first, op(3, 4, take(1, 1), won(1, 1))}, true},
		"another attempt, granted too":  {[]porcupine.Operation{first, op(3, 4, second, finding{shown: owned{owner: 1, epoch: 1, attempt: 2}})}, false},
		"another attempt, shown as won": {[]porcupine.Operation{first, op(3, 4, second, won(1, 1))}, false},
		"another attempt is refused":    {[]porcupine.Operation{first, op(3, 4, second, moved(1, 1))}, true},
		"an epoch falls":                {[]porcupine.Operation{first, op(3, 4, take(2, 2), won(2, 2)), op(5, 6, get, won(1, 1))}, false},
		"an old answer":                 {[]porcupine.Operation{first, op(3, 4, get, finding{})}, false},
		"a take of unknown outcome":     {[]porcupine.Operation{op(1, never, take(1, 1), finding{code: string(unknown)}), op(2, 3, get, finding{}), op(4, 5, get, won(1, 1))}, true},
		"taken after the end":           {[]porcupine.Operation{first, op(3, 4, end, finding{shown: over}), op(5, 6, take(2, 2), won(2, 2))}, false},
		"refused after the end":         {[]porcupine.Operation{first, op(3, 4, end, finding{shown: over}), op(5, 6, take(2, 2), finding{code: string(bus.RefusedEnded), shown: over})}, true},
		"sync of the owner":             {[]porcupine.Operation{first, op(3, 4, inquiry{kind: bus.SessionSync, owner: 1, epoch: 1}, finding{own: true})}, true},
		"sync that hides a loss":        {[]porcupine.Operation{first, op(3, 4, inquiry{kind: bus.SessionSync, owner: 2, home: true}, finding{own: true})}, false},
		"sync of the home, never left":  {[]porcupine.Operation{op(3, 4, inquiry{kind: bus.SessionSync, owner: 2, home: true}, finding{own: true})}, true},
	} {
		if got := porcupine.CheckOperations(directoryModel, c.ops); got != c.ok {
			t.Errorf("%s: got %v, want %v", name, got, c.ok)
		}
	}
}
