package proto

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"p2pconnector/proto/internal/prototest"
)

// Identifiers of the golden files.
const (
	goldenAnn PeerID = "91be04d7-1c2d-8e42-9a77-30d1c2b4a5f6"
	goldenBen PeerID = "5f0c3a9e-6b1d-8f10-8a01-77d1c2b4a500"
	goldenCas PeerID = "5f0c3a9e-0001-8000-b000-000000000001"

	goldenUUID = "6a2e6cf0-58f6-4d0b-9d0f-5c5c3f3a2b11"
)

var goldenTime = time.Date(2026, 1, 2, 15, 4, 5, 120_000_000, time.UTC)

// golden compares got with testdata/v<Version>/<name>.json, byte for byte.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	prototest.Golden(t, filepath.Join("testdata", fmt.Sprintf("v%d", Version), name+".json"), got)
}

// serverData holds the data of every frame that the server makes.
var serverData = map[Event]any{
	ClientDetails: Details{
		ID: goldenAnn, Session: "token", IceServers: json.RawMessage(`[{"urls":["stun:stun.example.org"]}]`),
		Limits:    Limits{MaxMessageBytes: DefaultMaxMessageBytes, MaxRooms: DefaultMaxRooms, MaxRoomMembers: DefaultMaxRoomMembers},
		Heartbeat: 20,
	},
	Offer:          ConnectData(goldenAnn, []byte(`"v=0"`), []byte(`{"candidate":"…"}`)),
	RoomCreated:    RoomData{Room: "tea", RoomID: "tea", Name: "Tea", Clients: []PeerID{goldenAnn}, Creator: goldenAnn, Revision: 1},
	ClientAdded:    RoomData{Room: "tea", Name: "Tea", Clients: []PeerID{goldenAnn, goldenBen}, Creator: goldenAnn, Revision: 2, Client: goldenBen, Added: []PeerID{goldenBen}, Members: map[PeerID]MemberInfo{goldenBen: {User: "ben", Metadata: json.RawMessage(`{"seat":2}`)}}},
	ClientRemoved:  RoomData{Room: "tea", Name: "Tea", Clients: []PeerID{goldenBen}, Creator: goldenBen, Revision: 3, Client: goldenAnn, Removed: []PeerID{goldenAnn}, Reason: ReasonDisconnected},
	RoomLeft:       RoomData{Room: "tea", Name: "Tea", Clients: []PeerID{goldenBen}, Creator: goldenBen, Revision: 3, Client: goldenAnn, Removed: []PeerID{goldenAnn}, Reason: ReasonLeft},
	RoomDeleted:    RoomData{Room: "tea", Name: "Tea", Clients: []PeerID{goldenAnn, goldenBen}, Creator: goldenAnn, Revision: 4, Client: goldenAnn},
	RoomUpdated:    RoomData{Room: "tea", Name: "Green Tea", Clients: []PeerID{goldenAnn}, Creator: goldenAnn, Capacity: 8, Locked: true, Metadata: json.RawMessage(`{"leaf":"green"}`), Revision: 5, Client: goldenAnn},
	MemberUpdated:  RoomData{Room: "tea", Name: "Tea", Clients: []PeerID{goldenAnn, goldenBen}, Creator: goldenAnn, Revision: 6, Client: goldenBen, Updated: []PeerID{goldenBen}, Members: map[PeerID]MemberInfo{goldenBen: {User: "ben", Metadata: json.RawMessage(`{"hand":true}`)}}},
	JoinWaiting:    JoinWaitingData{"tea"},
	WaitingUpdated: WaitingData{Room: "tea", Revision: 13, Waiting: []Waiting{{Client: goldenBen, User: "ben", Metadata: json.RawMessage(`{"seat":2}`)}, {Client: goldenCas}}},
	RoomInfo:       RoomData{Room: "tea", Name: "Tea", Clients: []PeerID{goldenAnn, goldenBen}, Creator: goldenAnn, Revision: 2},
	Pong:           struct{}{},
	Session:        SessionData{"token 2"},
	ServerDraining: DrainingData{1800},
	Authenticated:  AuthenticatedData{goldenTime.Add(time.Hour)},
	IceServers:     IceServersData{json.RawMessage(`[{"urls":["turn:turn.example.org"],"username":"u","credential":"c"}]`)},
}

// serverVariants holds further data of such frames, after the name of the golden file,
// which begins with the event.
var serverVariants = []struct {
	name string
	typ  FrameType
	data any
	id   string
}{
	{"Pong.id", TypeInfo, struct{}{}, `"my id"`},
	{"Client_Details.limits", TypeInfo, Details{
		ID: goldenAnn, Session: "token", Heartbeat: 15,
		Limits: Limits{
			MaxMessageBytes: DefaultMaxMessageBytes, MessagesPerSecond: 200, MessageBurst: 1000, MaxRooms: DefaultMaxRooms, MaxRoomMembers: DefaultMaxRoomMembers,
			MaxDepth: MaxDepth, MaxCorrelationID: MaxCorrelationID, MaxRoomIDBytes: MaxRoomIDBytes, MaxRoomNameBytes: MaxRoomNameBytes,
			MaxMetadataBytes: MaxMetadataBytes, MaxMemberMetadata: MaxMemberMetadata,
			RoomQueueFrames: 128, ReplayFrames: DefaultReplayFrames, ReplayBytes: DefaultReplayBytes,
		},
	}, ""},
	{"Client_Details.bytes", TypeInfo, Details{
		ID: goldenAnn, Session: "token", Heartbeat: 15,
		Limits: Limits{
			MaxMessageBytes: DefaultMaxMessageBytes, MessagesPerSecond: 200, MaxRooms: DefaultMaxRooms, MaxRoomMembers: DefaultMaxRoomMembers,
			BytesPerSecond: 1 << 20, EgressPerSecond: 8 << 20, RoomEgressPerSecond: 32 << 20,
		},
	}, ""},
	{"Client_Details.passwords", TypeInfo, Details{
		ID: goldenAnn, Session: "token", Heartbeat: 15,
		Limits: Limits{MaxMessageBytes: DefaultMaxMessageBytes, MaxRooms: DefaultMaxRooms, MaxRoomMembers: DefaultMaxRoomMembers, RoomPasswords: 5},
	}, ""},
	{"Client_Details.resumed", TypeInfo, Details{
		ID: goldenAnn, Session: "token", Resumed: true, Recovered: new(false), Rooms: []RoomID{"tea"}, Heartbeat: 20,
	}, "1"},
	{"Client_Details.versions", TypeInfo, Details{ID: goldenAnn, Session: "token", Heartbeat: 20, Versions: Versions()}, ""},
	{"Client_Details.accept_from", TypeInfo, Details{ID: goldenAnn, Session: "token", AcceptFrom: AcceptRooms, Heartbeat: 20}, ""},
	{"Client_Added.delta", TypeUpdate, RoomData{
		Room: "tea", Name: "Tea", Count: new(101), Creator: goldenAnn, Revision: 9, Client: goldenBen, Added: []PeerID{goldenBen, goldenCas},
	}, ""},
	{"Client_Removed.reasons", TypeUpdate, RoomData{
		Room: "tea", Name: "Tea", Clients: []PeerID{goldenAnn}, Creator: goldenAnn, Revision: 10, Client: goldenBen, Removed: []PeerID{goldenBen, goldenCas},
		Reason: ReasonLeft, Reasons: map[PeerID]Reason{goldenBen: ReasonLeft, goldenCas: ReasonRemoved},
	}, ""},
	{"Client_Removed.banned", TypeUpdate, RoomData{
		Room: "tea", Name: "Tea", Clients: []PeerID{goldenAnn}, Creator: goldenAnn, Revision: 11, Client: goldenBen, Removed: []PeerID{goldenBen}, Reason: ReasonBanned,
	}, ""},
	{"Member_Updated.moderator", TypeUpdate, RoomData{
		Room: "tea", Name: "Tea", Clients: []PeerID{goldenAnn, goldenBen}, Creator: goldenAnn, Revision: 7, Client: goldenBen, Updated: []PeerID{goldenBen},
		Members: map[PeerID]MemberInfo{goldenBen: {Moderator: true}},
	}, ""},
	{"Room_Info.banned", TypeInfo, RoomData{
		Room: "tea", Name: "Tea", Clients: []PeerID{goldenAnn}, Creator: goldenAnn, Revision: 12, Banned: []Ban{{Client: goldenBen, User: "ben"}, {Client: goldenCas}},
	}, "7"},
	{"Waiting_Updated.empty", TypeUpdate, WaitingData{Room: "tea", Revision: 14, Waiting: []Waiting{}}, "7"},
	{"Room_Info.waiting", TypeInfo, RoomData{
		Room: "tea", Name: "Tea", Clients: []PeerID{goldenAnn}, Creator: goldenAnn, Locked: true, Revision: 13, Waiting: []Waiting{{Client: goldenBen, User: "ben"}},
	}, "7"},
	{"Room_Updated.password", TypeUpdate, RoomData{
		Room: "tea", Name: "Tea", Clients: []PeerID{goldenAnn}, Creator: goldenAnn, Password: true, Revision: 13, Client: goldenAnn,
	}, "8"},
	{"Client_Removed.empty", TypeUpdate, RoomData{
		Room: "tea", Name: "Tea", Clients: []PeerID{}, Creator: goldenAnn, Revision: 11, Client: goldenAnn, Removed: []PeerID{goldenAnn}, Reason: ReasonRemoved,
	}, ""},
}

// serverFrame is a frame as the gateway would write it.
func serverFrame(t *testing.T, typ FrameType, event string, data any, id string) []byte {
	t.Helper()
	f := ServerFrame{Type: typ, Event: event, Data: prototest.Marshal(t, data), Time: goldenTime, MessageID: goldenUUID, ID: []byte(id)}
	return f.Append(nil)
}

func TestGolden_EachServerFrame_IsUnchanged(t *testing.T) {
	for _, d := range ServerEvents {
		data, ok := serverData[d.Event]
		if !ok {
			t.Errorf("%s: got no golden frame, want one", d.Event)
			continue
		}
		golden(t, "server/"+string(d.Event), serverFrame(t, d.Type, string(d.Event), data, ""))
	}
	for _, v := range serverVariants {
		event, _, _ := strings.Cut(v.name, ".")
		golden(t, "server/"+v.name, serverFrame(t, v.typ, event, v.data, v.id))
	}
	f := ServerFrame{Type: TypeInfo, Event: "Pong", Time: goldenTime.In(time.FixedZone("", 3600)), MessageID: goldenUUID}
	golden(t, "server/Pong", f.Append(nil)) // no data, other zone: the same bytes
}

// TestGolden_EveryMember_IsSet checks that one of the golden files sets each member of each
// frame's data, so that none is renamed unseen.
func TestGolden_EveryMember_IsSet(t *testing.T) {
	all := slices.Collect(maps.Values(serverData))
	for _, v := range serverVariants {
		all = append(all, v.data)
	}
	prototest.Covers(t, all...)
}

func TestGolden_EachErrorFrame_IsUnchanged(t *testing.T) {
	extra := map[ErrorCode]ErrorData{
		MissingFields:    {Event: "Offer", Field: "to"},
		NotFound:         {Event: "Offer", To: string(goldenBen)},
		NotDelivered:     {Event: "Message", Room: "tea", Clients: []PeerID{goldenBen}},
		UnsupportedEvent: {Event: "Dance", Events: ClientEventNames()},
		RateLimited:      {RetryAfterMS: 250},
	}
	for _, d := range ErrorCodes {
		data := extra[d.Code]
		data.Message = d.When
		golden(t, "error/"+string(d.Code), serverFrame(t, TypeError, string(d.Code), data, "7"))
	}
}

// clientData holds the data of golden frames for which there is a type.
var clientData = map[Event]any{
	Resume:       ResumeData{Session: "token", Received: new(uint64(41))},
	Authenticate: AuthenticateData{Token: "jwt"},
}

// TestGolden_EachClientFrame_Decodes checks that Decode reads the frames of a client of this
// version, and what a relayed frame becomes.
func TestGolden_EachClientFrame_Decodes(t *testing.T) {
	relayed := map[Event]bool{Offer: true, Answer: true, Candidate: true, Message: true}
	for _, d := range ClientEvents {
		b, err := os.ReadFile(filepath.Join("testdata", fmt.Sprintf("v%d", Version), "client", string(d.Event)+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var f Frame
		if err := f.Decode(b); err != nil || f.Event != d.Event {
			t.Errorf("%s: got event %q, error %v; want that event", d.Event, f.Event, err)
			continue
		}
		if data, ok := clientData[d.Event]; ok && string(prototest.Marshal(t, data)) != string(f.Data) {
			t.Errorf("%s: got data %s, want %s", d.Event, prototest.Marshal(t, data), f.Data)
		}
		if relayed[d.Event] {
			golden(t, "relay/"+string(d.Event), f.AppendRelay(nil, goldenAnn))
		}
	}
}
