package status

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/status/history"
)

// nbsp is a space that does not break, between a number and its unit or between
// groups of digits.
const nbsp = "\u00a0"

// unknown stands for a value that is not known.
const unknown = "–"

// reasons say in words why collections of an endpoint fail.
var reasons = map[string]string{
	"connect":      "no connection",
	"reset":        "connection reset",
	"eof":          "connection closed early",
	"protocol":     "answer is not HTTP",
	"dns":          "name not resolved",
	"proxy":        "no connection through the proxy",
	"timeout":      "no answer in time",
	"tls":          "TLS failed",
	"http_5xx":     "HTTP 5xx, an error of the service",
	"http_4xx":     "HTTP 4xx, the service refuses the request",
	"http_429":     "HTTP 429, the service asks for fewer requests",
	"auth":         "credentials refused",
	"http_status":  "unexpected HTTP status",
	"redirect":     "redirect not followed",
	"too_large":    "answer too large",
	"encoding":     "answer in an unknown encoding",
	"content_type": "answer is not JSON by its type",
	"json_syntax":  "answer is broken JSON",
	"schema":       "answer lacks a field or has a wrong type",
	"value":        "answer has an impossible value",
	"canceled":     "given up before the answer",
	"local":        "the exporter's own machine is short of something",
}

// reasonText is a reason in words, or itself if there are none.
func reasonText(reason string) string {
	if words, ok := reasons[reason]; ok {
		return words
	}
	return reason
}

// kinds say in words what happened, where the word for it is not enough.
var kinds = map[history.Kind]string{history.Opened: "breaker opened", history.Closed: "breaker closed", history.Switched: "replica switched"}

func kindText(k history.Kind) string {
	if words, ok := kinds[k]; ok {
		return words
	}
	return string(k)
}

// errorDetail strips what the table already shows: endpoint and reason.
func errorDetail(text, reason, endpoint string) string {
	text = strings.TrimPrefix(text, "fetch "+endpoint+": ")
	if text == reasonText(reason) {
		return ""
	}
	return " " + plain(text)
}

// breakerWords tells what a circuit breaker lets through.
func breakerWords(state string, wait *float64) string {
	switch {
	case state == "half_open":
		return "half-open, probing"
	case state != "open":
		return state
	case wait == nil || *wait < 0.5:
		return "open, probe due"
	default:
		return "open, probe in " + formatDuration(*wait)
	}
}

// formatAge is an age in words.
func formatAge(s *float64) string {
	if s == nil {
		return "never"
	}
	return formatDuration(*s) + " ago"
}

// formatWait is a wait in words.
func formatWait(s *float64) string {
	switch {
	case s == nil:
		return "on demand"
	case *s < 0.5:
		return "now"
	default:
		return "in " + formatDuration(*s)
	}
}

// formatDuration is a duration in words, to the second and with two units at most.
func formatDuration(s float64) string {
	switch n := int64(math.Round(max(0, s))); {
	case n < 60:
		return units(n, "s")
	case n < 3600:
		return units(n/60, "min", n%60, "s")
	case n < 2*24*3600:
		return units(n/3600, "h", n%3600/60, "min")
	default:
		return units(n/(24*3600), "d", n%(24*3600)/3600, "h")
	}
}

// units joins numbers and their units; a second number of 0 is left out.
func units(n int64, unit string, more ...any) string {
	text := fmt.Sprint(n) + nbsp + unit
	if len(more) == 2 && more[0] != int64(0) {
		text += fmt.Sprint(" ", more[0], nbsp, more[1])
	}
	return text
}

func uptime(s *uint64) string {
	if s == nil {
		return unknown
	}
	return formatDuration(float64(*s))
}

// clock is a time of day.
func clock(t time.Time) string { return t.UTC().Format(time.TimeOnly) }

// rfc3339 is a moment for a program: the script, which shows it in local time.
func rfc3339(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z07:00") }

// number is a count with its digits in groups.
func number(n *uint64) string {
	if n == nil {
		return unknown
	}
	return grouped(*n)
}

func groupedInt(n int) string { return grouped(uint64(max(0, n))) }

func itoa(n int) string { return strconv.Itoa(n) }

func grouped(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + nbsp + digits[i:]
	}
	return digits
}

// prefixes are those of powers of 1000.
var prefixes = [...]string{"", "k", "M", "G", "T", "P", "E", "Z", "Y"}

// human is a number of at most four digits with the prefix of its unit.
func human(x float64, unit string) string {
	power := 0
	for math.Abs(x) >= 999.5 && power < len(prefixes)-1 {
		x, power = x/1000, power+1
	}
	return digits(x) + nbsp + prefixes[power] + unit
}

// digits are three digits that count, and none behind the point for nothing. A
// number above 0 is not shown as 0.
func digits(x float64) string {
	switch a := math.Abs(x); {
	case x == 0:
		return "0"
	case a < 0.01:
		return "<0.01"
	case a >= 99.95:
		return strconv.FormatFloat(x, 'f', 0, 64)
	case a >= 9.995:
		return strconv.FormatFloat(x, 'f', 1, 64)
	default:
		return strconv.FormatFloat(x, 'f', 2, 64)
	}
}

func bytesOf(n *uint64) string {
	if n == nil {
		return unknown
	}
	return human(float64(*n), "B")
}

func seconds(s *float64) string {
	if s == nil {
		return unknown
	}
	return latency(*s)
}

func latency(s float64) string {
	if s < 0.9995 {
		return digits(s*1000) + nbsp + "ms"
	}
	return digits(s) + nbsp + "s"
}

func perSecond(x float64) string      { return human(x, "/s") }
func bytesPerSecond(x float64) string { return human(x, "B/s") }
func percent(x float64) string        { return digits(x*100) + nbsp + "%" }
func count(x float64) string          { return grouped(uint64(x)) }

// plain shows what cannot be seen in a text that an upstream gave: control
// characters, and those that turn the direction of writing.
func plain(text string) string {
	var b strings.Builder
	for _, r := range text {
		if strconv.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

func capital(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

// wholeSeconds is an age for the script, which lets it grow.
func wholeSeconds(s float64) string { return strconv.FormatFloat(max(0, s), 'f', 0, 64) }
