package proto

import (
	"fmt"
	"go/parser"
	"go/token"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

// specification returns the package comment, with runs of white space made one.
func specification(t *testing.T) string {
	t.Helper()
	var words []string
	for _, name := range []string{"doc.go", "doc_inside.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		words = append(words, strings.Fields(file.Doc.Text())...)
	}
	return strings.Join(words, " ")
}

// TestSpecificationIsComplete holds the package comment against the tables and
// types of the package: nothing that goes over a wire is left out of it.
func TestSpecificationIsComplete(t *testing.T) {
	spec := specification(t)
	has := func(what, text string) {
		t.Helper()
		if !strings.Contains(" "+spec+" ", text) {
			t.Errorf("the package comment does not say %s: %q", what, text)
		}
	}
	for _, d := range ClientEvents {
		has("what a client may send", string(d.Event))
	}
	for _, d := range ServerEvents {
		has("what the server sends", string(d.Event))
	}
	for _, d := range ErrorCodes {
		has("an error code", string(d.Code)+" "+strings.ToLower(d.When[:1])+strings.Fields(d.When)[0][1:])
	}
	for _, d := range CloseCodes {
		has("a close code", " "+d.Code.String()+" ")
	}
	for _, k := range []Kind{KindPeer, KindRoom, KindState, KindSession, KindReply, KindSent, KindAck, KindLink} {
		has("a subject", "p2p.gw.<g>."+string(k)+".<")
	}
	for _, op := range Operations {
		has("an operation", " "+string(op))
	}
	for _, op := range SessionOperations {
		has("an operation of the directory", " "+string(op))
	}
	for _, r := range []SessionRefusal{RefusedMoved, RefusedEnded} {
		has("a refusal of the directory", " "+string(r)+" ")
	}
	for _, b := range []string{RoomsBucket, SessionsBucket, KeysBucket, KeysKey} {
		has("a bucket or key", strconv.Quote(b))
	}
	for _, v := range []any{Details{}, RoomData{}, MemberInfo{}, Limits{}, SessionData{}, DrainingData{}, AuthenticatedData{}, IceServersData{}, ErrorData{}} {
		for i := range reflect.TypeOf(v).NumField() {
			if name, _, _ := strings.Cut(reflect.TypeOf(v).Field(i).Tag.Get("json"), ","); name != "-" {
				has("a member of "+reflect.TypeOf(v).Name(), name)
			}
		}
	}
	for _, r := range []Reason{ReasonLeft, ReasonRemoved, ReasonDisconnected} {
		has("a reason", string(r))
	}
	has("its version", "# Versions Frames and messages are added to")
	has("its version", fmt.Sprintf(" %d the ", Version))
}

// TestSpecificationSaysTheLimits holds the figures in the text against the constants.
func TestSpecificationSaysTheLimits(t *testing.T) {
	spec := specification(t)
	for _, text := range []string{
		fmt.Sprintf(`"max_message_bytes":%d`, DefaultMaxMessageBytes),
		fmt.Sprintf(`"max_rooms":%d`, DefaultMaxRooms),
		fmt.Sprintf(`"max_room_members":%d`, DefaultMaxRoomMembers),
		fmt.Sprintf("at most %d levels deep", MaxDepth),
		fmt.Sprintf("at most %d bytes as JSON", MaxCorrelationID),
		fmt.Sprintf("text of 1 to %d bytes without control", MaxRoomIDBytes),
		fmt.Sprintf("a name %d bytes, a room's metadata %d and a member's %d bytes as JSON", MaxRoomNameBytes, MaxMetadataBytes, MaxMemberMetadata),
		fmt.Sprintf("rooms above %d members", FullListMembers),
		fmt.Sprintf("up to %d frames or %d KiB", ReplayFrames, ReplayBytes>>10),
		fmt.Sprintf("member of its rooms for %d seconds", SessionGrace/time.Second),
		fmt.Sprintf("remembers it for %d seconds", RememberOps/time.Second),
		fmt.Sprintf("retry for up to %d seconds", RequestDeadline/time.Second),
		fmt.Sprintf("at most %d of peer and epoch", MaxSyncSessions),
		fmt.Sprintf("a tombstone for %d minutes", SessionTombstone/time.Minute),
		fmt.Sprintf("waits %d ms for what is missing", GapPatience/time.Millisecond),
		fmt.Sprintf("every %d seconds, and after it was cut off", SyncInterval/time.Second),
		fmt.Sprintf("Lease every second. Whoever hears nothing for %d seconds", LeaseTimeout/time.Second),
	} {
		if !strings.Contains(spec, text) {
			t.Errorf("the package comment does not say %q", text)
		}
	}
	if LeaseInterval != time.Second {
		t.Error("the package comment says that a lease is published every second")
	}
}
