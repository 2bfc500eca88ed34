package history

import "math"

// mean is a weighted mean of known numbers. NaN means unknown, in arguments and results.
type mean struct{ sum, weight float64 }

func (m *mean) add(x, weight float64) {
	if !math.IsNaN(x) {
		m.sum += x * weight
		m.weight += weight
	}
}

func (m *mean) mean() float64 { return m.sum / m.weight } // 0/0 is NaN

// total returns the sum, NaN if no number is known.
func (m *mean) total() float64 {
	if m.weight == 0 {
		return math.NaN()
	}
	return m.sum
}

// known returns a pointer to x, or nil for NaN.
func known(x float64) *float64 {
	if math.IsNaN(x) {
		return nil
	}
	return &x
}
