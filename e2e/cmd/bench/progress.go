package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

// progress shows the current measurement on a terminal, in one line that it
// overwrites; elsewhere it prints a line for each measurement.
type progress struct {
	w           io.Writer
	live        bool
	began       time.Time
	done, total int
	rounds      int
}

func newProgress(w io.Writer, rounds int) *progress {
	p := &progress{w: w, began: time.Now(), rounds: rounds}
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil {
			p.live = info.Mode()&os.ModeCharDevice != 0
		}
	}
	return p
}

// step shows the measurement that begins.
func (p *progress) step(row, kase, system string, round int) {
	p.done++
	p.line(fmt.Sprintf("%3d/%d  %s: %s, %s, round %d of %d", p.done, p.total, row, kase, system, round+1, p.rounds))
}

// print shows other activity.
func (p *progress) print(what string) { p.line(fmt.Sprintf("%3d/%d  %s", p.done, p.total, what)) }

func (p *progress) line(text string) {
	elapsed := time.Since(p.began).Round(time.Second)
	if p.live {
		fmt.Fprintf(p.w, "\r\x1b[K%6s  %s", elapsed, text)
		return
	}
	fmt.Fprintf(p.w, "%6s  %s\n", elapsed, text)
}

// end leaves the line on the terminal.
func (p *progress) end() {
	if p.live {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// grouped writes n with commas.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
