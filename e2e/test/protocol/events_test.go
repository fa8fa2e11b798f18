package protocol_test

import (
	"maps"
	"slices"
	"testing"

	"p2pconnector/e2e/kit"
	"p2pconnector/proto"
)

// rows are the tests of one event: by error code, or by another name for what
// they test. "works" is required.
type rows map[string]func(*pair)

// events has the tests of every event of the protocol's table.
var events = map[proto.Event]rows{
	proto.Connect:      connectRows,
	proto.Offer:        signalRows(proto.Offer),
	proto.Answer:       signalRows(proto.Answer),
	proto.Candidate:    signalRows(proto.Candidate),
	proto.Message:      messageRows,
	proto.CreateRoom:   createRows,
	proto.JoinRoom:     with(with(joinRows, waitingRows), passwordRows),
	proto.LeaveRoom:    leaveRows,
	proto.EndRoom:      endRows,
	proto.RemoveClient: removeRows,
	proto.UnbanClient:  unbanRows,
	proto.SetRole:      roleRows,
	proto.AdmitClient:  admitRows,
	proto.UpdateRoom:   updateRows,
	proto.UpdateMember: memberRows,
	proto.RoomInfo:     infoRows,
	proto.Ping:         pingRows,
}

// with returns the tests of both.
func with(a, b rows) rows {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// testedByOthers are events that another package tests.
var testedByOthers = map[proto.Event]string{
	proto.Resume:       "e2e/test/resume",
	proto.Authenticate: "part of access tokens",
	proto.IceServers:   "part of ICE servers",
}

// codeTestedByOthers reports whether a row may lack an error code, because
// TestUnavailable tests it for every event, or because it belongs to access
// tokens.
func codeTestedByOthers(e proto.Event, c proto.ErrorCode) bool {
	switch c {
	case proto.Unavailable:
		return true
	case proto.Unauthorised:
		return e == proto.CreateRoom || e == proto.JoinRoom || e == proto.UpdateMember
	}
	return false
}

// TestEvents_EachRow_HasItsEffect runs every row. It fails when no test covers an event of the
// contract, or an error of an event.
func TestEvents_EachRow_HasItsEffect(t *testing.T) {
	s := kit.Start(t, kit.Options{MaxRooms: maxRooms})
	for _, doc := range proto.ClientEvents {
		tests, ok := events[doc.Event]
		if _, other := testedByOthers[doc.Event]; ok == other {
			t.Errorf("%s: got tests in this package: %v, and in another: %v; want them in exactly one", doc.Event, ok, other)
		}
		if !ok {
			continue
		}
		t.Run(string(doc.Event), func(t *testing.T) {
			checkComplete(t, doc, tests)
			for name, test := range tests {
				t.Run(name, func(t *testing.T) { test(newPair(t, s)) })
			}
		})
	}
}

func checkComplete(t *testing.T, doc proto.EventDoc, tests rows) {
	if tests["works"] == nil {
		t.Errorf("%s: got no test that it works, want one", doc.Event)
	}
	for _, code := range doc.Errors {
		if tests[string(code)] == nil && !codeTestedByOthers(doc.Event, code) {
			t.Errorf("%s: got no test that it answers %s, want one", doc.Event, code)
		}
	}
	for name := range tests {
		if code := proto.ErrorCode(name); code.Known() && !slices.Contains(doc.Errors, code) {
			t.Errorf("%s: got a test of %s, want only errors that its contract names", doc.Event, code)
		}
	}
}

var pingRows = rows{
	"works": func(p *pair) {
		p.a.Send(`{"event":"Ping"}`)
		f := p.a.Expect(proto.Pong)
		checkServerFrame(p.t, f, proto.TypeInfo)
		if f.ID != nil {
			p.t.Errorf("a frame without id: got the answer %s, want none in it", f.Raw)
		}
	},
	"with data": func(p *pair) {
		p.a.Send(`{"event":"Ping","data":[1],"to":%q,"id":7}`, p.b.ID)
		if f := p.a.Expect(proto.Pong); string(f.ID) != "7" {
			p.t.Errorf("got id %s, want 7", f.ID)
		}
		p.b.Quiet()
	},
}
