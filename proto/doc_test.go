package proto

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"p2pconnector/proto/internal/prototest"
)

// specificationFiles are the files of the package comment, in the order in which Go's tools join them.
var specificationFiles = []string{"doc.go", "doc_rooms.go", "doc_sessions.go"}

// TestSpecification_EveryName_IsInIt compares the package comment with the tables and
// types of the package: it must leave out nothing that goes over a WebSocket.
func TestSpecification_EveryName_IsInIt(t *testing.T) {
	spec := prototest.ReadSpecification(t, specificationFiles...)
	for _, d := range ClientEvents {
		spec.Has(t, "what a client may send", string(d.Event))
	}
	for _, d := range ServerEvents {
		spec.Has(t, "what the server sends", string(d.Event))
	}
	for _, d := range ErrorCodes {
		spec.Has(t, "an error code", string(d.Code)+" "+strings.ToLower(d.When[:1])+strings.Fields(d.When)[0][1:])
	}
	for _, d := range CloseCodes {
		spec.Has(t, "a close code", " "+d.Code.String()+" ")
	}
	spec.HasMembers(t, Details{}, RoomData{}, MemberInfo{}, Ban{}, Limits{}, SessionData{}, DrainingData{}, AuthenticatedData{}, IceServersData{}, ErrorData{}, ResumeData{}, AuthenticateData{})
	for _, r := range []Reason{ReasonLeft, ReasonRemoved, ReasonBanned, ReasonDisconnected} {
		spec.Has(t, "a reason", string(r))
	}
	spec.Has(t, "a subprotocol", " "+SubprotocolDelta+",")
	spec.Has(t, "a subprotocol", " "+SubprotocolToken+"<token> ")
	spec.Has(t, "its version", "# Versions Frames and messages are added to")
	spec.Has(t, "its version", fmt.Sprintf(" %d the ", Version))
}

// TestSpecification_EveryLimit_IsInIt compares the figures in the text with the constants.
func TestSpecification_EveryLimit_IsInIt(t *testing.T) {
	spec := prototest.ReadSpecification(t, specificationFiles...)
	for _, text := range []string{
		fmt.Sprintf(`"max_message_bytes":%d`, DefaultMaxMessageBytes),
		fmt.Sprintf(`"max_rooms":%d`, DefaultMaxRooms),
		fmt.Sprintf(`"max_room_members":%d`, DefaultMaxRoomMembers),
		fmt.Sprintf("at most %d levels deep", MaxDepth),
		fmt.Sprintf("at most %d bytes as JSON", MaxCorrelationID),
		fmt.Sprintf("text of 1 to %d bytes without control", MaxRoomIDBytes),
		fmt.Sprintf("a name %d bytes, a room's metadata %d and a member's %d bytes as JSON", MaxRoomNameBytes, MaxMetadataBytes, MaxMemberMetadata),
		fmt.Sprintf("a password, text of 1 to %d bytes", MaxPasswordBytes),
		fmt.Sprintf("at most %d bans", MaxBans),
		fmt.Sprintf("rooms above %d members", FullListMembers),
		fmt.Sprintf("in them, of limits (%d frames, %d KiB)", DefaultReplayFrames, DefaultReplayBytes>>10),
		fmt.Sprintf("member of its rooms for %d seconds", SessionGrace/time.Second),
		fmt.Sprintf("A request is given up %d s after", RequestDeadline/time.Second),
	} {
		spec.Has(t, "the limit", text)
	}
}
