package bus

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"p2pconnector/proto"
	"p2pconnector/proto/internal/prototest"
)

// TestSpecification_EveryName_IsInIt compares the package comment with the tables of the package:
// it must leave out nothing that goes over NATS.
func TestSpecification_EveryName_IsInIt(t *testing.T) {
	spec := prototest.ReadSpecification(t, "doc.go")
	for _, k := range []Kind{KindPeer, KindRoom, KindState, KindSession, KindReply, KindSent, KindAck, KindLink} {
		spec.Has(t, "a subject", "p2p.gw.<g>."+string(k)+".<")
	}
	for _, op := range Operations {
		spec.Has(t, "an operation", " "+string(op))
	}
	for _, op := range SessionOperations {
		spec.Has(t, "an operation of the directory", " "+string(op))
	}
	for _, r := range []SessionRefusal{RefusedMoved, RefusedEnded} {
		spec.Has(t, "a refusal of the directory", " "+string(r)+" ")
	}
	for _, op := range NameOperations {
		spec.Has(t, "an operation of the directory of names", " "+string(op))
	}
	for _, r := range []NameRefusal{RefusedTaken, RefusedChanged} {
		spec.Has(t, "a refusal of the directory of names", " "+string(r)+" ")
	}
	for _, h := range []string{SentHeader, ExceptHeader, SharedHeader} {
		spec.Has(t, "a header", " "+h+" ")
	}
	spec.Has(t, "the settings of a room service", " "+RoomsSettingsSubject+" ")
	spec.Has(t, "where a back end learns of lost frames", " "+LostInbox+" ")
	for _, b := range []string{RoomsBucket, SessionsBucket, NamesBucket, KeysBucket, KeysKey} {
		spec.Has(t, "a bucket or key", strconv.Quote(b))
	}
}

// TestSpecification_EveryLimit_IsInIt compares the figures in the text with the constants.
func TestSpecification_EveryLimit_IsInIt(t *testing.T) {
	spec := prototest.ReadSpecification(t, "doc.go")
	for _, text := range []string{
		fmt.Sprintf("remembers it for %d seconds", RememberOps/time.Second),
		fmt.Sprintf("retry for up to %d seconds", proto.RequestDeadline/time.Second),
		fmt.Sprintf("at most %d of peer and epoch", MaxSyncSessions),
		fmt.Sprintf("a tombstone for %d minutes", SessionTombstone/time.Minute),
		fmt.Sprintf("for %d minutes, whose revision", NameTombstone/time.Minute),
		fmt.Sprintf("waits %d ms for what is missing", HoleTimeout/time.Millisecond),
		fmt.Sprintf("every %d seconds, and after it was cut off", SyncInterval/time.Second),
		fmt.Sprintf("Lease every second. A program that receives none for %d seconds", LeaseTimeout/time.Second),
	} {
		spec.Has(t, "the limit", text)
	}
	if LeaseInterval != time.Second {
		t.Errorf("LeaseInterval: got %s, want the second that the package comment states", LeaseInterval)
	}
}
