package link

import "testing"

// TestSender_WindowAtEachEdge_HasNoRoomForOneMore: neither for one more frame, nor for one
// more byte. A single frame of any size has room, because nothing else would make any.
func TestSender_WindowAtEachEdge_HasNoRoomForOneMore(t *testing.T) {
	for what, tc := range map[string]struct {
		window     Window
		size, fits int
	}{
		"frames":                {DefaultWindowBytes, 1, 8192},
		"frames of half of it":  {DefaultWindowBytes / 2, 1, 4096},
		"bytes":                 {DefaultWindowBytes, 1 << 20, 4},
		"a byte more than that": {DefaultWindowBytes - 1, 1 << 20, 3},
	} {
		s := NewSender(1, tc.window, new(int))
		for i := range tc.fits {
			if s.Full(tc.size) {
				t.Fatalf("%s: got no room for number %d, want room for %d", what, i+1, tc.fits)
			}
			s.Push(0, &Frame{To: "p", Data: make([]byte, tc.size)})
		}
		if !s.Full(tc.size) || s.Len() != tc.fits || s.Bytes() != tc.fits*tc.size {
			t.Errorf("%s: got %d frames and %d bytes, full %v, want %d, %d, true", what, s.Len(), s.Bytes(), s.Full(tc.size), tc.fits, tc.fits*tc.size)
		}
	}
	if NewSender(1, DefaultWindowBytes, new(int)).Full(2 * DefaultWindowBytes) {
		t.Error("one large frame: got no room, want room")
	}
}
