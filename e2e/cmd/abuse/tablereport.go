package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

func printHead(w io.Writer) {
	fmt.Fprintln(w, "| attack | what the attacker sent and got | what it cost the server | honest pair beside it | honest pair elsewhere | honest clients disconnected |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|")
}

// print prints a row of the table.
func (r *result) print(w io.Writer) {
	closed := "none"
	if len(r.closed) > 0 {
		var parts []string
		for _, how := range slices.Sorted(maps.Keys(r.closed)) {
			parts = append(parts, fmt.Sprintf("%s: %s", how, grouped(r.closed[how])))
		}
		closed = strings.Join(parts, ", ")
	}
	if r.members > 0 {
		closed += fmt.Sprintf(", of %s", grouped(r.members+4))
	}
	beside := "there is none"
	if r.inside != nil {
		beside = r.insideFelt.describe(r.insideBefore)
	}
	fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s |\n", r.title, r.gains(), r.costs(), beside, r.outsideFelt.describe(r.outsideBefore), closed)
}

// gains says what the attacker sent and got.
func (r *result) gains() string {
	seconds := r.wall.Seconds()
	var parts []string
	if r.got.what != "" {
		parts = append(parts, fmt.Sprintf("**%s %s**", grouped(r.got.gained), r.got.what))
	}
	if r.got.frames > 0 {
		parts = append(parts, fmt.Sprintf("%s frames, %s/s in", grouped(r.got.frames), size(int64(float64(r.got.bytes)/seconds))))
	}
	if s := r.got.String(); s != "" {
		parts = append(parts, s)
	}
	for _, f := range r.faults {
		parts = append(parts, "**"+f+"**")
	}
	return strings.Join(append(parts, r.after...), "; ")
}

// costs says what the server spent.
func (r *result) costs() string {
	return fmt.Sprintf("**%s/s out**; %.2f CPU; memory %s, at most %s",
		size(int64(r.outPerSecond())), r.cpu.Seconds()/r.wall.Seconds(), size(r.rssBefore), size(r.rssMost))
}

// describe compares what a pair felt with what it had before the attack.
func (f felt) describe(before latencies) string {
	text := fmt.Sprintf("p50 %s (%s), p99 %s (%s)", milli(f.took.at(0.5)), milli(before.at(0.5)), milli(f.took.at(0.99)), milli(before.at(0.99)))
	if f.lost > 0 {
		text += fmt.Sprintf(", **%d lost**", f.lost)
	}
	if f.refused > 0 {
		text += fmt.Sprintf(", **%d refused**", f.refused)
	}
	return text
}

// endName names how a connection ended, by its close code.
func endName(code uint16) string {
	if code == 0 {
		return "cut"
	}
	return fmt.Sprintf("closed %d", code)
}

func milli(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	if ms >= 10 {
		return fmt.Sprintf("%.0f ms", ms)
	}
	return fmt.Sprintf("%.1f ms", ms)
}

// size writes a number of bytes.
func size(n int64) string {
	switch {
	case n >= 10_000_000_000:
		return fmt.Sprintf("%.0f GB", float64(n)/1e9)
	case n >= 1_000_000_000:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 10_000_000:
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	case n >= 1_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.0f KB", float64(n)/1e3)
}
