package proto

import (
	"slices"
	"strings"
	"testing"
)

func TestParseEvent_AnyCase_IsCanonical(t *testing.T) {
	for _, d := range ClientEvents {
		name := string(d.Event)
		mixed := []byte(strings.ToUpper(name))
		for i := range mixed {
			if i%2 == 0 {
				mixed[i] = strings.ToLower(name)[i]
			}
		}
		for _, spelling := range []string{name, strings.ToLower(name), strings.ToUpper(name), string(mixed)} {
			if e, ok := ParseEvent([]byte(spelling)); !ok || e != d.Event {
				t.Errorf("ParseEvent(%s): got %q, %v; want its event", spelling, e, ok)
			}
		}
		for _, wrong := range []string{name + " ", " " + name, name + "\x00", name[1:], name + name} {
			if e, ok := ParseEvent([]byte(wrong)); ok {
				t.Errorf("ParseEvent(%q): got %q, want none", wrong, e)
			}
		}
	}
	for _, spelling := range []string{"Create_Rom", "create_rom", "CREATE_ROM"} {
		if e, ok := ParseEvent([]byte(spelling)); !ok || e != CreateRoom {
			t.Errorf("ParseEvent(%s): got %q, %v; want its event", spelling, e, ok)
		}
	}
	for _, none := range []string{"", "Client_Details", "Room_Created", "Create_Ro", "create-room", "CreateRoom", "meſſage", "tıcket", strings.Repeat("P", 1<<16)} {
		if e, ok := ParseEvent([]byte(none)); ok {
			t.Errorf("ParseEvent(%.40q): got %q, want none", none, e)
		}
	}
}

func TestEvents_Tables_Agree(t *testing.T) {
	names := ClientEventNames()
	if len(names) != len(ClientEvents) {
		t.Fatalf("names: got %d, want %d", len(names), len(ClientEvents))
	}
	seen := map[Event]bool{}
	for i, d := range ClientEvents {
		if names[i] != string(d.Event) || seen[d.Event] || d.Type != "" || d.Needs == "" || d.Effect == "" || len(d.Event) > maxEventLen {
			t.Errorf("entry %d: got %+v, want a client event once, with needs and effect", i, d)
		}
		seen[d.Event] = true
		for _, code := range d.Errors {
			if !code.Known() {
				t.Errorf("errors of %s: got %q, want known codes", d.Event, code)
			}
		}
	}
	clear(seen)
	for _, d := range ServerEvents {
		if seen[d.Event] || !slices.Contains([]FrameType{TypeInfo, TypeUpdate}, d.Type) || d.Effect == "" {
			t.Errorf("server event: got %+v, want each once, with type and effect", d)
		}
		seen[d.Event] = true
	}
}
