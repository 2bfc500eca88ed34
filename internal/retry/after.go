package retry

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxAfter is the longest Retry-After that is obeyed.
const MaxAfter = 300 * time.Second

// After reads a Retry-After header (RFC 9110, 10.2.3): a number of seconds, or
// a date that is taken relative to the answer's own Date, so that no clock has
// to agree with another; without a valid Date, relative to now. ok is false if
// there is none, it is in the past, or it is not understood. More than
// MaxAfter, or more than fits a number, is MaxAfter.
func After(value, date string, now time.Time) (wait time.Duration, ok bool) {
	value = strings.TrimSpace(value)
	if digits(value) {
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n > int64(MaxAfter/time.Second) {
			return MaxAfter, true
		}
		return time.Duration(n) * time.Second, true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	if from, err := http.ParseTime(date); err == nil {
		now = from
	}
	wait = at.Sub(now)
	return min(wait, MaxAfter), wait >= 0
}

func digits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}
