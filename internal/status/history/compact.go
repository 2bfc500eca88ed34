package history

import "math"

// compact is a non-negative number in two bytes, precise to 0.05 %, which keeps the hours
// of ten thousand upstreams small. The zero value is unknown.
type compact uint16

// A compact of at least compactMin encodes an exponent and the mantissa bits after the
// leading 1.
const (
	mantissaBits = 10
	mantissaSize = 1 << mantissaBits
	minExponent  = -24
	compactZero  = compact(1)
	compactMin   = compact(2)
)

// compacted returns the compact nearest to x. NaN and negative numbers are unknown. A
// number above 0 does not become 0.
func compacted(x float64) compact {
	if math.IsNaN(x) || x < 0 {
		return 0
	}
	if x == 0 {
		return compactZero
	}
	fraction, exponent := math.Frexp(min(x, math.MaxFloat64)) // 0.5 <= fraction < 1
	code := (exponent-minExponent)*mantissaSize + int(math.Round((2*fraction-1)*mantissaSize)) + int(compactMin)
	return compact(min(max(code, int(compactMin)), math.MaxUint16))
}

// value returns the number, or NaN for unknown.
func (c compact) value() float64 {
	switch c {
	case 0:
		return math.NaN()
	case compactZero:
		return 0
	}
	code := int(c - compactMin)
	return math.Ldexp(1+float64(code%mantissaSize)/mantissaSize, code/mantissaSize+minExponent-1)
}
