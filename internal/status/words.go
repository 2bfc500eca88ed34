package status

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/betanet/betanet_exporter/internal/status/history"
)

// nbsp is a no-break space, used between a number and its unit and between groups of
// digits.
const nbsp = "\u00a0"

// unknown is shown instead of an unknown value.
const unknown = "–"

// reasons has a description of each reason for the failure of a collection.
var reasons = map[string]string{
	"connect":      "no connection",
	"reset":        "connection reset",
	"eof":          "connection closed early",
	"protocol":     "response is not HTTP",
	"dns":          "name not resolved",
	"proxy":        "no connection through the proxy",
	"timeout":      "no answer in time",
	"tls":          "TLS failed",
	"http_5xx":     "HTTP 5xx, service error",
	"http_4xx":     "HTTP 4xx, request refused by the service",
	"http_429":     "HTTP 429, too many requests",
	"auth":         "credentials refused",
	"http_status":  "unexpected HTTP status",
	"redirect":     "redirect not followed",
	"too_large":    "response too large",
	"encoding":     "unknown content encoding",
	"content_type": "content type is not JSON",
	"json_syntax":  "response is not valid JSON",
	"schema":       "response lacks a field or has one of the wrong type",
	"value":        "response has an impossible value",
	"canceled":     "canceled before the response",
	"local":        "the exporter's machine is out of resources",
}

// reasonText describes a reason. It returns an unknown reason unchanged.
func reasonText(reason string) string {
	if text, ok := reasons[reason]; ok {
		return text
	}
	return reason
}

// kinds has a description of each kind of event whose name is not clear by itself.
var kinds = map[history.Kind]string{history.Opened: "breaker opened", history.Closed: "breaker closed", history.Switched: "replica switched"}

func kindText(k history.Kind) string {
	if text, ok := kinds[k]; ok {
		return text
	}
	return string(k)
}

// errorDetail strips what the table already shows: endpoint and reason. The rest, if there
// is any, begins with a space.
func errorDetail(text, reason, endpoint string) string {
	text = strings.TrimPrefix(text, "fetch "+endpoint+": ")
	if text == reasonText(reason) {
		return ""
	}
	return " " + plain(text)
}

// breakerText describes the state of a circuit breaker. wait is the time in seconds until an
// open breaker allows a probe; nil is unknown.
func breakerText(state string, wait *float64) string {
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

// formatWait formats the seconds until a collection; nil means that it happens only on
// demand.
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

// formatDuration formats seconds, without fractions and with at most two units.
func formatDuration(s float64) string {
	switch n := int64(math.Round(max(0, s))); {
	case n < 60:
		return units(n, "s", 0, "")
	case n < 3600:
		return units(n/60, "min", n%60, "s")
	case n < 2*24*3600:
		return units(n/3600, "h", n%3600/60, "min")
	default:
		return units(n/(24*3600), "d", n%(24*3600)/3600, "h")
	}
}

// units joins two numbers with their units. It omits the second number if it is 0.
func units(a int64, aUnit string, b int64, bUnit string) string {
	text := fmt.Sprint(a, nbsp, aUnit)
	if b != 0 {
		text += fmt.Sprint(" ", b, nbsp, bUnit)
	}
	return text
}

// clock formats a time of day.
func clock(t time.Time) string { return t.UTC().Format(time.TimeOnly) }

// rfc3339 formats a time for the script, which shows it in local time.
func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// optional formats *x, or returns unknown for nil.
func optional[T any](x *T, show func(T) string) string {
	if x == nil {
		return unknown
	}
	return show(*x)
}

func number(n *uint64) string   { return optional(n, grouped) }
func seconds(s *float64) string { return optional(s, latency) }
func bytesOf(n *uint64) string {
	return optional(n, func(n uint64) string { return humanize(float64(n), "B") })
}

func uptime(s *uint64) string {
	return optional(s, func(s uint64) string { return formatDuration(float64(s)) })
}

func groupedInt(n int) string { return grouped(uint64(max(0, n))) }

// grouped formats a number with its digits in groups of three.
func grouped(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + nbsp + digits[i:]
	}
	return digits
}

// prefixes are the SI prefixes of the powers of 1000.
var prefixes = [...]string{"", "k", "M", "G", "T", "P", "E", "Z", "Y"}

// humanize formats a number with up to three digits and an SI prefix before its unit.
func humanize(x float64, unit string) string {
	power := 0
	for math.Abs(x) >= 999.5 && power < len(prefixes)-1 {
		x, power = x/1000, power+1
	}
	return digits(x) + nbsp + prefixes[power] + unit
}

// digits formats a number of at least 1 with three significant digits, and a smaller one
// with two decimals. Only 0 itself becomes "0".
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

func latency(s float64) string {
	if s < 0.9995 {
		return digits(s*1000) + nbsp + "ms"
	}
	return digits(s) + nbsp + "s"
}

func perSecond(x float64) string      { return humanize(x, "/s") }
func bytesPerSecond(x float64) string { return humanize(x, "B/s") }
func percent(x float64) string        { return digits(x*100) + nbsp + "%" }
func count(x float64) string          { return grouped(uint64(x)) }

// plain escapes invisible characters in a text from an upstream, such as control
// characters and characters that change the direction of writing.
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

// wholeSeconds formats an age for the script, which updates it every second.
func wholeSeconds(s float64) string { return strconv.FormatFloat(max(0, s), 'f', 0, 64) }
