package snapshot

import (
	"testing"
	"time"
	"unsafe"
)

// setAhead returns now as if the wall clock had been set ahead by d. A time from time.Now
// has two readings: one of the wall clock, for printing, and one of the monotonic clock, for
// subtracting. Package time can only change both together, so setAhead adds d to the 33
// bits of wall seconds in the first word of the time, and checks the result.
func setAhead(t *testing.T, now time.Time, d time.Duration) time.Time {
	t.Helper()
	moved := now
	*(*uint64)(unsafe.Pointer(&moved)) += uint64(d/time.Second) << 30
	if moved.Round(0).Sub(now.Round(0)) != d || moved.Sub(now) != 0 {
		t.Skip("package time stores the readings in another format")
	}
	return moved
}

func TestSettingTheWallClockDoesNotChangeAges(t *testing.T) {
	now := time.Now()
	r := Record{}.Fetched(doc, now)
	for _, by := range []time.Duration{24 * time.Hour, -24 * time.Hour} {
		if moved := setAhead(t, now.Add(time.Second), by); !r.Fresh(moved, ttl) {
			t.Errorf("Fresh() with the clock set by %v: got false, want true", by)
		}
		r := r.Failed(timeout, setAhead(t, now.Add(2*time.Second), by))
		if moved := setAhead(t, now.Add(maxStale-1), by); r.Current(moved, maxStale) != doc || !r.Stale(moved, maxStale) {
			t.Errorf("Current(), Stale() with the clock set by %v: got %v, %v, want the document and true",
				by, r.Current(moved, maxStale), r.Stale(moved, maxStale))
		}
		if moved := setAhead(t, now.Add(maxStale), by); r.Current(moved, maxStale) != nil {
			t.Errorf("Current() at the limit with the clock set by %v: got a document, want nil", by)
		}
	}
}

// Unlike Equal, == also compares the monotonic readings, which are removed by Round, UTC, In
// and every encoding.
func TestRecordKeepsTheMonotonicReadings(t *testing.T) {
	now := time.Now()
	r := Record{}.Fetched(doc, now).Failed(timeout, now.Add(time.Second))
	if r.At != now || r.Since != now.Add(time.Second) {
		t.Errorf("At, Since: got %v, %v, want %v, %v", r.At, r.Since, now, now.Add(time.Second))
	}
	if got := r.Expires(maxStale); got != now.Add(maxStale) {
		t.Errorf("Expires(): got %v, want %v", got, now.Add(maxStale))
	}
}
