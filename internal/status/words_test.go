package status

import (
	"testing"

	"github.com/betanet/betanet_exporter/internal/betanet"
)

func TestEveryReasonHasAText(t *testing.T) {
	for _, r := range betanet.Reasons() {
		if reasonText(string(r)) == string(r) {
			t.Errorf("reason %s has no text", r)
		}
	}
	if len(reasons) != len(betanet.Reasons()) {
		t.Errorf("got texts for %d reasons, want %d", len(reasons), len(betanet.Reasons()))
	}
}

func TestValuesAreFormattedForPeople(t *testing.T) {
	check := func(sentence, got, want string) {
		t.Helper()
		if got = spaced(got); got != want {
			t.Errorf("%s: got %q, want %q", sentence, got, want)
		}
	}
	for s, want := range map[float64]string{
		-1: "0 s", 0: "0 s", 0.4: "0 s", 59.4: "59 s", 59.6: "1 min", 61: "1 min 1 s", 3599: "59 min 59 s", 3600: "1 h", 3 * 3661: "3 h 3 min",
		47 * 3600: "47 h", 48 * 3600: "2 d", 50*3600 + 1800: "2 d 2 h",
	} {
		check("a duration has at most two units", formatDuration(s), want)
	}
	for x, want := range map[float64]string{
		0: "0 B", 0.001: "<0.01 B", 0.25: "0.25 B", 9.996: "10.0 B", 99.96: "100 B", 999.4: "999 B", 999.6: "1.00 kB", 1234: "1.23 kB",
		98765: "98.8 kB", 1e6: "1.00 MB", 18446744073709551615: "18.4 EB", 1e30: "1000000 YB",
	} {
		check("a number has three digits and a prefix", humanize(x, "B"), want)
	}
	for s, want := range map[float64]string{0: "0 ms", 0.0123: "12.3 ms", 0.9994: "999 ms", 0.9996: "1.00 s", 12: "12.0 s"} {
		check("a latency has three digits and a unit", latency(s), want)
	}
	check("digits are grouped", grouped(1234567), "1 234 567")
	check("a closed breaker is closed", breakerText("closed", nil), "closed")
	check("a half-open breaker is probing", breakerText("half_open", nil), "half-open, probing")
	check("an open breaker shows when it allows a probe", breakerText("open", new(12.0)), "open, probe in 12 s")
	check("an open breaker without a wait allows a probe", breakerText("open", new(0.0)), "open, probe due")
	check("an open breaker without a known wait allows a probe", breakerText("open", nil), "open, probe due")
	for text, want := range map[string]string{
		"a b": "a b", "日本": "日本", "a\x00b\x1b": `a\x00b\x1b`, "\u202ea": `\u202ea`, "\n": `\n`, "'": "'", "\u2028": `\u2028`, "a\xffb": "a\ufffdb",
	} {
		check("invisible characters are escaped", plain(text), want)
	}
	for text, want := range map[string]string{
		"fetch nodes: no answer in time": "", "fetch nodes: HTTP status 500": " HTTP status 500", "fetch metrics: a\x1b": ` fetch metrics: a\x1b`,
	} {
		check("a detail does not repeat the endpoint and the reason", errorDetail(text, "timeout", "nodes"), want)
	}
}
