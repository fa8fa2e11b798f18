package replay

import (
	"bytes"
	"testing"

	"p2pconnector/gateway/internal/membudget"
)

// TestBuffer_Full_RefusesAndKeepsTheOldest: a buffer is bounded by frames, by bytes and by
// what all buffers hold, and a refused frame costs nothing.
func TestBuffer_Full_RefusesAndKeepsTheOldest(t *testing.T) {
	const limit = 8 << 30
	const forReplay = limit / 16 * 9 // of it
	most := Limits{Frames: 7, Bytes: 1000}
	for name, tc := range map[string]struct {
		frame int // bytes
		spare int // bytes that other buffers have left
		fits  int // frames
	}{
		"frames":     {1, forReplay, 7},
		"bytes":      {250, forReplay, 4},
		"one more":   {143, forReplay, 6}, // 7 of them are 1,001
		"the budget": {10, 25, 2},
	} {
		t.Run(name, func(t *testing.T) {
			budget := membudget.New(limit)
			budget.Take(membudget.Queue, forReplay-tc.spare)
			var b Buffer
			all := make([][]byte, tc.fits+2)
			for i := range all {
				all[i] = bytes.Repeat([]byte{byte(i)}, tc.frame)
			}
			if rest := b.AddAll(budget, most, all); len(rest) != 2 {
				t.Errorf("got %d frames refused, want 2", len(rest))
			}
			if b.Add(budget, most, all[0]) {
				t.Error("got room in a full buffer, want none")
			}
			if got, want := budget.Used(membudget.Replay), int64(tc.fits*tc.frame); got != want {
				t.Errorf("got %d bytes taken, want %d", got, want)
			}
			if got := b.Frames(); len(got) != tc.fits || got[0][0] != 0 {
				t.Errorf("got %d frames, want the oldest %d", len(got), tc.fits)
			}
			if got := b.Take(budget); len(got) != tc.fits || len(b.Frames()) != 0 {
				t.Errorf("got %d frames and %d left, want %d and none", len(got), len(b.Frames()), tc.fits)
			}
			if got := budget.Used(membudget.Replay); got != 0 {
				t.Errorf("got %d bytes taken afterwards, want none", got)
			}
		})
	}
}
