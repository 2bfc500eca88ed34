package history

import "math"

// compact is a number that is not negative in two bytes, exact to 0.05 %: an hour
// of ten thousand upstreams has to fit into memory. Its zero value is unknown.
type compact uint16

// A compact above 1 is an exponent and the ten bits after the leading one.
const (
	compactBits   = 10
	compactOne    = 1 << compactBits
	leastExponent = -24
	zero          = compact(1)
	least         = compact(2)
	greatest      = compact(math.MaxUint16)
)

// compacted returns the compact that is nearest to x. A number above 0 does not
// become 0.
func compacted(x float64) compact {
	if math.IsNaN(x) || x < 0 {
		return 0
	}
	if x == 0 {
		return zero
	}
	if math.IsInf(x, 1) {
		return greatest
	}
	part, exponent := math.Frexp(x) // 0.5 <= part < 1
	code := (exponent-leastExponent)*compactOne + int(math.Round((2*part-1)*compactOne)) + int(least)
	return compact(min(max(code, int(least)), int(greatest)))
}

// value returns the number, NaN for unknown.
func (c compact) value() float64 {
	switch c {
	case 0:
		return math.NaN()
	case zero:
		return 0
	}
	code := int(c - least)
	return math.Ldexp(1+float64(code%compactOne)/compactOne, code/compactOne+leastExponent-1)
}
