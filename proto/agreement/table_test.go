package agreement

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"p2pconnector/proto"
	"p2pconnector/proto/bus"
)

const (
	self  proto.GatewayID = "00000001"
	other proto.GatewayID = "00000002"
	third proto.GatewayID = "00000003"
)

var ours = bus.SharedSettings{
	SessionGraceMS: 15_000, MaxRoomMembers: 100, MaxRoomIDBytes: 128, MaxRoomNameBytes: 256, MaxMetadataBytes: 8192, MaxMemberMetadata: 1024,
}

// with returns our settings with another grace and another number of members.
func with(graceMS int64, members int) bus.SharedSettings {
	s := ours
	s.SessionGraceMS, s.MaxRoomMembers = graceMS, members
	return s
}

// fixture is a table whose log lines a test reads.
type fixture struct {
	*Table
	t     *testing.T
	lines bytes.Buffer
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{t: t}
	f.Table = New(Gateway(self), ours, slog.New(slog.NewTextHandler(&f.lines, nil)))
	return f
}

// gateway receives the lease of a gateway.
func (f *fixture) gateway(g proto.GatewayID, s *bus.SharedSettings, ended bool) {
	f.t.Helper()
	subject, err := bus.LeaseSubject(g)
	if err != nil {
		f.t.Fatal(err)
	}
	f.Receive(subject, f.encode(bus.Lease{Gateway: g, Settings: s, Ended: ended}))
}

// rooms receives the settings of a room service.
func (f *fixture) rooms(instance string, s bus.SharedSettings, ended bool) {
	f.t.Helper()
	f.Receive(bus.RoomsSettingsSubject, f.encode(bus.RoomsSettings{Instance: instance, Settings: s, Ended: ended}))
}

func (f *fixture) encode(v any) []byte {
	f.t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

// logged returns the lines logged since the last call.
func (f *fixture) logged() (lines []string) {
	for line := range strings.Lines(f.lines.String()) {
		lines = append(lines, line)
	}
	f.lines.Reset()
	return lines
}

// expect checks what applies, how many instances differ in the grace, and how many lines
// were logged since the last call.
func (f *fixture) expect(applied bus.SharedSettings, differ, lines int) {
	f.t.Helper()
	if got := f.Applied(); got != applied {
		f.t.Errorf("applied: got %+v, want %+v", got, applied)
	}
	if got := f.Disagree()["session-grace"]; got != differ {
		f.t.Errorf("instances of another grace: got %d, want %d", got, differ)
	}
	if got := f.logged(); len(got) != lines {
		f.t.Errorf("got %d log lines, want %d: %q", len(got), lines, got)
	}
}

func TestTable_OtherIsStricter_ItsValueAppliesUntilItEnds(t *testing.T) {
	f := newFixture(t)
	f.expect(ours, 0, 0)
	stricter := with(10_000, 100)
	for range 3 { // a lease that repeats the last changes nothing
		f.gateway(other, &stricter, false)
	}
	lines := f.lines.String()
	f.expect(stricter, 1, 1)
	for _, want := range []string{"level=WARN", `instance="gateway 00000002"`, "setting=session-grace", "own=15s", "theirs=10s", "applies=10s"} {
		if !strings.Contains(lines, want) {
			t.Errorf("got log %q, want %q in it", lines, want)
		}
	}
	if got, want := f.Notes(), []string{"settings disagree: session-grace is 15s here and 10s at gateway 00000002; 10s applies"}; !slices.Equal(got, want) {
		t.Errorf("notes: got %q, want %q", got, want)
	}
	f.gateway(other, &stricter, true)
	f.expect(ours, 0, 1)
	if got := f.Notes(); got != nil {
		t.Errorf("notes: got %q, want none", got)
	}
}

func TestTable_OtherIsLooser_OurValueApplies(t *testing.T) {
	f := newFixture(t)
	f.rooms("k3jd9f2a", bus.SharedSettings{SessionGraceMS: 60_000, MaxRoomMembers: 100}, false)
	f.expect(ours, 1, 1)
	f.rooms("k3jd9f2a", bus.SharedSettings{SessionGraceMS: 15_000, MaxRoomMembers: 100}, false)
	f.expect(ours, 0, 1)
}

func TestTable_SeveralDiffer_StrictestOfEachApplies(t *testing.T) {
	f := newFixture(t)
	a, b := with(10_000, 100), with(60_000, 7)
	f.gateway(other, &a, false)
	f.gateway(third, &b, false)
	f.rooms("one", bus.SharedSettings{SessionGraceMS: 12_000, MaxRoomMembers: 9}, false)
	f.expect(with(10_000, 7), 3, 5)
	f.gateway(third, nil, true)
	f.expect(with(10_000, 9), 2, 2)
}

func TestTable_SettingsThatAnInstanceLacks_DoNotCount(t *testing.T) {
	f := newFixture(t)
	f.rooms("one", bus.SharedSettings{}, false)
	f.gateway(other, nil, false) // from before leases had settings
	f.expect(ours, 0, 0)
}

func TestTable_OwnLease_IsIgnored(t *testing.T) {
	f := newFixture(t)
	s := with(1000, 1)
	f.gateway(self, &s, false)
	f.expect(ours, 0, 0)
}

// TestTable_NoMoreLeases_CountsOnlyTimeInWhichTheyCouldCome: the last moment at which the
// settings of an instance count.
func TestTable_NoMoreLeases_CountsOnlyTimeInWhichTheyCouldCome(t *testing.T) {
	f := newFixture(t)
	stricter := with(10_000, 100)
	f.gateway(other, &stricter, false)
	f.logged()
	for range 100 {
		f.Tick(false)
	}
	for range maxMissed {
		f.Tick(true)
	}
	f.expect(stricter, 1, 0)
	f.gateway(other, &stricter, false)
	for range maxMissed {
		f.Tick(true)
	}
	f.expect(stricter, 1, 0)
	f.Tick(true)
	f.expect(ours, 0, 1)
}

func TestTable_Full_IgnoresMoreAndCountsThem(t *testing.T) {
	f := newFixture(t)
	for i := range maxInstances {
		f.gateway(proto.GatewayID(fmt.Sprintf("%08x", i+16)), &ours, false)
	}
	f.expect(ours, 0, 0)
	stricter := with(10_000, 100)
	f.gateway(other, &stricter, false)
	f.expect(ours, 0, 0)
	if got := f.Ignored(); got != 1 {
		t.Errorf("ignored: got %d, want 1", got)
	}
	f.gateway("00000010", nil, true) // makes room
	f.gateway(other, &stricter, false)
	f.expect(stricter, 1, 1)
}

func TestTable_BadMessages_AreIgnored(t *testing.T) {
	f := newFixture(t)
	for subject, data := range map[string]string{
		bus.RoomsSettingsSubject: `{"instance":"a b","settings":{"session_grace_ms":1}}`,
		"p2p.lease.00000002":     `{"settings":`,
		"p2p.lease.elsewhere":    `{"settings":{"session_grace_ms":1}}`,
		"p2p.lease.00000003":     `{"settings":{"session_grace_ms":-1}}`,
		"p2p.lease.00000004":     `[]`,
		"p2p.rooms.00000005.six": `{"settings":{"session_grace_ms":1}}`,
	} {
		f.Receive(subject, []byte(data))
	}
	f.expect(ours, 0, 0)
}

func TestNotes_ManyDisagree_AreBounded(t *testing.T) {
	f := newFixture(t)
	s := with(10_000, 100)
	for i := range maxNotes + 3 {
		f.gateway(proto.GatewayID(fmt.Sprintf("%08x", i+16)), &s, false)
	}
	notes := f.Notes()
	if got, want := len(notes), maxNotes+1; got != want || notes[maxNotes] != "settings disagree: 3 more" {
		t.Errorf("got %d notes, the last %q; want %d, the last %q", got, notes[len(notes)-1], want, "settings disagree: 3 more")
	}
}
