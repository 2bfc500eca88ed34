package retry

import (
	"math/big"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The date formats of RFC 9110, section 5.6.7.
var (
	months   = strings.Fields("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec")
	imfDate  = regexp.MustCompile(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) ([A-Z][a-z][a-z]) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$`)
	ansiDate = regexp.MustCompile(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([A-Z][a-z][a-z]) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})$`)
	allDigit = regexp.MustCompile(`^[0-9]+$`)
)

// parseDate parses a date without http.ParseTime.
func parseDate(s string) (at time.Time, ok bool) {
	var day, month, year, hour, minute, second string
	if m := imfDate.FindStringSubmatch(s); m != nil {
		day, month, year, hour, minute, second = m[1], m[2], m[3], m[4], m[5], m[6]
	} else if m := ansiDate.FindStringSubmatch(s); m != nil {
		month, day, hour, minute, second, year = m[1], strings.TrimSpace(m[2]), m[3], m[4], m[5], m[6]
	} else {
		return at, false
	}
	number := func(s string) int { n, _ := strconv.Atoi(s); return n }
	mon, d, h, mi, sec := slices.Index(months, month)+1, number(day), number(hour), number(minute), number(second)
	at = time.Date(number(year), time.Month(mon), d, h, mi, sec, 0, time.UTC)
	// time.Date normalizes an invalid date, such as February 30, to another one.
	return at, mon > 0 && d > 0 && at.Day() == d && at.Hour() == h && at.Minute() == mi && at.Second() == sec
}

// isDate reports whether net/http, which is more lenient than parseDate, accepts a date.
func isDate(s string) bool {
	_, err := http.ParseTime(s)
	return err == nil
}

// FuzzAfter checks that a wait is between 0 and 300 s, that valid values have the same
// result as in a second implementation, and that other values are ignored.
func FuzzAfter(f *testing.F) {
	const date = "Sun, 01 Mar 2026 15:00:00 GMT"
	for _, value := range []string{
		"", "0", "7", "300", "301", "-1", "+5", "1.5", "1e2", "0x10", "٣", "9223372036854775807", "9223372036854775808", "9223372036", "18446744073709551617",
		"\v5", "5\n", "Sun, 01 Mar 2026 15:04:59 GMT", "Sun, 01 Mar 2026 14:59:59 GMT", "Sun Mar  1 15:00:05 2026", "Sunday, 01-Mar-26 15:00:05 GMT",
		"Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0000 00:00:00 GMT", "Tue, 30 Feb 2026 00:00:00 GMT", "Thu, 29 Feb 2024 00:00:00 GMT",
		"Sun, 01 Mar 2026 15:00:00.999999999 GMT", "Sun, 01 Mar 2026 15:00:60 GMT", "sun, 01 mar 2026 15:00:05 gmt",
	} {
		f.Add(value, date, int64(1772366400))
		f.Add(value, "", int64(1772366400))
	}
	f.Add("7", "yesterday", int64(0))
	f.Add("Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0000 00:00:00 GMT", int64(0))
	f.Fuzz(func(t *testing.T, value, date string, unix int64) {
		now := time.Unix(unix%(1<<36), 0)
		wait, ok := After(value, date, now)
		if ok && (wait < 0 || wait > 300*time.Second) {
			t.Fatalf("After(%q, %q): got %v, want 0 to 300 s", value, date, wait)
		}
		value = strings.TrimSpace(value)
		if allDigit.MatchString(value) {
			n, _ := new(big.Int).SetString(value, 10)
			want := 300 * time.Second
			if n.Cmp(big.NewInt(300)) < 0 {
				want = time.Duration(n.Int64()) * time.Second
			}
			if !ok || wait != want {
				t.Fatalf("After(%q): got %v, %v, want %v", value, wait, ok, want)
			}
			return
		}
		until, valid := parseDate(value)
		if !valid {
			if ok && !isDate(value) {
				t.Fatalf("After(%q): got %v, want not ok", value, wait)
			}
			return
		}
		from, dated := parseDate(date)
		switch {
		case !dated && isDate(date):
			return // a format that only net/http accepts
		case !dated:
			from = now
		}
		want := min(until.Sub(from), 300*time.Second) // Sub saturates
		if ok != !until.Before(from) || ok && wait != want {
			t.Fatalf("After(%q, %q, %v): got %v, %v, want %v", value, date, now, wait, ok, want)
		}
	})
}
