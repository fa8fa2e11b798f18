package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

// sizes are bytes on the wire of one message of each kind, with its subject and reply
// subject; sync, handoff and take are a request, its answer, and what else the exchange has.
type sizes struct {
	lease, settings, ack, request, reply, change, room, sync, handoff, take, entry, pubAck, relay float64
}

// What clients send, as far as it matters: an SDP offer is some kilobytes, a candidate and
// most messages a few hundred bytes.
const (
	frameBytes    = 400
	metadataBytes = 60
)

// Subjects, by their shapes; all ids have one length.
var (
	gatewayID = proto.GatewayID("5f2c9d1a")
	peerID    = proto.PeerID("5f2c9d1a-7d4e-8a51-9c2b-1f0e6d3c4b5a")
	roomID    = proto.RoomID("standup-2026-11-28")
	token     = strings.Repeat("c", len(roomID)*4/3)
	inbox     = "p2p.gw.5f2c9d1a.reply.1234567"
	operation = bus.OpID("5f2c9d1a-1234567")
)

// wire returns the bytes of a message as NATS delivers it: a line with subject, reply subject
// and length, and the payload.
func wire(subject, reply string, payload int) float64 {
	return float64(len("MSG  1  ") + len(subject) + len(reply) + len(fmt.Sprint(payload)) + len("\r\n\r\n") + payload)
}

// encoded is wire for a payload in JSON.
func encoded(subject, reply string, payload any) float64 {
	b, err := json.Marshal(payload)
	if err != nil {
		panic(err) // the types of package bus can always be encoded
	}
	return wire(subject, reply, len(b))
}

// sizesOf returns the sizes of d's messages.
func sizesOf(d deployment) sizes {
	below := "p2p.gw." + string(gatewayID) + "."
	shared := bus.SharedSettings{SessionGraceMS: 15000, MaxRoomMembers: 10000, MaxRoomIDBytes: 128, MaxRoomNameBytes: 128, MaxMetadataBytes: 8192, MaxMemberMetadata: 1024}
	member := bus.Member{ID: peerID, Gateway: gatewayID, Epoch: 1, Op: operation, Metadata: metadata()}
	room := bus.Room{ID: roomID, Name: string(roomID), Creator: peerID, Recent: recent(d)}
	for range d.RoomSize {
		room.Members = append(room.Members, member)
	}
	const revision = 1764300000000000
	state := bus.Snapshot{Revision: revision, Room: &room}
	have := make(map[proto.RoomID]uint64)
	for i := range min(int(d.roomsAtGateway()), bus.MaxSyncRooms) {
		have[proto.RoomID(fmt.Sprintf("%s%0*d", "room-", len(roomID)-len("room-"), i))] = revision
	}
	ref := bus.TokenRef{Owner: gatewayID, Conn: 3, Number: 7}
	got := uint64(1000)
	return sizes{
		lease:    encoded("p2p.lease."+string(gatewayID), "", bus.Lease{Gateway: gatewayID, Peers: 10000, Rooms: 4000, Tracker: true, Settings: &shared}),
		settings: encoded(bus.RoomsSettingsSubject, "", bus.RoomsSettings{Instance: "p7ihp7p6", Settings: bus.SharedSettings{SessionGraceMS: 15000, MaxRoomMembers: 10000}}),
		ack:      encoded(below+"ack."+string(gatewayID), "", bus.Ack{Next: 123456}),
		request:  encoded(bus.RoomsSubject(bus.OpJoin), inbox, bus.Request{Op: operation, Room: roomID, Peer: peerID, Gateway: gatewayID, Metadata: metadata()}),
		reply:    encoded(inbox, "", bus.Reply{Revision: revision, State: &state}),
		change: encoded(below+"state."+token, "", bus.Change{
			Room: roomID, Before: revision, After: revision, Added: []bus.Member{member}, Creator: peerID,
		}),
		room: encoded("$KV.rooms."+token, inbox, room),
		sync: encoded(bus.RoomsSubject(bus.OpSync), inbox, bus.Request{Gateway: gatewayID, Rooms: have}) +
			encoded(inbox, "", bus.Reply{First: revision}),
		handoff: encoded(below+"session."+string(peerID), inbox, bus.SessionMessage{Peer: peerID, Gateway: gatewayID, Token: ref, Received: &got}) +
			encoded(inbox, "", bus.Handoff{From: gatewayID, Lent: true, Recovered: true, Rooms: []proto.RoomID{roomID}}) +
			encoded(below+"session."+string(peerID), "", bus.SessionMessage{Peer: peerID, Gateway: gatewayID, Token: ref, Seated: true, Epoch: 1}),
		take: encoded(bus.SessionsSubject(bus.SessionTake), inbox, bus.SessionRequest{Peer: peerID, Owner: gatewayID, Epoch: 1}) +
			encoded(inbox, "", bus.SessionReply{SessionEntry: bus.SessionEntry{Owner: gatewayID, Epoch: 1}, Revision: revision}),
		entry:  encoded("$KV.sessions."+strings.Replace(string(peerID), "-", ".", 1), inbox, bus.SessionEntry{Owner: gatewayID, Epoch: 1}),
		pubAck: wire(inbox, "", len(`{"stream":"KV_rooms","seq":12345678}`)),
		relay:  wire(below+"peer."+string(peerID), below+"sent."+string(gatewayID)+".123456.123400", frameBytes),
	}
}

func metadata() json.RawMessage {
	return json.RawMessage(`"` + strings.Repeat("m", metadataBytes-2) + `"`)
}

// recent returns the records of operations that a room carries: those of the last
// bus.RememberOps.
func recent(d deployment) []bus.Done {
	n := float64(d.RoomSize) * 2 / d.Stay.Seconds() * bus.RememberOps.Seconds()
	return make([]bus.Done, int(n), int(n)+1)
}
