package retry

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestWithoutJitterTheWaitsDoubleUpToTheLimit(t *testing.T) {
	w := NewWaits(time.Second, 4*time.Second, None)
	var got []time.Duration
	for range 5 {
		got = append(got, w.Next())
	}
	want := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 4 * time.Second, 4 * time.Second}
	if !slices.Equal(got, want) {
		t.Errorf("waits: got %v, want %v", got, want)
	}
}

func TestTheLimitIsReachedExactly(t *testing.T) {
	w := NewWaits(time.Second, 3*time.Second, None)
	want := []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 3 * time.Second}
	for i, d := range want {
		if got := w.Next(); got != d {
			t.Errorf("wait %d: got %v, want %v", i+1, got, d)
		}
	}
}

func TestAFirstWaitOverTheLimitIsTheLimit(t *testing.T) {
	if got, want := NewWaits(10*time.Second, 4*time.Second, None).Next(), 4*time.Second; got != want {
		t.Errorf("first wait: got %v, want %v", got, want)
	}
}

// plan is the sequence by its definition, for any first wait and limit.
func plan(first, limit time.Duration, n int) []time.Duration {
	var all []time.Duration
	for d := first; len(all) < n; d *= 2 {
		all = append(all, min(d, limit))
		if d >= limit {
			d = limit
		}
	}
	return all
}

func TestJitterStaysWithinItsBounds(t *testing.T) {
	for _, c := range []struct {
		jitter Jitter
		least  func(d time.Duration) time.Duration
	}{
		{None, func(d time.Duration) time.Duration { return d }},
		{Equal, func(d time.Duration) time.Duration { return d / 2 }},
		{Full, func(time.Duration) time.Duration { return 0 }},
	} {
		t.Run(c.jitter.String(), rapid.MakeCheck(func(t *rapid.T) {
			first := time.Duration(rapid.Int64Range(1, int64(time.Minute)).Draw(t, "first"))
			limit := time.Duration(rapid.Int64Range(1, int64(10*time.Minute)).Draw(t, "limit"))
			w := NewWaits(first, limit, c.jitter)
			for i, d := range plan(first, limit, 12) {
				// The library doubles in floating point, which may cut a nanosecond.
				if got := w.Next(); got < c.least(d)-1 || got > d {
					t.Fatalf("wait %d: got %d, want %d to %d", i+1, got, c.least(d), d)
				}
			}
		}))
	}
}

// A jitter that is always the same is none: clients that failed together would
// come back together.
func TestJitterSpreadsTheWaits(t *testing.T) {
	for _, c := range []struct {
		jitter      Jitter
		low, middle time.Duration // of a wait of one second
	}{
		{Equal, 500 * time.Millisecond, 750 * time.Millisecond},
		{Full, 0, 500 * time.Millisecond},
	} {
		quarter := (c.middle - c.low) / 2
		var below, above int
		for range 400 {
			switch d := NewWaits(time.Second, time.Second, c.jitter).Next(); {
			case d < c.low+quarter:
				below++
			case d > c.middle+quarter:
				above++
			}
		}
		// A quarter of the waits falls into each; 20 of 400 is nine deviations away.
		if below < 20 || above < 20 {
			t.Errorf("%v: of 400 waits %d in the lowest quarter and %d in the highest, want about 100 in each", c.jitter, below, above)
		}
	}
}

func TestParseJitterReadsWhatStringWrites(t *testing.T) {
	for _, want := range []Jitter{None, Equal, Full} {
		if got, err := ParseJitter(want.String()); got != want || err != nil {
			t.Errorf("ParseJitter(%q): got %v, %v, want %v", want.String(), got, err, want)
		}
	}
}

func TestParseJitterSaysWhatIsAccepted(t *testing.T) {
	for _, s := range []string{"", "Equal", "half", "none "} {
		_, err := ParseJitter(s)
		if err == nil {
			t.Errorf("ParseJitter(%q): got no error, want one", s)
			continue
		}
		for _, name := range []string{"none", "equal", "full"} {
			if !strings.Contains(err.Error(), name) {
				t.Errorf("ParseJitter(%q): got %q, want it to name %s", s, err, name)
			}
		}
	}
}
