package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// serverFrame is a frame as a server writes it: a client's, without the mask.
func serverFrame(op byte, payload []byte) []byte {
	b := appendClientFrame(nil, op, payload)
	head := len(b) - len(payload)
	out := bytes.Clone(b[:head-4])
	out[1] &= 0x7f
	return append(out, payload...)
}

func TestFramesComeApartAsTheyWerePut(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 300, 0xffff, 0x10000} {
		payload := bytes.Repeat([]byte{'a'}, n)
		whole := serverFrame(opText, payload)
		op, got, size, err := parseServerFrame(append(bytes.Clone(whole), "next"...))
		if err != nil || op != opText || size != len(whole) || !bytes.Equal(got, payload) {
			t.Errorf("%d bytes: op %d, %d bytes, size %d of %d, %v", n, op, len(got), size, len(whole), err)
		}
		for cut := range min(len(whole), 12) {
			if _, _, size, err := parseServerFrame(whole[:cut]); size != 0 || err != nil {
				t.Errorf("%d of %d bytes: size %d, %v", cut, len(whole), size, err)
			}
		}
		if _, _, size, _ := parseServerFrame(whole[:len(whole)-1]); size != 0 {
			t.Errorf("a frame of %d bytes without its last one has size %d", n, size)
		}
	}
}

func TestFramesThatNoServerMaySend(t *testing.T) {
	for name, b := range map[string][]byte{
		"masked":     appendClientFrame(nil, opText, []byte("hello")),
		"fragment":   {0x01, 0},
		"rest":       {0x80, 0},
		"compressed": {0xc1, 0},
		"huge":       {0x81, 127, 0, 0, 0, 1, 0, 0, 0, 0},
	} {
		if _, _, _, err := parseServerFrame(b); !errors.Is(err, errFrame) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStampsSurvive(t *testing.T) {
	const now, tag = int64(123_456_789_012), uint16(3)
	s := newStampable(signalPayload("somebody", smallBytes))
	_, payload, _, err := parseServerFrame(serverFrame(opText, s.stamped(now, tag)[8:]))
	if err != nil {
		t.Fatal(err)
	}
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
			t.Errorf("%q has a stamp", p)
		}
	}
}

func TestSignalsAreJSONOfTheSizeAskedFor(t *testing.T) {
	to := peerID(7)
	for _, size := range []int{smallBytes, offerBytes} {
		for name, payload := range map[string]string{"ours": signalPayload(to, size), "PeerServer's": peerSignal(to, size)} {
			if !json.Valid([]byte(payload)) {
				t.Errorf("%s of %d bytes is no JSON: %.80s", name, size, payload)
			}
			// A candidate with nothing to spare is what it is; ids are of one length.
			if d := len(payload) - size; d < 0 || d > 60 {
				t.Errorf("%s has %d bytes in place of %d", name, len(payload), size)
			}
			if strings.Count(payload, noStamp) != 1 {
				t.Errorf("%s of %d bytes has no place for one stamp", name, size)
			}
		}
	}
}

func TestListsOfIDs(t *testing.T) {
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
	eachID([]byte(`"clients":[]`), `"clients":[`, func(id []byte) { t.Errorf("an empty list holds %q", id) })
}
