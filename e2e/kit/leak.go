package kit

import (
	"fmt"
	"os"

	"go.uber.org/goleak"
)

// checkLeaks returns code, or 1 when the tests passed but left a goroutine.
func checkLeaks(code int) int {
	if code != 0 {
		return code // a failed test may leave anything
	}
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, "kit: the tests left goroutines behind:", err)
		return 1
	}
	return 0
}
