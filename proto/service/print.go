package service

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// printTime bounds how long the last lines of a process may take.
const printTime = time.Second

// PrintError prints err to w, each of its lines behind the name of the program. It returns
// within a second even when nobody reads w: a full pipe may be why the process ends.
func PrintError(w io.Writer, program string, err error) {
	var text strings.Builder
	for line := range strings.Lines(err.Error()) {
		text.WriteString(program + ": " + line)
	}
	text.WriteByte('\n')
	printed := make(chan struct{})
	go func() {
		defer close(printed)
		fmt.Fprint(w, text.String())
	}()
	late := time.NewTimer(printTime)
	defer late.Stop()
	select {
	case <-printed:
	case <-late.C:
	}
}
