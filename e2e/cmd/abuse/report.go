package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// report holds all results.
type report struct {
	settings
	without, with, again  latencies // of the control pair
	before, during, after stats
	tally                 *tally
}

func (r *report) print(w io.Writer) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "attack\tconnections\tended with\tlongest")
	for i := range attacks {
		c := r.tally.by[&attacks[i]]
		n := 0
		var outcomes []string
		for _, o := range slices.Sorted(maps.Keys(c.outcomes)) {
			n += c.outcomes[o]
			outcomes = append(outcomes, fmt.Sprintf("%s: %d", o, c.outcomes[o]))
		}
		fmt.Fprintf(tw, "%s\t%d\t%s\t%v\n", attacks[i].name, n, strings.Join(outcomes, ", "), c.longest.Round(time.Millisecond))
	}
	fmt.Fprintln(tw, "\ncontrol pair\tframes\tp50\tp99\tlongest")
	for _, row := range []struct {
		name string
		l    latencies
	}{{"without", r.without}, {"with the attack", r.with}, {"after it", r.again}} {
		fmt.Fprintf(tw, "%s\t%d\t%v\t%v\t%v\n", row.name, len(row.l), micro(row.l.at(0.5)), micro(row.l.at(0.99)), micro(row.l.at(1)))
	}
	fmt.Fprintln(tw, "\nserver\tgoroutines\theap\tresident")
	for _, row := range []struct {
		name string
		s    stats
	}{{"before", r.before}, {"during the attack", r.during}, {"after it", r.after}} {
		fmt.Fprintf(tw, "%s\t%d\t%.1f MiB\t%.1f MiB\n", row.name, row.s.Goroutines, float64(row.s.Heap)/(1<<20), float64(row.s.RSS)/(1<<20))
	}
	_ = tw.Flush() // as all output of a program
}

func micro(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

// check returns an error that lists what went wrong.
func (r *report) check() error {
	var errs []error
	for i := range attacks {
		a := &attacks[i]
		c := r.tally.by[a]
		for o, n := range c.outcomes {
			if o != ended && o != "503" && !slices.Contains(strings.Fields(a.want), o) {
				errs = append(errs, fmt.Errorf("%s: %d connections ended with %s, want %s", a.name, n, o, a.want))
			}
		}
		if c.longest > a.within+r.patience {
			errs = append(errs, fmt.Errorf("%s: a connection lasted %v, want at most %v", a.name, c.longest, a.within))
		}
		if len(c.outcomes) == 0 {
			errs = append(errs, fmt.Errorf("%s: no connection ran this attack", a.name))
		}
	}
	if d := r.with.at(1); d > r.patience {
		errs = append(errs, fmt.Errorf("a control frame took %v", d))
	}
	if !r.after.clean(r.before) {
		errs = append(errs, errors.New("the server has kept goroutines or memory"))
	}
	return errors.Join(errs...)
}
