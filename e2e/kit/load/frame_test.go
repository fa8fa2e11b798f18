package load

import (
	"bytes"
	"errors"
	"testing"
)

// serverFrame is a frame as a server writes it: a client's, without the mask.
func serverFrame(op byte, payload []byte) []byte {
	b := AppendFrame(nil, op, payload)
	head := len(b) - len(payload)
	out := bytes.Clone(b[:head-4])
	out[1] &= 0x7f
	return append(out, payload...)
}

func TestFrames_AnySplit_AreParsed(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 300, 0xffff, 0x10000} {
		payload := bytes.Repeat([]byte{'a'}, n)
		whole := serverFrame(OpText, payload)
		op, got, size, err := ParseFrame(append(bytes.Clone(whole), "next"...))
		if err != nil || op != OpText || size != len(whole) || !bytes.Equal(got, payload) {
			t.Errorf("%d bytes: op %d, %d bytes, size %d of %d, %v", n, op, len(got), size, len(whole), err)
		}
		for cut := range min(len(whole), 12) {
			if _, _, size, err := ParseFrame(whole[:cut]); size != 0 || err != nil {
				t.Errorf("%d of %d bytes: size %d, %v", cut, len(whole), size, err)
			}
		}
		if _, _, size, _ := ParseFrame(whole[:len(whole)-1]); size != 0 {
			t.Errorf("a frame of %d bytes without its last one has size %d", n, size)
		}
	}
}

func TestFrames_NotAllowedFromAServer_AreRefused(t *testing.T) {
	for name, b := range map[string][]byte{
		"masked":     AppendFrame(nil, OpText, []byte("hello")),
		"fragment":   {0x01, 0},
		"rest":       {0x80, 0},
		"compressed": {0xc1, 0},
		"huge":       {0x81, 127, 0, 0, 0, 1, 0, 0, 0, 0},
	} {
		if _, _, _, err := ParseFrame(b); !errors.Is(err, ErrFrame) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
