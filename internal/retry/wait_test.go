package retry

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// wait returns the n-th wait with random jitter.
func wait(j Jitter, n int, first, limit time.Duration) time.Duration {
	return j.Wait(n, first, limit, rand.N[time.Duration])
}

func TestWaitsWithoutJitter(t *testing.T) {
	for name, c := range map[string]struct {
		first, limit time.Duration
		want         []time.Duration
	}{
		"double up to the limit":                       {1, 4, []time.Duration{1, 2, 4, 4, 4}},
		"reach the limit exactly":                      {1, 3, []time.Duration{1, 2, 3, 3}},
		"equal the limit if the first wait exceeds it": {10, 4, []time.Duration{4}},
		"do not overflow below the largest limit":      {1 << 61, math.MaxInt64, []time.Duration{1 << 61, 1 << 62, math.MaxInt64, math.MaxInt64}},
	} {
		for i, want := range c.want {
			if got := wait(None, i+1, c.first, c.limit); got != want {
				t.Errorf("waits that %s: wait %d: got %d, want %d", name, i+1, got, want)
			}
		}
	}
	for n := 60; n < 80; n++ {
		if got := wait(None, n, time.Second, math.MaxInt64); got != math.MaxInt64 {
			t.Errorf("wait %d: got %v, want the limit", n, got)
		}
	}
}

func TestJitterUsesTheWholeRange(t *testing.T) {
	least := func(time.Duration) time.Duration { return 0 }
	most := func(n time.Duration) time.Duration { return n - 1 }
	for _, c := range []struct {
		jitter   Jitter
		from, to time.Duration
	}{{Equal, 2, 3}, {Full, 0, 3}, {None, 3, 3}} {
		if from, to := c.jitter.Wait(1, 3, 9, least), c.jitter.Wait(1, 3, 9, most); from != c.from || to != c.to {
			t.Errorf("%v: got waits from %d to %d, want %d to %d", c.jitter, from, to, c.from, c.to)
		}
	}
}

func TestParseJitterAcceptsWhatStringReturns(t *testing.T) {
	for _, want := range []Jitter{None, Equal, Full} {
		if got, err := ParseJitter(want.String()); got != want || err != nil {
			t.Errorf("ParseJitter(%q): got %v, %v, want %v", want.String(), got, err, want)
		}
	}
}

func TestParseJitterErrorsListTheValidNames(t *testing.T) {
	for _, s := range []string{"", "Equal", "half", "none "} {
		_, err := ParseJitter(s)
		if err == nil {
			t.Errorf("ParseJitter(%q): got no error, want one", s)
			continue
		}
		for _, name := range []string{"none", "equal", "full"} {
			if !strings.Contains(err.Error(), name) {
				t.Errorf("ParseJitter(%q): got %q, want it to contain %s", s, err, name)
			}
		}
	}
}
