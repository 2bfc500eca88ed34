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

// The forms of RFC 9110, 5.6.7, read by hand.
var (
	months   = strings.Fields("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec")
	imfDate  = regexp.MustCompile(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) ([A-Z][a-z][a-z]) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$`)
	ansiDate = regexp.MustCompile(`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([A-Z][a-z][a-z]) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})$`)
	allDigit = regexp.MustCompile(`^[0-9]+$`)
)

// secondsOf is the moment that a date names, in seconds since the year 0, by the
// rules of the calendar.
func secondsOf(s string) (n int64, ok bool) {
	var day, month, year, hour, minute, second string
	if m := imfDate.FindStringSubmatch(s); m != nil {
		day, month, year, hour, minute, second = m[1], m[2], m[3], m[4], m[5], m[6]
	} else if m := ansiDate.FindStringSubmatch(s); m != nil {
		month, day, hour, minute, second, year = m[1], strings.TrimSpace(m[2]), m[3], m[4], m[5], m[6]
	} else {
		return 0, false
	}
	number := func(s string) int64 { n, _ := strconv.ParseInt(s, 10, 64); return n }
	y, mon, d := number(year), int64(slices.Index(months, month)), number(day)
	leap := func(y int64) bool { return y%4 == 0 && (y%100 != 0 || y%400 == 0) }
	length := []int64{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	if leap(y) {
		length[1] = 29
	}
	if mon < 0 || d < 1 || d > length[mon] || number(hour) > 23 || number(minute) > 59 || number(second) > 59 {
		return 0, false
	}
	days := d
	for _, l := range length[:mon] {
		days += l
	}
	for i := range y {
		days += 365
		if leap(i) {
			days++
		}
	}
	return ((days*24+number(hour))*60+number(minute))*60 + number(second), true
}

// isDate is whether anything like a date is there, more kindly read.
func isDate(s string) bool {
	_, err := http.ParseTime(s)
	return err == nil
}

// What is obeyed lies between 0 and 300 s; what is valid is obeyed as a
// reference of other making has it, and what is neither digits nor a date is
// ignored.
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
		until, valid := secondsOf(value)
		if !valid {
			if ok && !isDate(value) {
				t.Fatalf("After(%q): got %v, want it ignored", value, wait)
			}
			return
		}
		from, dated := secondsOf(date)
		switch {
		case !dated && isDate(date):
			return // a form that only the product reads
		case !dated:
			const year1970 = 62_167_219_200 // seconds from the year 0, day 0 to the epoch
			from = year1970 + 86_400 + now.Unix()
		}
		want := min(time.Duration(min(until-from, 1000))*time.Second, 300*time.Second)
		if ok != (until >= from) || ok && wait != want {
			t.Fatalf("After(%q, %q, %v): got %v, %v, want %v", value, date, now, wait, ok, want)
		}
	})
}
