package history

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestACompactNumberIsPreciseToOnePartIn2000(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := math.Ldexp(rapid.Float64Range(1, 2).Draw(t, "x"), rapid.IntRange(-24, 36).Draw(t, "exponent"))
		if got := compacted(x).value(); math.Abs(got-x) > x*0.0005 {
			t.Errorf("got %v, want %v", got, x)
		}
	})
}

func TestACompactNumberIsUnknownZeroOrAboveZero(t *testing.T) {
	for x, want := range map[float64]float64{0: 0, 1: 1, 1000: 1000, 0.5: 0.5, 1e-300: math.Ldexp(1, -25)} {
		if got := compacted(x).value(); got != want {
			t.Errorf("%v: got %v, want %v", x, got, want)
		}
	}
	for _, x := range []float64{math.NaN(), -1, math.Inf(-1)} {
		if got := compacted(x).value(); !math.IsNaN(got) {
			t.Errorf("%v: got %v, want NaN", x, got)
		}
	}
	if got := compacted(math.Inf(1)).value(); got < 1e11 || got != compacted(1e300).value() {
		t.Errorf("got %v for infinity, want the largest number", got)
	}
	var zero compact
	if got := zero.value(); !math.IsNaN(got) {
		t.Errorf("zero value: got %v, want NaN", got)
	}
}
