package main

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"slices"
	"strings"
)

// The size of every chart, in SVG units, and the margins of its axes.
const (
	chartW, chartH             = 560, 260
	padL, padR, padT, padB     = 62, 14, 30, 42
	plotW, plotH           int = chartW - padL - padR, chartH - padT - padB
)

// series is one line of a chart, or one set of bars.
type series struct {
	name   string
	class  string // CSS class that colours it
	points []point
	dashed bool // a reference, not a measurement
	area   bool // filled down to the axis
}

type point struct{ x, y float64 }

// chart is a picture with a line for each series.
type chart struct {
	title, xName, yName string
	logX, logY          bool
	xTicks              []float64 // nil: chosen
	xLabel              func(float64) string
	series              []series
}

// axis maps values to places.
type axis struct {
	lo, hi float64
	log    bool
	from   float64 // where lo is
	length float64 // negative: upwards
}

func (a axis) at(v float64) float64 {
	lo, hi := a.lo, a.hi
	if a.log {
		lo, hi, v = math.Log10(lo), math.Log10(hi), math.Log10(max(v, a.lo))
	}
	if hi == lo {
		return a.from
	}
	return a.from + a.length*(v-lo)/(hi-lo)
}

// ticks returns the positions of an axis's marks: decades when it is
// logarithmic, otherwise steps of 1, 2 or 5 times a power of ten.
func (a axis) ticks() (all []float64) {
	if a.log {
		for d := math.Floor(math.Log10(a.lo)); math.Pow(10, d) <= a.hi*1.0001; d++ {
			if v := math.Pow(10, d); v >= a.lo*0.9999 {
				all = append(all, v)
			}
		}
		return all
	}
	step := niceStep((a.hi - a.lo) / 5)
	for v := math.Ceil(a.lo/step) * step; v <= a.hi*1.0001; v += step {
		all = append(all, v)
	}
	return all
}

// bounds returns the extremes of all points. A linear axis begins at zero.
func (c *chart) bounds() (x, y axis) {
	x = axis{lo: math.Inf(1), hi: math.Inf(-1), log: c.logX, from: padL, length: float64(plotW)}
	y = axis{lo: math.Inf(1), hi: math.Inf(-1), log: c.logY, from: float64(padT + plotH), length: -float64(plotH)}
	for _, s := range c.series {
		for _, p := range s.points {
			x.lo, x.hi = min(x.lo, p.x), max(x.hi, p.x)
			y.lo, y.hi = min(y.lo, p.y), max(y.hi, p.y)
		}
	}
	if !c.logY {
		y.lo, y.hi = 0, y.hi*1.08
	} else {
		y.lo, y.hi = math.Pow(10, math.Floor(math.Log10(y.lo))), math.Pow(10, math.Ceil(math.Log10(y.hi)))
	}
	return x, y
}

// svg draws the chart, or nothing when it has no points.
func (c *chart) svg() template.HTML {
	x, y := c.bounds()
	if math.IsInf(x.lo, 0) || y.hi <= 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, chartW, chartH, html.EscapeString(c.title))
	fmt.Fprintf(&b, `<text class="title" x="%d" y="15">%s</text>`, padL, html.EscapeString(c.title))
	c.drawAxes(&b, x, y)
	for _, s := range c.series {
		s.draw(&b, x, y)
	}
	c.drawLegend(&b)
	b.WriteString("</svg>")
	return template.HTML(b.String()) // built of numbers and escaped text
}

func (c *chart) drawAxes(b *strings.Builder, x, y axis) {
	bottom := padT + plotH
	for _, v := range y.ticks() {
		at := y.at(v)
		fmt.Fprintf(b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text class="tick" text-anchor="end" x="%d" y="%.1f">%s</text>`,
			padL, padL+plotW, at, at, padL-6, at+4, short(v))
	}
	ticks, label := c.xTicks, c.xLabel
	if ticks == nil {
		ticks = x.ticks()
	}
	if label == nil {
		label = short
	}
	for _, v := range ticks {
		at := x.at(v)
		fmt.Fprintf(b, `<line class="grid" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/><text class="tick" text-anchor="middle" x="%.1f" y="%d">%s</text>`,
			at, at, padT, bottom, at, bottom+15, html.EscapeString(label(v)))
	}
	fmt.Fprintf(b, `<text class="name" text-anchor="end" x="%d" y="%d">%s</text>`, padL+plotW, bottom+33, html.EscapeString(c.xName))
	fmt.Fprintf(b, `<text class="name" transform="translate(13 %d) rotate(-90)" text-anchor="end">%s</text>`, padT, html.EscapeString(c.yName))
}

func (s *series) draw(b *strings.Builder, x, y axis) {
	if len(s.points) == 0 {
		return
	}
	var path strings.Builder
	for i, p := range s.points {
		fmt.Fprintf(&path, "%c%.1f %.1f", "ML"[min(i, 1)], x.at(p.x), y.at(p.y))
	}
	if s.area {
		fmt.Fprintf(b, `<path class="area %s" d="%sL%.1f %.1fL%.1f %.1fZ"/>`, s.class, path.String(),
			x.at(s.points[len(s.points)-1].x), y.from, x.at(s.points[0].x), y.from)
	}
	class := "line " + s.class
	if s.dashed {
		class += " dashed"
	}
	fmt.Fprintf(b, `<path class="%s" d="%s"/>`, class, path.String())
	if s.dashed || s.area {
		return
	}
	for _, p := range s.points {
		fmt.Fprintf(b, `<circle class="dot %s" cx="%.1f" cy="%.1f" r="3.5"><title>%s: %s</title></circle>`,
			s.class, x.at(p.x), y.at(p.y), html.EscapeString(s.name), short(p.y))
	}
}

// drawLegend lists the series beside the title, the last one at the right edge.
func (c *chart) drawLegend(b *strings.Builder) {
	right := padL + plotW
	for _, s := range slices.Backward(c.series) {
		fmt.Fprintf(b, `<text class="tick" text-anchor="end" x="%d" y="15">%s</text>`, right, html.EscapeString(s.name))
		right -= len(s.name)*6 + 16 // about as wide as the text, and the key
		fmt.Fprintf(b, `<rect class="key %s" x="%d" y="6" width="10" height="10" rx="2"/>`, s.class, right)
		right -= 10
	}
}

// niceStep rounds up to 1, 2 or 5 times a power of ten.
func niceStep(v float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if v <= m*p*1.0001 {
			return m * p
		}
	}
	return 10 * p
}
