package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"
)

// short prints v with three significant digits, or whole when it is large.
func short(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return "-"
	case a >= 1000:
		return grouped(int(math.Round(v)))
	case a >= 100 || a == math.Trunc(a):
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// cell formats a figure: its median and its spread, marked when the spread is
// wide.
func (f *figure) cell() string {
	if f == nil {
		return "-"
	}
	s := short(f.Median)
	if len(f.Values) < 2 {
		return s
	}
	s += fmt.Sprintf(" ±%.0f%%", 50*f.Spread)
	if f.Spread > noisySpread {
		s += "!"
	}
	return s
}

// columns returns the metrics of a section in the order of their first
// measurement.
func (s *section) columns() (names, heads []string) {
	seen := map[string]bool{}
	for _, f := range s.Figures {
		if !seen[f.Metric] {
			seen[f.Metric] = true
			names = append(names, f.Metric)
			head := f.Metric
			if f.Unit != count {
				head += " " + f.Unit
			}
			heads = append(heads, head)
		}
	}
	return names, heads
}

// line is one line of a section's table.
type line struct{ kase, system string }

// lines returns case and system of each line.
func (s *section) lines() (all []line) {
	seen := map[line]bool{}
	for _, f := range s.Figures {
		l := line{f.Case, f.System}
		if !seen[l] {
			seen[l] = true
			all = append(all, l)
		}
	}
	return all
}

// write prints the whole book as text.
func (k *book) write(w io.Writer) error {
	for _, s := range k.Sections {
		fmt.Fprintf(w, "\n%s: %s (%s)\n", s.Name, s.Title, s.Took.Round(time.Second))
		if err := s.write(w); err != nil {
			return err
		}
		for _, n := range s.Notes {
			fmt.Fprintf(w, "  note: %s\n", n)
		}
		if s.Failed != "" {
			fmt.Fprintf(w, "  FAILED: %s\n", s.Failed)
		}
	}
	fmt.Fprintln(w, "\ngoals")
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, v := range k.Goals {
		if v.Measured {
			fmt.Fprintf(tw, "  %s\t%s\t%s\t%s\n", v.status(), amount(v.Value, v.Unit), v.bound(), v.Goal)
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	noise, _ := k.noise()
	_, err := fmt.Fprintf(w, "\nmachine: %d CPUs, shared with the load; %s.\nFigures are medians of %d rounds ± half of what lies between the extremes; ! marks a wide spread.\n"+
		"CPU is that of all server processes together, NATS included; load cpu is the benchmark's own.\n", k.CPUs, noise, k.Rounds)
	return err
}

func (s *section) write(w io.Writer) error {
	names, heads := s.columns()
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "  case\tsystem\t%s\n", strings.Join(heads, "\t"))
	for _, l := range s.lines() {
		cells := make([]string, len(names))
		for i, n := range names {
			cells[i] = s.find(l.kase, l.system, n).cell()
		}
		fmt.Fprintf(tw, "  %s\t%s\t%s\n", l.kase, l.system, strings.Join(cells, "\t"))
	}
	return tw.Flush()
}
