package main

import (
	"fmt"
	"runtime"
	"slices"
	"time"

	"p2pconnector/e2e/cmd/bench/internal/stats"
)

// Units of figures.
const (
	perSecond = "/s"
	microsec  = "µs"
	percent   = "%"
	kilobytes = "KB"
	count     = ""
)

// figure is one measured value, with one sample for each round.
type figure struct {
	Case   string    `json:"case"`
	System string    `json:"system"`
	Metric string    `json:"metric"`
	Unit   string    `json:"unit"`
	Values []float64 `json:"values"`
	Median float64   `json:"median"`
	Spread float64   `json:"spread"` // (largest - smallest) / median
}

// picture is a histogram of latencies, all rounds together.
type picture struct {
	Case   string      `json:"case"`
	System string      `json:"system"`
	Bars   []stats.Bar `json:"bars"`

	hist *stats.Hist
}

// section holds the results of one row.
type section struct {
	Name     string        `json:"name"`
	Title    string        `json:"title"`
	Took     time.Duration `json:"took_ns"`
	Figures  []*figure     `json:"figures"`
	Pictures []*picture    `json:"pictures,omitempty"`
	Notes    []string      `json:"notes,omitempty"`
	Failed   string        `json:"failed,omitempty"`
}

// book holds the results of a run. It is used by one goroutine.
type book struct {
	When     time.Time    `json:"when"`
	CPUs     int          `json:"cpus"`
	Go       string       `json:"go"`
	Files    uint64       `json:"open_files"`
	Rounds   int          `json:"rounds"`
	Sections []*section   `json:"rows"`
	Goals    []goalResult `json:"goals"`
	Foreign  []float64    `json:"foreign"` // share of the machine that other programs used, per measurement
}

func newBook(rounds int) *book {
	return &book{When: time.Now().UTC(), CPUs: runtime.NumCPU(), Go: runtime.Version(), Rounds: rounds}
}

func (k *book) begin(row, title string) {
	k.Sections = append(k.Sections, &section{Name: row, Title: title})
}

// section returns the row's section, or an empty one when it did not run.
func (k *book) section(row string) *section {
	for _, s := range k.Sections {
		if s.Name == row {
			return s
		}
	}
	return &section{Name: row}
}

func (k *book) note(row, text string) {
	s := k.section(row)
	if !slices.Contains(s.Notes, text) {
		s.Notes = append(s.Notes, text)
	}
}

func (k *book) fail(row string, err error)       { k.section(row).Failed = err.Error() }
func (k *book) took(row string, d time.Duration) { k.section(row).Took = d }

// add records one value of a figure.
func (k *book) add(row, kase, system, metric, unit string, value float64) {
	s := k.section(row)
	f := s.find(kase, system, metric)
	if f == nil {
		f = &figure{Case: kase, System: system, Metric: metric, Unit: unit}
		s.Figures = append(s.Figures, f)
	}
	f.Values = append(f.Values, value)
	f.Median, f.Spread = stats.Median(f.Values), stats.Spread(f.Values)
}

// latencies adds a round's histogram to the row's picture.
func (k *book) latencies(row, kase, system string, h *stats.Hist) {
	s := k.section(row)
	for _, p := range s.Pictures {
		if p.Case == kase && p.System == system {
			p.hist.Merge(h)
			p.Bars = p.hist.Bars()
			return
		}
	}
	p := &picture{Case: kase, System: system, hist: new(stats.Hist)}
	p.hist.Merge(h)
	p.Bars = p.hist.Bars()
	s.Pictures = append(s.Pictures, p)
}

func (s *section) find(kase, system, metric string) *figure {
	for _, f := range s.Figures {
		if f.Case == kase && f.System == system && f.Metric == metric {
			return f
		}
	}
	return nil
}

// get returns the median of a figure; ok is false when it was not measured.
func (k *book) get(row, kase, system, metric string) (v float64, ok bool) {
	f := k.section(row).find(kase, system, metric)
	if f == nil {
		return 0, false
	}
	return f.Median, true
}

// disturbed records what other programs used of the machine during a
// measurement.
func (k *book) disturbed(wall, others time.Duration) {
	k.Foreign = append(k.Foreign, max(0, float64(others)/float64(wall)/float64(k.CPUs)))
}

// Bounds of a quiet machine.
const (
	noisyShare  = 0.10 // of the machine, used by other programs, in the median measurement
	noisySpread = 0.25 // of a figure
)

// noise describes how quiet the machine was, and reports whether it was too
// noisy.
func (k *book) noise() (text string, noisy bool) {
	if len(k.Foreign) == 0 {
		return "nothing was measured", false
	}
	m, worst := stats.Median(k.Foreign), slices.Max(k.Foreign)
	text = fmt.Sprintf("other programs used %.0f %% of the machine in the middle measurement and %.0f %% in the worst", 100*m, 100*worst)
	if m > noisyShare {
		return text + ": TOO NOISY. Times and rates are worth little; CPU per message and ratios less than usual", true
	}
	return text, false
}
