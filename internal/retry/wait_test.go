package retry

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// waits is the sequence of waits within one collection.
type waits struct {
	first, limit time.Duration
	jitter       Jitter
	n            int
}

func newWaits(first, limit time.Duration, j Jitter) *waits {
	return &waits{first: first, limit: limit, jitter: j}
}

func (w *waits) next() time.Duration {
	w.n++
	return w.jitter.Wait(w.n, w.first, w.limit, rand.N[time.Duration])
}

func TestWithoutJitterTheWaitsDoubleUpToTheLimit(t *testing.T) {
	w := newWaits(time.Second, 4*time.Second, None)
	var got []time.Duration
	for range 5 {
		got = append(got, w.next())
	}
	want := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 4 * time.Second, 4 * time.Second}
	if !slices.Equal(got, want) {
		t.Errorf("waits: got %v, want %v", got, want)
	}
}

func TestTheLimitIsReachedExactly(t *testing.T) {
	w := newWaits(time.Second, 3*time.Second, None)
	want := []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 3 * time.Second}
	for i, d := range want {
		if got := w.next(); got != d {
			t.Errorf("wait %d: got %v, want %v", i+1, got, d)
		}
	}
}

func TestAFirstWaitOverTheLimitIsTheLimit(t *testing.T) {
	if got, want := newWaits(10*time.Second, 4*time.Second, None).next(), 4*time.Second; got != want {
		t.Errorf("first wait: got %v, want %v", got, want)
	}
}

func TestTheLongestLimitDoesNotOverflow(t *testing.T) {
	for n := 60; n < 80; n++ {
		if got := None.Wait(n, time.Second, math.MaxInt64, nil); got < 0 || n > 40 && got != math.MaxInt64 {
			t.Fatalf("wait %d: got %v, want the limit", n, got)
		}
	}
}

// The ends of what may be drawn are the ends of the wait.
func TestJitterDrawsFromTheWholeRange(t *testing.T) {
	least := func(time.Duration) time.Duration { return 0 }
	most := func(n time.Duration) time.Duration { return n - 1 }
	for _, c := range []struct {
		jitter   Jitter
		from, to time.Duration
	}{{Equal, 2, 3}, {Full, 0, 3}, {None, 3, 3}} {
		if from, to := c.jitter.Wait(1, 3, 9, least), c.jitter.Wait(1, 3, 9, most); from != c.from || to != c.to {
			t.Errorf("%v: got %d to %d of 3, want %d to %d", c.jitter, from, to, c.from, c.to)
		}
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
			w := newWaits(first, limit, c.jitter)
			for i, d := range plan(first, limit, 12) {
				if got := w.next(); got < c.least(d) || got > d {
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
			switch d := newWaits(time.Second, time.Second, c.jitter).next(); {
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
