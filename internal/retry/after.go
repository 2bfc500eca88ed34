package retry

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxAfter is the longest wait that After returns.
const MaxAfter = 300 * time.Second

// After parses a Retry-After header (RFC 9110, section 10.2.3), which is a number of
// seconds or a date. A date is relative to the response's Date header, so that the
// clocks need not agree, or to now if Date is missing or malformed. ok is false if
// value is empty, malformed or in the past; ignore wait then. It is at most MaxAfter.
func After(value, date string, now time.Time) (wait time.Duration, ok bool) {
	value = strings.TrimSpace(value)
	if isNumber(value) {
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

// isNumber reports whether s consists of ASCII digits.
func isNumber(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}
