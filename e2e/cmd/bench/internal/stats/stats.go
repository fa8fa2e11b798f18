package stats

import (
	"math"
	"slices"
)

// Median returns the middle of values, or NaN when there are none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(values))
	m := len(s) / 2
	if len(s)%2 == 1 {
		return s[m]
	}
	return (s[m-1] + s[m]) / 2
}

// Spread returns how far the values lie apart, as a share of their median:
// (largest - smallest) / median. It is 0 for fewer than two.
func Spread(values []float64) float64 {
	if len(values) < 2 {
		return 0
	}
	m := Median(values)
	if m == 0 {
		return 0
	}
	return (slices.Max(values) - slices.Min(values)) / math.Abs(m)
}
