package webtorrent

import (
	"encoding/json"
	"testing"
)

// TestID_EveryByte_SurvivesJSON: ids are read and written as encoding/json does.
func TestID_EveryByte_SurvivesJSON(t *testing.T) {
	for first := 0; first < 256; first += idBytes {
		var want id
		chars := make([]rune, idBytes)
		for i := range want {
			want[i] = byte(first + i)
			chars[i] = rune(want[i])
		}
		raw, err := json.Marshal(string(chars))
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := parseID(raw); !ok || got != want {
			t.Errorf("parseID(%s): got %x, %v, want %x", raw, got, ok, want)
		}
		var back string
		if err := json.Unmarshal(want.appendTo(nil), &back); err != nil || back != string(chars) {
			t.Errorf("appendTo: got %s (%q, %v), want %q", want.appendTo(nil), back, err, string(chars))
		}
	}
}

func TestID_AnotherLengthOrCharacter_IsRefused(t *testing.T) {
	for _, raw := range []string{
		``, `""`, `"1234567890123456789"`, `"123456789012345678901"`, `"1234567890123456789€"`, `"1234567890123456789\u0100"`, `1234567890123456789012`,
		`"1234567890\u00e9"`, `"123456789012345\u00e9"`, `null`, `["12345678901234567890"]`,
	} {
		if got, ok := parseID([]byte(raw)); ok {
			t.Errorf("parseID(%s): got %x, want none", raw, got)
		}
	}
}
