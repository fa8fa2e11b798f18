package membudget

import "testing"

// TestDerive_AnyMemory_IsAPartWithinBounds.
func TestDerive_AnyMemory_IsAPartWithinBounds(t *testing.T) {
	for name, tc := range map[string]struct {
		memory    int64
		collected bool
		want      int64
	}{
		"a limit that the collector keeps": {1 << 30, true, 512 << 20},
		"a limit that it does not know":    {1 << 30, false, 256 << 20},
		"little":                           {100 << 20, true, 64 << 20},
		"a lot":                            {1 << 40, false, 16 << 30},
		"not known":                        {0, false, 256 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Derive(tc.memory, tc.collected); got != tc.want {
				t.Errorf("got %d bytes, want %d", got, tc.want)
			}
		})
	}
}
