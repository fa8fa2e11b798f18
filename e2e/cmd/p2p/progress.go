package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	refresh  = 200 * time.Millisecond
	barWidth = 24 // characters
)

// display shows people the progress of a call, when stderr is a terminal.
// Otherwise it prints nothing. Its methods may be called by one goroutine.
type display struct{ w io.Writer } // nil: silent

func newDisplay(stderr io.Writer) *display {
	if f, ok := stderr.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return &display{f}
		}
	}
	return &display{}
}

// printf writes a line.
func (d *display) printf(format string, args ...any) {
	if d.w != nil {
		fmt.Fprintf(d.w, "p2p call: "+format+"\n", args...)
	}
}

// follow shows a line of progress until the returned function is called, which
// leaves a summary when the call ended well.
func (d *display) follow(p *pipe) (stop func(ok bool)) {
	if d.w == nil {
		return func(bool) {}
	}
	began, done := time.Now(), make(chan struct{})
	now := func() progress {
		return progress{sent: p.arrived.Load(), toSend: p.toSend, got: p.got.Load(), toGet: p.toGet.Load(), took: time.Since(began)}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(refresh)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				fmt.Fprint(d.w, "\r"+now().line()+"\x1b[K") // erase the rest of a longer line
			case <-done:
				return
			}
		}
	})
	return func(ok bool) {
		close(done)
		wg.Wait()
		fmt.Fprint(d.w, "\r\x1b[K")
		if ok {
			n := now()
			n.sent = p.sent.Load() // all of it has arrived
			d.printf("%s", n.summary())
		}
	}
}

// progress is the progress of a call.
type progress struct {
	sent, got     int64 // bytes
	toSend, toGet int64 // bytes; 0 = not known
	took          time.Duration
}

// line returns one line of at most 79 characters. The bar shows the direction
// with more bytes.
func (p progress) line() string {
	verb, done, all, other := "sent", p.sent, p.toSend, "received "+amount(p.got)
	if p.got > p.sent {
		verb, done, all, other = "received", p.got, p.toGet, "sent "+amount(p.sent)
	}
	text := fmt.Sprintf("%s %s", verb, amount(done))
	if all > 0 {
		text += fmt.Sprintf(" (%d%%)", min(100, done*100/all))
	}
	if sec := p.took.Seconds(); sec > 0 {
		text += fmt.Sprintf(" %s/s", amount(int64(float64(done)/sec)))
	}
	if p.sent > 0 && p.got > 0 {
		text += ", " + other
	}
	return "[" + bar(done, all, p.took) + "] " + text
}

// bar shows the share that is done; when the total is not known, it shows a
// moving mark instead.
func bar(done, all int64, took time.Duration) string {
	if all > 0 {
		n := int(min(done, all) * barWidth / all)
		return strings.Repeat("=", n) + strings.Repeat(" ", barWidth-n)
	}
	const sign = "<=>"
	way := barWidth - len(sign)
	at := int(took/refresh) % (2 * way)
	if at > way {
		at = 2*way - at
	}
	return strings.Repeat(" ", at) + sign + strings.Repeat(" ", way-at)
}

func (p progress) summary() string {
	rate := ""
	if sec := p.took.Seconds(); sec > 0 {
		rate = fmt.Sprintf(", %s/s", amount(int64(float64(p.sent+p.got)/sec)))
	}
	return fmt.Sprintf("done: %s sent, %s received in %s%s", amount(p.sent), amount(p.got), p.took.Round(100*time.Millisecond), rate)
}

// amount formats a number of bytes for people.
func amount(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n), ""
	for _, unit = range []string{"KiB", "MiB", "GiB", "TiB"} {
		if value /= 1 << 10; value < 1<<10 {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}
