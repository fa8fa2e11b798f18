package proto

import (
	"slices"
	"strings"
	"testing"
)

func TestParseEventInAnyCase(t *testing.T) {
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
				t.Errorf("%s is read as %q, %v", spelling, e, ok)
			}
		}
		for _, wrong := range []string{name + " ", " " + name, name + "\x00", name[1:], name + name} {
			if e, ok := ParseEvent([]byte(wrong)); ok {
				t.Errorf("%q is read as %q", wrong, e)
			}
		}
	}
	for _, spelling := range []string{"Create_Rom", "create_rom", "CREATE_ROM"} {
		if e, ok := ParseEvent([]byte(spelling)); !ok || e != CreateRoom {
			t.Errorf("%s is read as %q, %v", spelling, e, ok)
		}
	}
	for _, none := range []string{"", "Client_Details", "Room_Created", "Create_Ro", "create-room", "CreateRoom", "meſſage", "tıcket", strings.Repeat("P", 1<<16)} {
		if e, ok := ParseEvent([]byte(none)); ok {
			t.Errorf("%.40q is read as %q", none, e)
		}
	}
}

func TestEventTablesAgree(t *testing.T) {
	names := ClientEventNames()
	if len(names) != len(ClientEvents) {
		t.Fatalf("%d names of %d events", len(names), len(ClientEvents))
	}
	seen := map[Event]bool{}
	for i, d := range ClientEvents {
		if names[i] != string(d.Event) || seen[d.Event] || d.Type != "" || d.Needs == "" || d.Effect == "" || len(d.Event) > maxEventLen {
			t.Errorf("entry %d: %+v", i, d)
		}
		seen[d.Event] = true
		for _, code := range d.Errors {
			if !code.Known() {
				t.Errorf("%s answers %q, which is no error code", d.Event, code)
			}
		}
	}
	clear(seen)
	for _, d := range ServerEvents {
		if seen[d.Event] || !slices.Contains([]FrameType{TypeInfo, TypeUpdate}, d.Type) || d.Effect == "" {
			t.Errorf("server event %+v", d)
		}
		seen[d.Event] = true
	}
}
