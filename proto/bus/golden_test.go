package bus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/internal/prototest"
)

// Identifiers of the golden files.
const (
	goldenA proto.GatewayID = "91be04d7"
	goldenB proto.GatewayID = "5f0c3a9e"

	goldenAnn proto.PeerID = "91be04d7-1c2d-8e42-9a77-30d1c2b4a5f6"
	goldenBen proto.PeerID = "5f0c3a9e-6b1d-8f10-8a01-77d1c2b4a500"
	goldenCas proto.PeerID = "5f0c3a9e-0001-8000-b000-000000000001"
)

var goldenTime = time.Date(2026, 1, 2, 15, 4, 5, 120_000_000, time.UTC)

var goldenRoom = Room{
	ID: "tea", Name: "Tea", Creator: goldenAnn, Capacity: 8, Locked: true, Metadata: json.RawMessage(`{"leaf":"green"}`),
	Members: []Member{
		{ID: goldenAnn, Op: "91be04d7-1"},
		{ID: goldenBen, Gateway: goldenA, Epoch: 3, Op: "91be04d7-2", User: "ben", Metadata: json.RawMessage(`{"seat":2}`)},
	},
	Recent: []Done{{Op: "91be04d7-3", Peer: goldenCas, Epoch: 2, Reason: proto.ReasonRemoved, At: goldenTime}},
}

var goldenPassword = Password{Salt: "2WDGVSLTQ7N5TUEXVVGNHN3BGM", Hash: bytes.Repeat([]byte{2}, HashBytes)}

var goldenSettings = SharedSettings{
	SessionGraceMS: 15_000, MaxRoomMembers: 10_000, MaxRoomIDBytes: 128, MaxRoomNameBytes: 256, MaxMetadataBytes: 8192, MaxMemberMetadata: 1024,
}

// natsMessages holds one message of every type that crosses NATS or stands in a
// bucket, with all its members set.
var messages = map[string]any{
	"request.create":    &Request{Op: "91be04d7-1", Room: "tea", Peer: goldenAnn, Gateway: goldenA, Name: new("Tea"), Capacity: new(8), Locked: new(true), Metadata: json.RawMessage(`{"leaf":"green"}`)},
	"request.join":      &Request{Op: "91be04d7-2", Room: "tea", Peer: goldenBen, Gateway: goldenA, User: "ben", Create: true, Metadata: json.RawMessage(`{"seat":2}`), Have: 4},
	"request.retry":     &Request{Op: "91be04d7-2", Retry: true, Room: "tea", Peer: goldenBen, Gateway: goldenA},
	"request.leave":     &Request{Op: "91be04d7-3", Room: "tea", Peer: goldenBen, Gateway: goldenA, Reason: proto.ReasonDisconnected},
	"request.end":       &Request{Op: "91be04d7-4", Room: "tea", Peer: goldenAnn, Gateway: goldenA},
	"request.remove":    &Request{Op: "91be04d7-5", Room: "tea", Peer: goldenAnn, Gateway: goldenA, Client: goldenBen},
	"request.ban":       &Request{Op: "91be04d7-5", Room: "tea", Peer: goldenAnn, Gateway: goldenA, Client: goldenBen, Ban: true},
	"request.unban":     &Request{Op: "91be04d7-a", Room: "tea", Peer: goldenAnn, Gateway: goldenA, Client: goldenBen},
	"request.role":      &Request{Op: "91be04d7-b", Room: "tea", Peer: goldenAnn, Gateway: goldenA, Client: goldenBen, Role: proto.RoleModerator},
	"request.ask":       &Request{Op: "91be04d7-c", Room: "tea", Peer: goldenBen, Gateway: goldenA, User: "ben", Ask: true},
	"request.admit":     &Request{Op: "91be04d7-d", Room: "tea", Peer: goldenAnn, Gateway: goldenA, Client: goldenBen},
	"request.update":    &Request{Op: "91be04d7-6", Room: "tea", Peer: goldenAnn, Gateway: goldenA, Name: new(""), Capacity: new(0), Locked: new(false)},
	"request.password":  &Request{Op: "91be04d7-c", Room: "tea", Peer: goldenAnn, Gateway: goldenA, Password: &goldenPassword},
	"request.open":      &Request{Op: "91be04d7-d", Room: "tea", Password: new(Password)},
	"request.member":    &Request{Op: "91be04d7-9", Room: "tea", Peer: goldenBen, Gateway: goldenA, Metadata: json.RawMessage(`{"hand":true}`)},
	"request.resume":    &Request{Op: "91be04d7-7", Room: "tea", Peer: goldenAnn, Gateway: goldenB, Epoch: 1},
	"request.get":       &Request{Room: "tea", Peer: goldenAnn},
	"request.sync":      &Request{Rooms: map[proto.RoomID]uint64{"tea": 7, "coffee": 9}},
	"request.keys":      &Request{},
	"request.keys.held": &Request{Gateway: goldenA, Keys: &KeySet{Keys: []Key{{ID: "k1", Secret: bytes.Repeat([]byte{7}, 32), Made: goldenTime}}}},
	"request.list":      &Request{After: "dGVh", Limit: MaxPage},

	"reply.change":   &Reply{Revision: 7, State: &Snapshot{Revision: 7, Room: &goldenRoom}},
	"reply.error":    &Reply{Error: &proto.Error{Code: proto.RoomFull, Message: "The room is full.", Field: "room", RetryAfterMS: 5}},
	"reply.password": &Reply{Error: &proto.Error{Code: proto.WrongPassword, Message: "The room has a password.", Salt: goldenPassword.Salt}},
	"reply.stale":    &Reply{Error: &proto.Error{Code: proto.Unauthorised, Message: "This session has moved.", Epoch: 3}},
	"reply.retry":    &Reply{Error: &proto.Error{Code: proto.NotFound, Message: "No such room."}, Retry: true},
	"reply.sync":     &Reply{Differ: []proto.RoomID{"tea"}},
	"reply.first":    &Reply{Differ: []proto.RoomID{"tea"}, First: 1795730680000000},
	"reply.gone":     &Reply{State: &Snapshot{Revision: 8}},
	"reply.list":     &Reply{Page: []RoomRow{{Room: "tea", Name: "Tea", Creator: goldenAnn, Members: 2, Capacity: 8, Locked: true, Revision: 7}}, Next: "dGVh"},
	"reply.keys":     &Reply{Keys: &KeySet{Keys: []Key{{ID: "k1", Secret: bytes.Repeat([]byte{7}, 32), Made: goldenTime}}}},

	"sessions.take":      &SessionRequest{Peer: goldenAnn, Owner: goldenB, Epoch: 2, Revision: 41, Attempt: 7},
	"sessions.get":       &SessionRequest{Peer: goldenAnn},
	"sessions.end":       &SessionRequest{Peer: goldenAnn, Owner: goldenB, Epoch: 2, Revision: 57},
	"sessions.sync":      &SessionRequest{Owner: goldenB, Sessions: []Owned{{Peer: goldenAnn, Epoch: 2}, {Peer: goldenBen}}},
	"sessionreply.taken": &SessionReply{SessionEntry: SessionEntry{Owner: goldenB, Epoch: 2, Attempt: 7}, Revision: 57},
	"sessionreply.none":  &SessionReply{},
	"sessionreply.moved": &SessionReply{Refused: RefusedMoved, SessionEntry: SessionEntry{Owner: goldenA, Epoch: 3}, Revision: 60},
	"sessionreply.ended": &SessionReply{Refused: RefusedEnded, SessionEntry: SessionEntry{Epoch: 3, Ended: true}},
	"sessionreply.sync":  &SessionReply{Sessions: []SessionRow{{Peer: goldenAnn, SessionEntry: SessionEntry{Owner: goldenA, Epoch: 3}, Revision: 60}}},
	"sessionreply.error": &SessionReply{Error: &proto.Error{Code: proto.Unavailable, Message: "Try again."}},

	"names.claim":       &NameRequest{Namespace: "peerjs", Name: "ann", Peer: goldenAnn, Owner: goldenA, Secret: "c2VjcmV0", Revision: 12, Force: true},
	"names.get":         &NameRequest{Namespace: "peerjs", Name: "ann"},
	"names.release":     &NameRequest{Namespace: "peerjs", Name: "ann", Peer: goldenAnn},
	"names.list":        &NameRequest{Namespace: "peerjs"},
	"namereply.list":    &NameReply{Names: []string{"ann", "ben <1>"}, More: true},
	"namereply.claimed": &NameReply{Peer: goldenAnn, Owner: goldenA, Revision: 13},
	"namereply.taken":   &NameReply{Refused: RefusedTaken, Peer: goldenBen, Owner: goldenB, Revision: 12},
	"namereply.free":    &NameReply{Free: true, Revision: 14},
	"namereply.error":   &NameReply{Error: &proto.Error{Code: proto.Unavailable, Message: "Try again."}},
	"bucket.name":       &NameEntry{Peer: goldenAnn, Owner: goldenA, Secret: "c2VjcmV0"},
	"bucket.namefree":   &NameEntry{Free: true},

	"bucket.session":   &SessionEntry{Owner: goldenB, Epoch: 2, Attempt: 7},
	"bucket.tombstone": &SessionEntry{Epoch: 3, Ended: true},

	"bucket.room": &goldenRoom,
	"bucket.moderated": &Room{
		ID: "tea", Creator: goldenAnn, Members: []Member{{ID: goldenAnn}, {ID: goldenBen, Moderator: true}}, Banned: []proto.Ban{{Client: goldenCas, User: "cas"}},
	},
	"bucket.waiting": &Room{
		ID: "tea", Creator: goldenAnn, Locked: true, Members: []Member{{ID: goldenAnn}}, Waiting: []Member{{ID: goldenBen, Op: "91be04d7-c", User: "ben"}, {ID: goldenCas, Gateway: goldenB, Epoch: 1}},
	},
	"bucket.password": &Room{ID: "tea", Creator: goldenAnn, Password: &goldenPassword, Members: goldenRoom.Members[:1]},
	"bucket.refused": &Room{
		ID: "tea", Creator: goldenAnn, Members: goldenRoom.Members[:1],
		Recent: []Done{{Op: "91be04d7-8", Error: &proto.Error{Code: proto.Unauthorised, Message: "Only the creator may do that."}, At: goldenTime}},
	},
	"bucket.roomtombstone": &RoomTombstone{
		Done:     []Done{{Op: "91be04d7-4", At: goldenTime}},
		Change:   Change{Room: "tea", Before: 8, Creator: goldenAnn, Ended: true, By: goldenAnn, Op: "91be04d7-4"},
		Gateways: []proto.GatewayID{goldenA, goldenB},
	},
	"bucket.keys": &KeySet{Keys: []Key{{ID: "k1", Secret: bytes.Repeat([]byte{7}, 32), Made: goldenTime}}},

	"change.joined": &Change{
		Room: "tea", Before: 6, After: 7, Added: goldenRoom.Members[1:], Creator: goldenAnn,
	},
	"change.made": &Change{
		Room: "tea", After: 1, Added: goldenRoom.Members[:1], Creator: goldenAnn, Set: &Settings{Name: "Tea", Capacity: 8, Locked: true, Metadata: json.RawMessage(`{"leaf":"green"}`)}, By: goldenAnn, Op: "91be04d7-1",
	},
	"change.password": &Change{
		Room: "tea", Before: 10, After: 11, Creator: goldenAnn, Set: &Settings{Name: "Tea", Salt: goldenPassword.Salt}, By: goldenAnn, Op: "91be04d7-c",
	},
	"change.left": &Change{
		Room: "tea", Before: 7, After: 8, Removed: []Removal{{ID: goldenBen, Reason: proto.ReasonLeft, Op: "91be04d7-3"}}, Moved: []Member{{ID: goldenAnn, Gateway: goldenB}}, Creator: goldenAnn,
	},
	"change.updated": &Change{
		Room: "tea", Before: 7, After: 8, Updated: []Updated{{ID: goldenBen, Metadata: json.RawMessage(`{"hand":true}`), Op: "91be04d7-9"}}, Creator: goldenAnn,
	},
	"change.moderator": &Change{
		Room: "tea", Before: 7, After: 8, Updated: []Updated{{ID: goldenBen, Moderator: true, Op: "91be04d7-b"}}, Creator: goldenAnn,
	},
	"change.banned": &Change{
		Room: "tea", Before: 8, After: 9, Removed: []Removal{{ID: goldenBen, Reason: proto.ReasonBanned, Op: "91be04d7-5"}}, Bans: []proto.Ban{{Client: goldenBen, User: "ben"}}, Creator: goldenAnn,
	},
	"change.waiting": &Change{
		Room: "tea", Before: 10, After: 11, Waiting: []Member{{ID: goldenBen, Op: "91be04d7-c", User: "ben"}}, Withdrawn: []Removal{{ID: goldenCas, Reason: proto.ReasonRemoved, Op: "91be04d7-5"}}, Creator: goldenAnn,
	},
	"change.unbanned": &Change{
		Room: "tea", Before: 9, After: 10, Bans: []proto.Ban{}, Creator: goldenAnn, By: goldenAnn, Op: "91be04d7-a",
	},
	"change.ended": &Change{Room: "tea", Before: 8, After: 9, Creator: goldenAnn, Ended: true, By: goldenAnn, Op: "91be04d7-4"},

	"lease":          &Lease{Gateway: goldenA, Peers: 3, Rooms: 2, Draining: true, Ended: true},
	"lease.tracker":  &Lease{Gateway: goldenA, Peers: 3, Rooms: 2, Tracker: true},
	"lease.settings": &Lease{Gateway: goldenA, Peers: 3, Rooms: 2, Settings: &goldenSettings},
	"settings.rooms": &RoomsSettings{Instance: "k3jd9f2a", Settings: goldenSettings, Ended: true},
	"outcome":        &Outcome{Code: proto.NotDelivered, Peers: []proto.PeerID{goldenBen}},
	"ack": &Ack{From: 2, Next: 71, Hole: true, Poll: 3, Refused: []Refusal{
		{Seq: 69, Code: proto.NotDelivered, Peers: []proto.PeerID{goldenBen}},
		{Seq: 70, Moved: []Move{{Peer: goldenAnn, Owner: goldenB, Epoch: 2, Tentative: true}}},
	}},
	"poll":            &Poll{Number: 3, Base: 2, Head: 71},
	"session.take":    &SessionMessage{Peer: goldenAnn, Gateway: goldenB, Token: TokenRef{Owner: goldenA, Epoch: 1, Conn: 2, Number: 3, Copied: 1}, Received: new(uint64(0))},
	"session.confirm": &SessionMessage{Peer: goldenAnn, Gateway: goldenB, Confirm: true},
	"session.seated":  &SessionMessage{Peer: goldenAnn, Gateway: goldenB, Seated: true, Epoch: 2, Root: 1},
	"session.room":    &SessionMessage{Peer: goldenAnn, Gateway: goldenB, Room: "tea"},
	"handoff": &Handoff{
		From: goldenA, Lent: true, Epoch: 1, Revision: 71, Root: 1, Recovered: true, Rooms: []proto.RoomID{"tea"}, User: "ann",
		Frames: [][]byte{[]byte(`{"event":"Message"}`)}, Fence: map[proto.PeerID]uint64{goldenBen: 2},
	},
	"handoff.accept_from": &Handoff{From: goldenA, Lent: true, Epoch: 1, AcceptFrom: proto.AcceptRooms},
	"handoff.moved":       &Handoff{From: goldenA, Owner: goldenB, Epoch: 2},
	"handoff.absent":      &Handoff{From: goldenA, Absent: true},
	"handoff.busy":        &Handoff{From: goldenA, Busy: true},
	"handoff.refused":     &Handoff{From: goldenA, Error: &proto.Error{Code: proto.Unauthorised, Message: "This token has been replaced."}},
}

func TestGolden_EachMessage_IsUnchanged(t *testing.T) {
	for name, msg := range messages {
		b := prototest.Marshal(t, msg)
		prototest.Golden(t, filepath.Join("testdata", fmt.Sprintf("v%d", proto.Version), name+".json"), b)
		back := reflect.New(reflect.TypeOf(msg).Elem()).Interface()
		if err := json.Unmarshal(b, back); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(back, msg) {
			t.Errorf("%s after the round trip:\n got %+v\nwant %+v", name, back, msg)
		}
	}
}

// TestGolden_EveryMember_IsSet checks that one of the golden messages sets each
// member of each message type, so that none is renamed unseen.
func TestGolden_EveryMember_IsSet(t *testing.T) {
	prototest.Covers(t, slices.Collect(maps.Values(messages))...)
}
