package retry

import (
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The server's clock is three hours ahead.
var (
	ours   = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	theirs = ours.Add(3 * time.Hour)
)

func stamp(t time.Time) string { return t.Format(http.TimeFormat) }

func TestAfterParsesTheHeader(t *testing.T) {
	const invalid = -1
	for _, c := range []struct {
		name, value, date string
		want              time.Duration
	}{
		{"seconds", "7", stamp(theirs), 7 * time.Second},
		{"zero", "0", "", 0},
		{"leading zeros", "007", "", 7 * time.Second},
		{"spaces around", " \t12 ", "", 12 * time.Second},
		{"the maximum", "300", "", MaxAfter},
		{"above the maximum", "301", "", MaxAfter},
		{"a day", "86400", "", MaxAfter},
		{"more seconds than fit a duration", "9223372037", "", MaxAfter},
		{"more than 64 bits", "18446744073709551616", "", MaxAfter},
		{"a hundred digits", "9999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999", "", MaxAfter},

		{"date relative to the Date header", stamp(theirs.Add(9 * time.Second)), stamp(theirs), 9 * time.Second},
		{"date equal to the Date header", stamp(theirs), stamp(theirs), 0},
		{"date with spaces around", " " + stamp(theirs.Add(time.Second)) + " ", stamp(theirs), time.Second},
		{"date without Date", stamp(ours.Add(40 * time.Second)), "", 40 * time.Second},
		{"date with a broken Date", stamp(ours.Add(40 * time.Second)), "yesterday", 40 * time.Second},
		{"date in the format of RFC 850", "Sunday, 01-Mar-26 15:00:05 GMT", stamp(theirs), 5 * time.Second},
		{"date in the format of asctime", "Sun Mar  1 15:00:05 2026", stamp(theirs), 5 * time.Second},
		{"date an hour ahead", stamp(theirs.Add(time.Hour)), stamp(theirs), MaxAfter},
		{"date centuries ahead", "Fri, 31 Dec 9999 23:59:59 GMT", stamp(theirs), MaxAfter},
		{"date before the Date header", stamp(theirs.Add(-time.Second)), stamp(theirs), invalid},
		{"date centuries ago", "Mon, 01 Jan 0001 00:00:00 GMT", stamp(theirs), invalid},
		{"date in the past without Date", stamp(ours.Add(-time.Second)), "", invalid},

		{"empty", "", stamp(theirs), invalid},
		{"only spaces", "   ", "", invalid},
		{"negative", "-1", "", invalid},
		{"negative zero", "-0", "", invalid},
		{"plus sign", "+5", "", invalid},
		{"fraction", "1.5", "", invalid},
		{"exponent", "1e2", "", invalid},
		{"hexadecimal", "0x10", "", invalid},
		{"non-ASCII digits", "٣", "", invalid},
		{"unit", "5s", "", invalid},
		{"two values", "5, 6", "", invalid},
		{"words", "soon", "", invalid},
		{"date in another format", theirs.Format(time.RFC3339), stamp(theirs), invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			wait, ok := After(c.value, c.date, ours)
			switch {
			case c.want == invalid && ok:
				t.Errorf("After(%q, %q): got %v, want not ok", c.value, c.date, wait)
			case c.want != invalid && (!ok || wait != c.want):
				t.Errorf("After(%q, %q): got %v, %v, want %v", c.value, c.date, wait, ok, c.want)
			}
		})
	}
}

func TestAfterIsNeverNegativeOrTooLong(t *testing.T) {
	value := rapid.OneOf(
		rapid.String(),
		rapid.StringMatching(`[ +-]?[0-9]{0,30}(\.[0-9])?`),
		rapid.Map(rapid.Int64Range(-1e10, 1e10), func(s int64) string { return stamp(ours.Add(time.Duration(s) * time.Second)) }),
	)
	rapid.Check(t, func(t *rapid.T) {
		v, date := value.Draw(t, "value"), value.Draw(t, "date")
		if wait, ok := After(v, date, ours); ok && (wait < 0 || wait > MaxAfter) {
			t.Fatalf("After(%q, %q): got %v, want 0 to %v", v, date, wait, MaxAfter)
		}
	})
}
