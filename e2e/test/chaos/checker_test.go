package chaos

import (
	"math"
	"slices"
	"testing"

	"github.com/anishathalye/porcupine"

	"p2pconnector/proto"
)

// op returns an operation between two moments, for the tests of the model itself.
func op(call, ret int64, in input, out output) porcupine.Operation {
	return porcupine.Operation{Input: in, Call: call, Output: out, Return: ret}
}

const never = math.MaxInt64

// The checker accepts and refuses the right histories.
func TestRoomModel_EachHistory_IsAcceptedOrRefused(t *testing.T) {
	makes := op(1, 2, input{kind: create, peer: 1}, output{})
	joins := op(3, 4, input{kind: join, peer: 2}, output{})
	shows := func(at int64, by byte, members string, creator byte) porcupine.Operation {
		return op(at, at+1, input{kind: info, peer: by}, output{members: members, creator: creator})
	}
	unknownOutcome := output{code: unknown}
	bans := op(5, 6, input{kind: ban, peer: 1, target: 2}, output{})
	becomes := func(at int64, value byte) porcupine.Operation {
		return op(at, at+1, input{kind: role, peer: 1, target: 2, value: value}, output{})
	}
	knows := func(at int64, extra, bans string) porcupine.Operation {
		return op(at, at+1, input{kind: info, peer: 1}, output{members: "\x01", creator: 1, extra: extra, bans: bans})
	}
	for name, c := range map[string]struct {
		ops []porcupine.Operation
		ok  bool
	}{
		"one after the other":               {[]porcupine.Operation{makes, joins, shows(5, 2, "\x01\x02", 1)}, true},
		"a join that is forgotten":          {[]porcupine.Operation{makes, joins, shows(5, 1, "\x01", 1)}, false},
		"another order of joining":          {[]porcupine.Operation{makes, joins, shows(5, 1, "\x02\x01", 1)}, false},
		"a wrong creator":                   {[]porcupine.Operation{makes, joins, shows(5, 1, "\x01\x02", 2)}, false},
		"two creators":                      {[]porcupine.Operation{makes, op(1, 2, input{kind: create, peer: 2}, output{})}, false},
		"capacity":                          {[]porcupine.Operation{op(1, 2, input{kind: create, peer: 1, capacity: 1}, output{}), joins}, false},
		"full":                              {[]porcupine.Operation{op(1, 2, input{kind: create, peer: 1, capacity: 1}, output{}), op(3, 4, input{kind: join, peer: 2}, output{code: proto.RoomFull})}, true},
		"a leave of unknown outcome, never": {[]porcupine.Operation{makes, joins, op(5, never, input{kind: leave, peer: 1}, unknownOutcome), shows(6, 2, "\x01\x02", 1)}, true},
		"a leave of unknown outcome, late":  {[]porcupine.Operation{makes, joins, op(5, never, input{kind: leave, peer: 1}, unknownOutcome), shows(6, 2, "\x01\x02", 1), shows(8, 2, "\x02", 2)}, true},
		"and it takes effect once":          {[]porcupine.Operation{makes, joins, op(5, never, input{kind: leave, peer: 2}, unknownOutcome), shows(6, 1, "\x01", 1), op(8, 9, input{kind: join, peer: 2}, output{}), shows(10, 1, "\x01", 1)}, false},
		"a drop before the break":           {[]porcupine.Operation{makes, joins, shows(5, 1, "\x01", 1), op(7, never, input{kind: drop, peer: 2}, unknownOutcome)}, false},
		"a drop after it":                   {[]porcupine.Operation{makes, joins, op(5, never, input{kind: drop, peer: 2}, unknownOutcome), shows(6, 1, "\x01", 1)}, true},
		"the creator is followed":           {[]porcupine.Operation{makes, joins, op(5, 6, input{kind: leave, peer: 1}, output{}), op(7, 8, input{kind: end, peer: 2}, output{})}, true},
		"an end by another":                 {[]porcupine.Operation{makes, joins, op(5, 6, input{kind: end, peer: 2}, output{})}, false},
		"a state that nobody was in":        {[]porcupine.Operation{makes, joins, op(5, 6, input{kind: seen}, output{members: "\x02", creator: 2})}, false},
		"removed, and refused":              {[]porcupine.Operation{makes, joins, op(5, 6, input{kind: remove, peer: 1, target: 2}, output{}), op(7, 8, input{kind: info, peer: 2}, output{code: proto.Unauthorised})}, true},
		"removed, and still there":          {[]porcupine.Operation{makes, joins, op(5, 6, input{kind: remove, peer: 1, target: 2}, output{}), op(7, 8, input{kind: leave, peer: 2}, output{})}, false},
		"metadata":                          {[]porcupine.Operation{makes, op(5, 6, input{kind: say, peer: 1, value: 7}, output{}), knows(7, "\x07\x00", "")}, true},
		"metadata that are forgotten":       {[]porcupine.Operation{makes, op(5, 6, input{kind: say, peer: 1, value: 7}, output{}), knows(7, "\x00\x00", "")}, false},
		"banned, and refused":               {[]porcupine.Operation{makes, bans, op(7, 8, input{kind: join, peer: 2}, output{code: proto.Banned}), knows(9, "\x00\x00", "\x02")}, true},
		"banned, and in":                    {[]porcupine.Operation{makes, bans, op(7, 8, input{kind: join, peer: 2}, output{})}, false},
		"a ban that is lifted":              {[]porcupine.Operation{makes, bans, op(7, 8, input{kind: unban, peer: 1, target: 2}, output{}), op(9, 10, input{kind: join, peer: 2}, output{})}, true},
		"a moderator bans":                  {[]porcupine.Operation{makes, joins, becomes(5, asModerator), op(7, 8, input{kind: ban, peer: 2, target: 3}, output{}), op(9, 10, input{kind: remove, peer: 2, target: 1}, output{code: proto.Unauthorised})}, true},
		"a member bans":                     {[]porcupine.Operation{makes, joins, op(7, 8, input{kind: ban, peer: 2, target: 3}, output{})}, false},
		"a moderator that left bans":        {[]porcupine.Operation{makes, joins, becomes(5, asModerator), op(7, 8, input{kind: leave, peer: 2}, output{}), op(9, 10, input{kind: join, peer: 2}, output{}), op(11, 12, input{kind: ban, peer: 2, target: 3}, output{})}, false},
		"handed over":                       {[]porcupine.Operation{makes, joins, becomes(5, asCreator), op(7, 8, input{kind: info, peer: 1}, output{members: "\x01\x02", creator: 2, extra: "\x00\x01\x00\x00"}), op(9, 10, input{kind: end, peer: 2}, output{})}, true},
		"handed over, and ended by another": {[]porcupine.Operation{makes, joins, becomes(5, asCreator), op(7, 8, input{kind: end, peer: 1}, output{})}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := porcupine.CheckOperations(model, c.ops); got != c.ok {
				t.Errorf("accepted: %v, want %v", got, c.ok)
			}
		})
	}
}

// Many concurrent operations of unknown outcome, of which one takes visible effect:
// the checker must find it among all their orders.
func TestCheckHistory_ManyUnknownOutcomes_FindsTheOrder(t *testing.T) {
	unknownOutcome := output{code: unknown}
	var ops []porcupine.Operation
	for peer := range byte(24) {
		in := input{kind: join, peer: peer + 1, make: true}
		if peer%4 == 3 {
			in = input{kind: create, peer: peer + 1, capacity: 1}
		}
		ops = append(ops, op(int64(peer), never, in, unknownOutcome), op(int64(peer), never, input{kind: drop, peer: peer + 1}, unknownOutcome))
	}
	joins := op(100, 101, input{kind: join, peer: 30, make: true}, output{})
	shows := func(members string) porcupine.Operation {
		return op(100, 101, input{kind: seen}, output{members: members, creator: members[0]})
	}
	if result, _ := checkHistory(append(ops, joins, shows("\x15\x1e"))); result != porcupine.Ok {
		t.Errorf("joined behind 21: got %s, want Ok", result)
	}
	few := slices.Clone(ops[len(ops)-6:])
	if result, _ := checkHistory(append(few, joins, shows("\x18\x1e"))); result != porcupine.Illegal {
		t.Errorf("joined a room for one: got %s, want Illegal", result)
	}
}
