package main

import (
	"bytes"
	_ "embed"
	"html/template"
	"math"
	"os"
	"time"
)

//go:embed template.html
var reportText string

var report = template.Must(template.New("report").Funcs(template.FuncMap{
	"round": func(d time.Duration) time.Duration { return d.Round(time.Second) },
	"value": func(v goalResult) string { return amount(v.Value, v.Unit) },
	"bound": goalResult.bound,
	"word":  goalResult.status,
}).Parse(reportText))

// page is the data of the report's template.
type page struct {
	*book
	Noise string
	Noisy bool
	Rows  []pageRow
}

type pageRow struct {
	*section
	Metrics []string
	Heads   []string
	Lines   []pageLine
	Charts  []template.HTML
}

// pageLine is one line of a table.
type pageLine struct {
	Case, System string
	Cells        []string
}

// writeHTML writes the report as one file that needs no other.
func (k *book) writeHTML(path string) error {
	p := page{book: k}
	p.Noise, p.Noisy = k.noise()
	for _, s := range k.Sections {
		r := pageRow{section: s}
		r.Metrics, r.Heads = s.columns()
		for _, l := range s.lines() {
			pl := pageLine{Case: l.kase, System: l.system}
			for _, m := range r.Metrics {
				pl.Cells = append(pl.Cells, s.find(l.kase, l.system, m).cell())
			}
			r.Lines = append(r.Lines, pl)
		}
		for _, c := range s.charts() {
			if svg := c.svg(); svg != "" {
				r.Charts = append(r.Charts, svg)
			}
		}
		p.Rows = append(p.Rows, r)
	}
	var out bytes.Buffer
	if err := report.Execute(&out, p); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

// classes are the colours of systems.
var classes = map[string]string{ours: "s0", echoFloor: "s1", natsFloor: "s2", peerServer: "s3", npmTracker: "s3", otherBuild: "s2"}

// charts returns the pictures of a row: its curves, and then its latencies.
func (s *section) charts() (all []chart) {
	switch s.Name {
	case "storm":
		all = append(all, s.stormChart("all know all", "ms"), s.stormChart("sent per peer", "KB"), s.stormChart("cpu per join", "µs"))
	case "scaling":
		all = append(all, s.scalingChart("cpu", "CPU µs per message"), s.scalingChart("rate", "messages/s"))
	}
	return append(all, s.latencyCharts()...)
}

// stormChart draws a metric over the size of the storm, with a line that is
// linear in it.
func (s *section) stormChart(metric, unit string) chart {
	c := chart{title: "join storm: " + metric, xName: "peers that join at once", yName: unit, logX: true, logY: true, xTicks: []float64{100, 300, 1000}}
	for i, mode := range stormModes {
		one := series{name: mode.name, class: []string{"s0", "s3"}[i]}
		for _, n := range stormSizes {
			if f := s.find(stormCase(n, mode.name), ours, metric); f != nil {
				one.points = append(one.points, point{float64(n), f.Median})
			}
		}
		c.series = append(c.series, one)
		if p := one.points; i == 0 && len(p) > 1 {
			last := p[len(p)-1]
			c.series = append(c.series, series{name: "linear", class: "ref", dashed: true, points: []point{p[0], {last.x, p[0].y * last.x / p[0].x}}})
		}
	}
	return c
}

func (s *section) scalingChart(metric, unit string) chart {
	c := chart{title: "gateways: " + unit, xName: "gateways", yName: unit, xTicks: []float64{1, 2, 4}}
	one := series{name: ours, class: "s0"}
	for _, n := range scalingGateways {
		if f := s.find(scalingCase(n), ours, metric); f != nil {
			one.points = append(one.points, point{float64(n), f.Median})
		}
	}
	c.series = []series{one}
	return c
}

// latencyCharts draws one picture for each case, with all systems in it.
func (s *section) latencyCharts() (all []chart) {
	at := map[string]int{}
	for _, p := range s.Pictures {
		i, ok := at[p.Case]
		if !ok {
			i = len(all)
			at[p.Case] = i
			all = append(all, chart{title: p.Case, xName: "latency", yName: "share, %", logX: true, xLabel: latencyLabel})
		}
		one := series{name: p.System, class: classes[p.System], area: true}
		for _, b := range p.Bars {
			from, to := math.Max(micros(b.From), 1), math.Max(micros(b.To), 1)
			one.points = append(one.points, point{math.Sqrt(from * to), 100 * b.Share})
		}
		all[i].series = append(all[i].series, one)
	}
	return all
}

// latencyLabel formats microseconds.
func latencyLabel(us float64) string {
	return time.Duration(us * float64(time.Microsecond)).String()
}
