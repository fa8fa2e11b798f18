package proto

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"p2pconnector/proto/internal/prototest"
)

// TestError_EachCode_RoundTrips takes every code through the wire and back.
func TestError_EachCode_RoundTrips(t *testing.T) {
	seen := map[ErrorCode]bool{}
	for _, d := range ErrorCodes {
		if seen[d.Code] || !d.Code.Known() || d.When == "" {
			t.Errorf("table entry: got %+v, want each code once, with its texts", d)
		}
		seen[d.Code] = true
		want := Error{Code: d.Code, Message: "Do this.", Field: "room", RetryAfterMS: 12}
		var back Error
		if err := json.Unmarshal(prototest.Marshal(t, &want), &back); err != nil {
			t.Fatal(err)
		}
		if got, hidden := ErrorFrom(fmt.Errorf("gateway: join: %w", &back)); hidden || *got != want {
			t.Errorf("%s after the round trip: got %+v, hidden %v; want the same error, not hidden", d.Code, got, hidden)
		}
	}
}

func TestError_Unknown_IsHidden(t *testing.T) {
	for _, err := range []error{errors.New("dial 10.0.0.7: secret"), &Error{Code: "Made_Up", Message: "secret"}, &Error{Message: "secret"}, ErrPeerID} {
		e, hidden := ErrorFrom(err)
		if !hidden || e.Code != Unavailable || strings.Contains(e.Message, "secret") || strings.Contains(e.Message, "proto:") {
			t.Errorf("ErrorFrom(%v): got %v, hidden %v; want Unavailable without the cause, hidden", err, e, hidden)
		}
	}
}

func TestError_TextOfClients_IsQuoted(t *testing.T) {
	hostile := "x\r\nINFO \x1b[31m\"}\xff" + strings.Repeat("é", 1000)
	for _, e := range []*Error{PeerNotFound(hostile), RoomNotFound(RoomID(hostile)), Errorf(NotFound, "%s", Quote(hostile))} {
		if len(e.Message) > 400 || !utf8.ValidString(e.Message) || strings.ContainsFunc(e.Message, func(c rune) bool { return c < ' ' || c == utf8.RuneError }) {
			t.Errorf("message: got %d bytes %q, want at most 400 bytes of plain text", len(e.Message), e.Message)
		}
		if !strings.Contains(e.Error(), "Not_Found: ") {
			t.Errorf("Error: got %q, want Not_Found in it", e.Error())
		}
	}
	if got := Quote("tea"); got != `"tea"` {
		t.Errorf("Quote: got %s, want \"tea\" in quotes", got)
	}
	if m, i := Missing("to", "Say whom."), Invalid("id", "Too long."); m.Code != MissingFields || m.Field != "to" || i.Code != InvalidMessage || i.Field != "id" {
		t.Errorf("got %+v and %+v, want the code and the field of each", m, i)
	}
}

func TestCloseCodes_Table_IsComplete(t *testing.T) {
	seen := map[CloseCode]bool{}
	for _, d := range CloseCodes {
		if seen[d.Code] || d.Why == "" || d.Code.Reason() != d.Reason || len(d.Code.String()) != 4 {
			t.Errorf("table entry: got %+v, want each code once, with its texts", d)
		}
		seen[d.Code] = true
		b := AppendCloseReason([]byte("x"), d.Code, d.Reason)
		if got := CloseCode(b[1])<<8 | CloseCode(b[2]); got != d.Code || string(b[3:]) != d.Reason || len(b)-1 > 125 {
			t.Errorf("payload of close code %d: got %q, want the code and its reason in at most 125 bytes", d.Code, b)
		}
	}
	if r := CloseCode(4999).Reason(); r != "" {
		t.Errorf("reason of 4999: got %q, want none", r)
	}
}

// TestCloseReason_TooLong_IsCutBetweenCharacters checks that a long reason is cut
// between characters, because half a character would make the close frame
// invalid.
func TestCloseReason_TooLong_IsCutBetweenCharacters(t *testing.T) {
	for shift := range 4 {
		for _, char := range []string{"x", "é", "漢", "😀"} {
			b := AppendCloseReason(nil, ClosePolicy, strings.Repeat("x", shift)+strings.Repeat(char, 200))
			if len(b) > 125 || len(b) < 125-utf8.UTFMax || !utf8.Valid(b[2:]) {
				t.Errorf("payload: got %d bytes %q, want valid UTF-8 of at most 125 bytes", len(b), b)
			}
		}
	}
}
