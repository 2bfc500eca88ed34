package snapshot

import (
	"testing"
	"time"
	"unsafe"
)

// setAhead is the same moment on a machine whose wall clock has meanwhile been
// set ahead. A time made by time.Now holds two clocks: the wall's, in which it
// is printed, and a monotonic one, by which times are subtracted as long as
// both have it. The package time can move the two only together, so this adds
// to the wall's 33 bits of seconds in its first word, and sees that it worked.
func setAhead(t *testing.T, now time.Time, d time.Duration) time.Time {
	t.Helper()
	moved := now
	*(*uint64)(unsafe.Pointer(&moved)) += uint64(d/time.Second) << 30
	if moved.Round(0).Sub(now.Round(0)) != d || moved.Sub(now) != 0 {
		t.Skip("package time stores its clocks in another way now")
	}
	return moved
}

func TestSettingTheWallClockAgesNothing(t *testing.T) {
	now := time.Now()
	d := document()
	r := Record{}.Fetched(d, now)
	for _, by := range []time.Duration{24 * time.Hour, -24 * time.Hour} {
		if moved := setAhead(t, now.Add(time.Second), by); !r.Fresh(moved, ttl) {
			t.Errorf("Fresh() with the clock set by %v: got false, want true", by)
		}
		r := r.Failed(timeout, setAhead(t, now.Add(2*time.Second), by))
		if moved := setAhead(t, now.Add(maxStale-1), by); r.Current(moved, maxStale) != d || !r.Stale(moved, maxStale) {
			t.Errorf("Current(), Stale() with the clock set by %v: got %v, %v, want the document and true",
				by, r.Current(moved, maxStale), r.Stale(moved, maxStale))
		}
		if moved := setAhead(t, now.Add(maxStale), by); r.Current(moved, maxStale) != nil {
			t.Errorf("Current() at the limit with the clock set by %v: got a document, want nil", by)
		}
	}
}

// Comparing with == sees the monotonic reading, which Equal does not: it would
// be lost by Round, UTC, In or any form of writing a time down.
func TestARecordKeepsTheMonotonicReadings(t *testing.T) {
	now := time.Now()
	r := Record{}.Fetched(document(), now).Failed(timeout, now.Add(time.Second))
	if r.At != now || r.Since != now.Add(time.Second) {
		t.Errorf("At, Since: got %v, %v, want %v, %v", r.At, r.Since, now, now.Add(time.Second))
	}
	if got := r.Expires(maxStale); got != now.Add(maxStale) {
		t.Errorf("Expires(): got %v, want %v", got, now.Add(maxStale))
	}
}
