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

func TestDurationsHaveAtMostTwoUnits(t *testing.T) {
	for s, want := range map[float64]string{
		-1: "0 s", 0: "0 s", 0.4: "0 s", 59.4: "59 s", 59.6: "1 min", 61: "1 min 1 s", 3599: "59 min 59 s", 3600: "1 h", 3 * 3661: "3 h 3 min",
		47 * 3600: "47 h", 48 * 3600: "2 d", 50*3600 + 1800: "2 d 2 h",
	} {
		if got := spaced(formatDuration(s)); got != want {
			t.Errorf("%v: got %q, want %q", s, got, want)
		}
	}
}

func TestNumbersHaveThreeDigitsAndAPrefix(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0 B", 0.001: "<0.01 B", 0.25: "0.25 B", 9.996: "10.0 B", 99.96: "100 B", 999.4: "999 B", 999.6: "1.00 kB", 1234: "1.23 kB",
		98765: "98.8 kB", 1e6: "1.00 MB", 18446744073709551615: "18.4 EB", 1e30: "1000000 YB",
	} {
		if got := spaced(human(x, "B")); got != want {
			t.Errorf("%v: got %q, want %q", x, got, want)
		}
	}
	for s, want := range map[float64]string{0: "0 ms", 0.0123: "12.3 ms", 0.9994: "999 ms", 0.9996: "1.00 s", 12: "12.0 s"} {
		if got := spaced(latency(s)); got != want {
			t.Errorf("%v: got %q, want %q", s, got, want)
		}
	}
	if got := spaced(grouped(1234567)); got != "1 234 567" {
		t.Errorf("got %q, want 1 234 567", got)
	}
}

func TestAnOpenBreakerShowsWhenItLetsAProbeThrough(t *testing.T) {
	twelve, none := 12.0, 0.0
	for _, c := range []struct {
		state string
		wait  *float64
		want  string
	}{
		{"closed", nil, "closed"},
		{"half_open", nil, "half-open, probing"},
		{"open", &twelve, "open, probe in 12 s"},
		{"open", &none, "open, probe due"},
		{"open", nil, "open, probe due"},
	} {
		if got := spaced(breakerText(c.state, c.wait)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.state, got, c.want)
		}
	}
}

func TestInvisibleCharactersAreMadeVisible(t *testing.T) {
	for text, want := range map[string]string{
		"a b": "a b", "日本": "日本", "a\x00b\x1b": `a\x00b\x1b`, "\u202ea": `\u202ea`, "\n": `\n`, "'": "'", "\u2028": `\u2028`, "a\xffb": "a\ufffdb",
	} {
		if got := plain(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestAnErrorIsNotRepeatedInItsDetail(t *testing.T) {
	for text, want := range map[string]string{
		"fetch nodes: no answer in time": "", "fetch nodes: HTTP status 500": " HTTP status 500", "fetch metrics: a\x1b": ` fetch metrics: a\x1b`,
	} {
		if got := errorDetail(text, "timeout", "nodes"); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
