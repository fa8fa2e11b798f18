package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestStamp_RelayedFrame_IsReadBack(t *testing.T) {
	const now, tag = int64(123_456_789_012), uint16(3)
	s := newStampable(signalPayload("somebody", smallBytes))
	payload := s.stamped(now, tag)[8:] // the header is 8 bytes, and the mask is zero
	for name, p := range map[string][]byte{
		"as sent":          payload,
		"with more behind": append(bytes.Clone(payload[:len(payload)-1]), `,"src":"x"}`...),
	} {
		v, ok := findStamp(p)
		if at, with := unstamp(v); !ok || at != now || with != tag {
			t.Errorf("%s: %d, %d, %v", name, at, with, ok)
		}
	}
	for _, p := range []string{"", "{}", `{"event":"Error"}`, mark, mark + "12", strings.Replace(noStamp, "0", "x", 1)} {
		if _, ok := findStamp([]byte(p)); ok {
			t.Errorf("got a stamp in %q, want none", p)
		}
	}
}

func TestSignal_EachSize_IsJSONOfThatSize(t *testing.T) {
	to := peerID(7)
	for _, size := range []int{smallBytes, offerBytes} {
		for name, payload := range map[string]string{"ours": signalPayload(to, size), "PeerServer's": peerSignal(to, size)} {
			if !json.Valid([]byte(payload)) {
				t.Errorf("%s of %d bytes: got %.80s, want JSON", name, size, payload)
			}
			// A candidate with no space left cannot be padded; ids are of one length.
			if d := len(payload) - size; d < 0 || d > 60 {
				t.Errorf("%s: got %d bytes, want %d", name, len(payload), size)
			}
			if strings.Count(payload, noStamp) != 1 {
				t.Errorf("%s of %d bytes: got no place for one stamp, want one", name, size)
			}
		}
	}
}

func TestIDs_ListInAFrame_AreFound(t *testing.T) {
	a, b := peerID(1), peerID(2)
	frame := []byte(`{"type":"update","data":{"added":["` + b + `"],"clients":["` + a + `","` + b + `"]}}`)
	if n := countIDs(frame, `"clients":[`); n != 2 {
		t.Errorf("%d clients", n)
	}
	if n := countIDs(frame, `"removed":[`); n != 0 {
		t.Errorf("%d removed", n)
	}
	var got []string
	eachID(frame, `"clients":[`, func(id []byte) { got = append(got, string(id)) })
	if len(got) != 2 || got[0] != a || got[1] != b {
		t.Errorf("clients are %q", got)
	}
	eachID([]byte(`"clients":[]`), `"clients":[`, func(id []byte) { t.Errorf("an empty list: got %q, want nothing", id) })
}
